"""Coverage of regions by biochemical marks: the mean and the maximum of each signal.

CREME Methods, "Biochemical characterization of CREs": the mean over a tile for epigenetic marks, the maximum
for transcription factors; both are always given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from raycre.annotate.averaged import KEY, cost_of_signals, read_in_parts
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Compare,
    Rule,
    chain_option,
    files,
    option,
)
from raycre.annotate.lifted import lifting_from
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.fasta import Fasta
from raycre.genome.textfile import require_file
from raycre.genome.tracks import Track
from raycre.store.fields import REAL, schema_of

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


def open_signal(path: Path, chroms: Collection[str]) -> Track:
    """Open a signal whose own header says how long chromosomes are.

    Args:
        path: bigWig or bedGraph; values may be negative.
        chroms: names of all chromosomes of the regions.

    Raises:
        InputError: as `Track`.
    """
    sizes = dict.fromkeys(chroms, _ANY_LENGTH)
    if is_bigwig(require_file(path)):
        header = BigWig(path, signed=True)
        sizes |= {name: length for name, length in header.lengths.items() if length is not None}
        header.close()
    return Track(path, sizes, sizes_from="the regions", signed=True)


class CoveredParts:
    """Reads the coverage of parts of regions: a `PartWorker`.

    Args:
        files: name and path of each signal.
        chroms: of all regions.
    """

    def __init__(self, files: tuple[tuple[str, Path], ...], chroms: tuple[str, ...]) -> None:
        self.files, self.chroms = files, chroms
        self._in_memory: dict[str, Track] = {}  # bedGraphs, which are read whole and have nothing to close

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> dict[str, pd.DataFrame]:
        """Return mean and max of every signal."""
        found = []
        for name, path in self.files:
            track = self._in_memory.get(name) or open_signal(path, self.chroms)
            values = coverage(part, track)
            found.append(values.assign(region_id=part["region_id"], signal=name))
            if is_bigwig(path):
                track.close()
            else:
                self._in_memory[name] = track
        return {"marks_signals": pd.concat(found, ignore_index=True)}


@dataclass(frozen=True)
class Options:
    """Signals, and the statistic that groups are compared in."""

    signals: Mapping[str, Path] = files("[NAME=]FILE...", "bigWig or bedGraph, one a mark.")
    statistic: Literal["both", "mean", "max"] = option("both", "Groups are compared in mean, max or both.")
    chain: Path | None = chain_option("the regions to the signals'")


def annotate_marks(regions: Annotatable, options: Options) -> Annotated:
    """Average every signal over each region, and take its maximum."""
    lifting = lifting_from(regions, options.chain)
    there = lifting.regions(regions.table).table["chrom"]
    chroms = tuple(map(str, there.unique()))
    for path in options.signals.values():
        with open_signal(path, chroms) as track:
            told = {name: size for name, size in track.sizes.items() if size != _ANY_LENGTH}
            lifting.check(target=told or None)  # a bedGraph does not tell
            track.regions_without(there)  # refuses what is only named otherwise
    arguments = tuple(options.signals.items()), chroms
    read = read_in_parts(
        regions, "marks_signals", CoveredParts, arguments, options.signals, STATISTICS, chain=options.chain
    )
    columns = []
    for name, found in read.items():
        for statistic, meaning in (("mean", "mean over the bases, those without data being 0"),
                                   ("max", "largest value, likewise")):  # fmt: skip
            compare: Compare | None = "values" if options.statistic in ("both", statistic) else None
            columns.append(
                Column(f"{name}_{statistic}", REAL, f"{name}: {meaning}; null if it lacks the chromosome",
                       found[statistic], compare)
            )  # fmt: skip
    return Annotated(tuple(columns), lifting.facts())


COVERED = schema_of(
    *KEY,
    ("mean", REAL, "mean over the bases, those without data being 0; null if the file lacks the chromosome"),
    ("max", REAL, "largest value, likewise"),
)

ANNOTATION = Annotation(
    name="marks",
    summary="Mean and maximum of signals (ChIP-seq, accessibility).",
    options=Options,
    annotate=annotate_marks,
    tables={"marks_signals": COVERED},
    cost=lambda n, bases, options: cost_of_signals(bases, len(options.signals)),
    rules=(
        Rule("a base without data", "is 0"),
        Rule("a chromosome that the file lacks", "is unknown: no value, and in no test"),
        Rule("negative values", "are taken (fold changes, log ratios)"),
        Rule("signals of another assembly", "the regions are lifted to it; null where one is not mapped"),
    ),
    paper="CREME, Methods (Biochemical characterization of CREs), figure 4a",
)
