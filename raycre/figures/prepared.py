"""What a preparation counted, step by step, beside the paper's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from raycre.figures.blocks import Block, Table
from raycre.store.files import read_json


def read_prepared(run: Path) -> list[Block]:
    """Return the tables of a `raycre prepare` run: counts, and what became of lifted regions."""
    record: dict[str, Any] = read_json(run / "run.json")
    counts = record.get("counts", [])
    with_paper = any(row["paper"] is not None for row in counts)
    columns = ["step", "item", "n", *(["paper"] if with_paper else [])]
    blocks: list[Block] = [
        Table("Rows at each step", columns, [[row[name] for name in columns] for row in counts])
    ]
    if lift := record.get("lift"):
        columns = ["source", "status", "n"]
        blocks.append(
            Table("Regions of another assembly", columns, [[row[name] for name in columns] for row in lift])
        )
    return blocks
