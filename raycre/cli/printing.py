"""How the command line prints what a verb returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

UNSHOWN = (
    "config",
    "identity",
    "versions",
    "machine",
)  # kept in run.json, of no interest at the end of a run
TABLES = ("elements", "table")  # of a finished run: its strongest elements, a sweep's settings


def print_result(result: dict[str, Any], as_json: bool, *closing: str) -> None:
    """Print what a verb returns: one JSON object, or lines and tables for people, then `closing`."""
    if as_json:
        print(json.dumps(result, default=str))
        return
    for key, value in result.items():
        if key in UNSHOWN:
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{key}:")
            for line in _aligned(value):
                print(f"  {line}")
        else:
            print(f"{key}: {in_words(value)}")
    for line in closing:
        print(line)


def print_run(record: dict[str, Any], out: Path, as_json: bool) -> None:
    """Print what a run found, where it lies and what to do next; of a dry run its plan and cost."""
    if as_json or "verb" not in record:
        print_result(record, as_json)
        return
    from raycre.store.summary import summarise

    print_result({key: record[key] for key in TABLES if record.get(key)}, False, *summarise(out, record))


def how_to_open(page: Path) -> str:
    """Say how a person opens a page; one in a bucket has to be copied first."""
    if "://" in str(page):
        return f"copy it to a disk and open it in a browser: {page}"
    return f"open it in a browser: {page.resolve().as_uri()}"


def in_words(value: object) -> str:
    """Return a value in words: no brackets, braces and quotation marks of Python's."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_inner(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple | set):
        return ", ".join(_inner(one) for one in value) or "none"
    return str(value)


def _inner(value: object) -> str:
    nested = isinstance(value, Mapping) or (isinstance(value, list | tuple) and len(value) != 1)
    return f"({in_words(value)})" if nested and value else in_words(value)


def _aligned(rows: list[dict[str, Any]]) -> list[str]:
    """Lay rows of one table under a header; rows of unlike keys become lines of key=value."""
    if any(row.keys() != rows[0].keys() for row in rows):
        return ["  ".join(f"{k}={in_words(v)}" for k, v in row.items()) for row in rows]
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else in_words(value)
