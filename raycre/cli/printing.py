"""How the command line prints what a verb returns."""

from __future__ import annotations

import json
from typing import Any


def print_result(result: dict[str, Any], as_json: bool) -> None:
    """Print what a verb returns: one JSON object, or lines and tables for people."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    for key, value in result.items():
        if key in ("config", "identity", "versions", "machine"):
            continue  # kept in run.json, of no interest at the end of a run
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{key}:")
            for line in _aligned(value):
                print(f"  {line}")
        else:
            print(f"{key}: {value}")


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    """Lay rows of one table under a header; rows of unlike keys become lines of key=value."""
    if any(row.keys() != rows[0].keys() for row in rows):
        return ["  ".join(f"{k}={v}" for k, v in row.items()) for row in rows]
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
