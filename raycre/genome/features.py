"""Sequence and signals of many regions at once, from the files that a run names.

Everything is kept exact: codes as uint8, openness as the float32 mean over replicates, loops as counts.
Logarithms are the model's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.bigwig import is_bigwig
from raycre.genome.chromosomes import regions_without
from raycre.genome.fasta import Fasta, Letters
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.genome.loops import is_bedpe, read_loops
from raycre.genome.textfile import require_file
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
        fingerprints: of these files, where they must be the ones that were hashed.
    """

    fasta: Path
    openness: tuple[Path, ...] = ()
    loops: Path | None = None
    outside: Literal["error", "drop"] = "error"
    loops_count_column: int | None = None
    fingerprints: tuple[Fingerprint, ...] = ()


_OverReplicates = Callable[[Sequence[Track], NDArray[Any], NDArray[np.int64], int], NDArray[np.floating]]


class Without(NamedTuple):
    """A signal file that has no data on chromosomes of the regions, where it reads as 0.

    key: which input, as the configuration spells it.
    path: the file.
    regions: on each of these chromosomes.
    """

    key: str
    path: Path
    regions: dict[str, int]


class _Counts(Protocol):
    def __call__(self, chrom: NDArray[np.object_], start: NDArray[np.int64], length: int) -> NDArray[Any]: ...


class Signals:
    """Open files of one assembly. Opening checks that all of them agree with the FASTA.

    Attributes:
        fasta: the open genome.
        loops_dropped: loops with an anchor off the FASTA that were left out.
        loops_read_as: "BEDPE", "bedGraph" or "bigWig"; None without loops.

    Raises:
        InputError: any file that is missing, damaged, of another assembly, or not the one that was hashed.
    """

    def __init__(self, paths: SignalPaths) -> None:
        self._fingerprints = paths.fingerprints
        self.fasta = Fasta(paths.fasta)
        self.openness = [Track(path, self.fasta.sizes) for path in paths.openness]
        self._loops: _Counts | None = None
        self._without: dict[str, tuple[Path, Callable[[NDArray[np.object_]], dict[str, int]]]] = {
            f"inputs.openness[{i}]": (track.path, track.regions_without)
            for i, track in enumerate(self.openness)
        }
        self.loops_dropped, self.loops_read_as = 0, None if paths.loops is None else loops_format(paths.loops)
        if paths.loops is not None and self.loops_read_as == "BEDPE":
            loops = read_loops(
                paths.loops,
                self.fasta.sizes,
                outside=paths.outside,
                count_column=paths.loops_count_column,
            )
            self._loops, self.loops_dropped = loops.counts, loops.n_dropped
            self._without["inputs.loops"] = (
                paths.loops,
                partial(regions_without, held=loops.chroms, path=paths.loops),
            )
        elif paths.loops is not None:
            track = Track(paths.loops, self.fasta.sizes)
            self._loops = track.read_many
            self._without["inputs.loops"] = paths.loops, track.regions_without
        check_unchanged(self._fingerprints)

    def without_data(self, regions: pd.DataFrame) -> list[Without]:
        """Find the files without data on chromosomes of regions (column chrom), and count the regions.

        Raises:
            ChromosomeError: a file names one of these chromosomes in another style, or has none of them.
        """
        chrom = regions["chrom"].to_numpy(dtype=object)
        found = [Without(key, path, count(chrom)) for key, (path, count) in self._without.items()]
        return [each for each in found if each.regions]

    def count_letters(self, regions: pd.DataFrame, flank: int) -> Letters:
        """Count N and other ambiguity letters in regions of one width (chrom, start, end).

        Raises:
            FormatError: a letter that is no nucleotide, up to `flank` bp off a region, with its place.
        """
        chrom, start = regions["chrom"].to_numpy(dtype=object), regions["start"].to_numpy(np.int64)
        width = int(regions["end"].iloc[0] - regions["start"].iloc[0])
        return self.fasta.count_letters(chrom, start, width, flank)

    def read_wide(self, regions: pd.DataFrame, flank: int) -> Wide:
        """Read `flank` bp more on both sides of each region (chrom, start, end; all of one width).

        Raises:
            FormatError: a part of a file that cannot be read.
            ChangedInputError: a file that is not, or no longer, the one that was hashed.
        """
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
        check_unchanged(self._fingerprints)  # after reading: what was read is then of the files hashed
        return Wide(codes, openness, loops)


def loops_format(path: Path) -> Literal["BEDPE", "bedGraph", "bigWig"]:
    """Tell the format of a file of loops by what is in it.

    Raises:
        MissingInputError: no such file.
        FormatError: neither bigWig nor text in columns.
    """
    if is_bigwig(require_file(path)):
        return "bigWig"
    return "BEDPE" if is_bedpe(path) else "bedGraph"
