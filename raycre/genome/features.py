"""Sequence and signals of many regions at once, from the files that a run names. Knows no model.

Everything is kept exact: codes as uint8, openness as the float32 mean over replicates, loops as counts.
Logarithms are the model's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.fasta import Fasta
from raycre.genome.loops import is_bedpe, read_loops
from raycre.genome.tracks import Track, mean_of, sum_of


class Wide(NamedTuple):
    """Wide windows of n regions, wide enough for every shift.

    codes: uint8 (n, width), 0-3 = A, C, G, T and 4 = N or outside the chromosome.
    openness: float32 (n, width), mean read count over replicates, or float64, their sum (`read_sums`); None
        without openness.
    loops: float32 (n, width), loops over each base; None without loops.
    """

    codes: NDArray[np.uint8]
    openness: NDArray[np.floating] | None
    loops: NDArray[np.float32] | None


@dataclass(frozen=True)
class SignalPaths:
    """Which files to read, and how.

    Attributes:
        fasta: the genome.
        openness: replicates, bigWig or bedGraph; may be none.
        loops: BEDPE, or bigWig or bedGraph of counts; may be none.
        outside: loops off the FASTA are an "error", or dropped ("drop") and counted.
        loops_count_column: column of a BEDPE (from 1) with each loop's count; without it a loop counts 1.
    """

    fasta: Path
    openness: tuple[Path, ...] = ()
    loops: Path | None = None
    outside: Literal["error", "drop"] = "error"
    loops_count_column: int | None = None


_OverReplicates = Callable[[Sequence[Track], NDArray, NDArray[np.int64], int], NDArray[np.floating]]


class _Counts(Protocol):
    def __call__(self, chrom: NDArray[np.object_], start: NDArray[np.int64], length: int) -> NDArray: ...


class Signals:
    """Open files of one assembly. Opening checks that all of them agree with the FASTA.

    Attributes:
        fasta: the open genome.
        loops_dropped: loops with an anchor off the FASTA that were left out.

    Raises:
        InputError: any file that is missing, damaged, or of another assembly.
    """

    def __init__(self, paths: SignalPaths) -> None:
        self.fasta = Fasta(paths.fasta)
        self.openness = [Track(path, self.fasta.sizes) for path in paths.openness]
        self._loops: _Counts | None = None
        self.loops_dropped = 0
        # A signal file of counts is as good as the pairs.
        if paths.loops is not None and is_bedpe(paths.loops):
            loops = read_loops(
                paths.loops,
                self.fasta.sizes,
                outside=paths.outside,
                count_column=paths.loops_count_column,
            )
            self._loops, self.loops_dropped = loops.counts, loops.n_dropped
        elif paths.loops is not None:
            self._loops = Track(paths.loops, self.fasta.sizes).read_many

    def read_wide(self, regions: pd.DataFrame, flank: int) -> Wide:
        """Read `flank` bp more on both sides of each region (chrom, start, end; all of one width)."""
        return self._read(regions, flank, mean_of)

    def read_sums(self, regions: pd.DataFrame, flank: int) -> Wide:
        """Read as `read_wide`, with the replicates' sum, float64, in place of their mean."""
        return self._read(regions, flank, sum_of)

    def _read(self, regions: pd.DataFrame, flank: int, over_replicates: _OverReplicates) -> Wide:
        chrom = regions["chrom"].to_numpy(dtype=object)
        start = regions["start"].to_numpy(np.int64) - flank
        width = int(regions["end"].iloc[0] - regions["start"].iloc[0]) + 2 * flank
        codes = self.fasta.read_many(chrom, start, width, pad=True)
        openness = over_replicates(self.openness, chrom, start, width) if self.openness else None
        loops = None if self._loops is None else self._loops(chrom, start, width).astype(np.float32)
        return Wide(codes, openness, loops)
