"""Which genes a pipeline went on with: a table of context classes by track, before sampling and after."""

from __future__ import annotations

from pathlib import Path

from raycre.figures.blocks import Block, Cell, Table
from raycre.store.parquet import read_table


def read_sampled(run: Path) -> list[Block]:
    """Read summary/sampled.parquet of a CREME run; nothing where the run sampled no genes.

    Raises:
        FormatError: a damaged table.
    """
    path = run / "summary" / "sampled.parquet"
    if not path.is_file():
        return []
    table = read_table(path).to_pandas().fillna({"context": "unknown"})
    found = table.groupby(["track_id", "context"])["sampled"].agg(["size", "sum"]).reset_index()
    rows: list[list[Cell]] = [
        [str(r["track_id"]), r["context"], int(r["size"]), int(r["sum"])] for r in found.to_dict("records")
    ]
    return [
        Table(
            "Genes that the pipeline went on with, by the class of their context on each track. Tests other "
            "than context have rows of these genes and tracks alone.",
            ["track", "context", "genes", "sampled"],
            rows,
            tall=len(rows) > 24,
        )
    ]
