"""Sequence and signals of many regions at once, from the files that a run names. Knows no model.

Everything is kept exact: codes as uint8, openness as the float32 mean over replicates, loops as counts.
Logarithms are the model's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.fasta import Fasta
from raycre.genome.loops import read_loops
from raycre.genome.tracks import Track, mean_of


class Wide(NamedTuple):
    """Wide windows of n regions, wide enough for every shift.

    codes: uint8 (n, width), 0-3 = A, C, G, T and 4 = N or outside the chromosome.
    openness: float32 (n, width), mean read count over replicates; None without openness.
    loops: float32 (n, width), loops over each base; None without loops.
    """

    codes: NDArray[np.uint8]
    openness: NDArray[np.float32] | None
    loops: NDArray[np.float32] | None


@dataclass(frozen=True)
class SignalPaths:
    """Which files to read: a FASTA, replicates of openness (may be none), loops (may be none)."""

    fasta: Path
    openness: tuple[Path, ...] = ()
    loops: Path | None = None


class _Counts(Protocol):
    def __call__(self, chrom: NDArray[np.object_], start: NDArray[np.int64], length: int) -> NDArray: ...


class Signals:
    """Open files of one assembly. Opening checks that all of them agree with the FASTA.

    Raises:
        InputError: any file that is missing, damaged, or of another assembly.
    """

    def __init__(self, paths: SignalPaths) -> None:
        self.fasta = Fasta(paths.fasta)
        self.openness = [Track(path, self.fasta.sizes) for path in paths.openness]
        self._loops: _Counts | None = None
        if paths.loops is not None:
            self._loops = _open_loops(paths.loops, self.fasta.sizes)

    def read_wide(self, regions: pd.DataFrame, flank: int) -> Wide:
        """Read `flank` bp more on both sides of each region (chrom, start, end; all of one width)."""
        chrom = regions["chrom"].to_numpy(dtype=object)
        start = regions["start"].to_numpy(np.int64) - flank
        width = int(regions["end"].iloc[0] - regions["start"].iloc[0]) + 2 * flank
        codes = self.fasta.read_many(chrom, start, width, pad=True)
        openness = mean_of(self.openness, chrom, start, width) if self.openness else None
        loops = None if self._loops is None else self._loops(chrom, start, width).astype(np.float32)
        return Wide(codes, openness, loops)


def _open_loops(path: Path, sizes: dict[str, int]) -> _Counts:
    # A signal file of counts is as good as the pairs: told apart by name, as BEDPE has no magic number.
    if ".bedpe" in path.name.lower():
        return read_loops(path, sizes).counts
    return Track(path, sizes).read_many
