"""BED9 and bedGraph: tab-separated text, 0-based half-open, and no track lines, which many refuse."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from raycre.export.features import Features
from raycre.export.options import Options
from raycre.store.files import write_atomic


def bed9_lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the nine columns of BED9; an item is drawn thick over its whole length."""
    return pd.DataFrame(
        {
            "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"], "name": rows["name"],
            "score": rows["score"], "strand": rows["strand"], "thick_start": rows["start"],
            "thick_end": rows["end"], "colour": rows["colour"],
        }
    )  # fmt: skip


def write_bed9(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a file for each track of coloured intervals."""
    return [write_text(out / f"{each.name}.bed", bed9_lines(each.rows)) for each in found.intervals()]


def write_bedgraph(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a file for each track of values."""
    return [write_text(out / f"{each.name}.bedgraph", each.rows) for each in found.signals()]


def write_text(path: Path, rows: pd.DataFrame, head: str = "") -> Path:
    """Write rows as tab-separated text, whole or not at all; return the path."""

    def write(temporary: Path) -> None:
        with temporary.open("w", newline="") as file:
            file.write(head)
            rows.to_csv(file, sep="\t", header=False, index=False, lineterminator="\n")

    write_atomic(path, write)
    return path
