"""Coverage of regions by biochemical marks: the mean and the maximum of each signal.

CREME Methods, "Biochemical characterization of CREs": the mean over a tile for epigenetic marks, the maximum
for transcription factors; both are always given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Compare,
    Rule,
    files,
    option,
)
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.textfile import require_file
from raycre.genome.tracks import Track
from raycre.store.fields import REAL

STATISTICS = ("mean", "max")
_AT_ONCE = 1 << 24  # bases read at once: 64 MiB
_ANY_LENGTH = 1 << 40  # of a chromosome, where a file does not say


def coverage(table: pd.DataFrame, track: Track) -> pd.DataFrame:
    """Return float64 mean and max over the bases of each interval, in its order; NaN on absent chromosomes.

    Args:
        table: chrom, start, end: 0-based half-open, any lengths.
        track: the signal.

    Raises:
        ChromosomeError, FormatError: as `Track.read_many`.
    """
    chrom, start, end = (table[c].to_numpy() for c in ("chrom", "start", "end"))
    found = np.full((2, len(table)), np.nan)
    known = ~np.isin(chrom.astype(str), list(track.absent))
    for length in np.unique(end - start):
        rows = np.flatnonzero(known & (end - start == length))
        # In genomic order, so that neighbours are read together.
        rows = rows[np.lexsort((start[rows], chrom[rows].astype(str)))]
        for first in range(0, len(rows), max(1, _AT_ONCE // int(length))):
            part = rows[first : first + max(1, _AT_ONCE // int(length))]
            values = track.read_many(chrom[part], start[part], int(length))
            found[:, part] = values.mean(axis=1, dtype=np.float64), values.max(axis=1)
    return pd.DataFrame(found.T, columns=list(STATISTICS))


def coverage_by(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return `coverage` of regions by a file, whose own header says how long chromosomes are.

    Args:
        table: chrom, start, end.
        path: bigWig or bedGraph; values may be negative.

    Raises:
        InputError: as `Track`; ChromosomeError where names differ in style, or none is in the file.
    """
    sizes = {str(name): _ANY_LENGTH for name in table["chrom"].unique()}
    if is_bigwig(require_file(path)):
        header = BigWig(path, signed=True)
        sizes |= {name: length for name, length in header.lengths.items() if length is not None}
        header.close()
    with Track(path, sizes, sizes_from="the regions", signed=True) as track:
        track.regions_without(table["chrom"])
        return coverage(table, track)


@dataclass(frozen=True)
class Options:
    """Signals, and the statistic that groups are compared in."""

    signals: Mapping[str, Path] = files("[NAME=]FILE...", "bigWig or bedGraph, one a mark.")
    statistic: Literal["both", "mean", "max"] = option("both", "Groups are compared in mean, max or both.")


def annotate_marks(regions: Annotatable, options: Options) -> Annotated:
    """Average every signal over each region, and take its maximum."""
    columns = []
    for name, path in options.signals.items():
        found = coverage_by(regions.table, path)
        for statistic, meaning in (("mean", "mean over the bases, those without data being 0"),
                                   ("max", "largest value, likewise")):  # fmt: skip
            compare: Compare | None = "values" if options.statistic in ("both", statistic) else None
            columns.append(
                Column(f"{name}_{statistic}", REAL, f"{name}: {meaning}; null if it lacks the chromosome",
                       found[statistic].to_numpy(), compare)
            )  # fmt: skip
    return Annotated(tuple(columns))


ANNOTATION = Annotation(
    name="marks",
    summary="Mean and maximum of signals (ChIP-seq, accessibility).",
    options=Options,
    annotate=annotate_marks,
    rules=(
        Rule("a base without data", "is 0"),
        Rule("a chromosome that the file lacks", "is unknown: no value, and in no test"),
        Rule("negative values", "are taken (fold changes, log ratios)"),
    ),
    paper="CREME, Methods (Biochemical characterization of CREs), figure 4a",
)
