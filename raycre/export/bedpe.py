"""BEDPE of tile–gene arcs, as IGV draws them: the tile, then the base of the TSS."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from raycre.errors import ConfigError
from raycre.export.bed import write_text
from raycre.export.features import Features
from raycre.export.options import Options

COLUMNS = ("chrom1", "start1", "end1", "chrom2", "start2", "end2", "name", "score", "strand1", "strand2",
           "effect", "call", "test", "track", "color")  # fmt: skip


def bedpe_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of BEDPE, ten and five of our own; the second place is one base, the TSS."""
    return pd.DataFrame(
        {
            "chrom1": rows["chrom"], "start1": rows["start"], "end1": rows["end"], "chrom2": rows["chrom"],
            "start2": rows["tss"], "end2": rows["tss"] + 1, "name": rows["tile_name"], "score": rows["score"],
            "strand1": ".", "strand2": rows["strand"], "effect": rows["value"].round(6), "call": rows["call"],
            "test": rows["test"], "track": rows["track"], "color": rows["colour"],
        }
    )  # fmt: skip


def write_arcs(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a file for each test and track.

    Raises:
        ConfigError: a run without genes.
    """
    arcs = list(found.arcs())
    if not arcs:
        raise ConfigError(
            "arcs tie called tiles to genes, and this run has none; take a creme run with a context test, "
            "or --every"
        )
    head = "#" + "\t".join(COLUMNS) + "\n"
    return [write_text(out / f"{each.name}.bedpe", bedpe_rows(each.rows), head) for each in arcs]
