"""Signal over base pairs from bigWig or bedGraph files, many windows at once.

Rules: a base without data is 0, as is a base outside the chromosome and a whole chromosome that the track
does not have (`Track.absent`); `Track.regions_without` counts the regions there. Chromosomes of the track
that the genome does not have are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import AssemblyError
from raycre.genome.bedgraph import BedGraph
from raycre.genome.bigwig import BigWig, impossible, is_bigwig
from raycre.genome.chromosomes import assembly_of, regions_without
from raycre.genome.fill import ValuedIntervals, fill
from raycre.genome.intervals import unknown_chromosome
from raycre.genome.textfile import require_file
from raycre.genome.windows import by_parts


class _Reader(Protocol):
    """What Track needs of a file format. `lengths` has None where the format does not tell."""

    lengths: dict[str, int | None]

    def intervals(self, chrom: str, at: NDArray[np.int64], length: int) -> ValuedIntervals: ...

    def is_empty(self, chrom: str) -> bool: ...

    def close(self) -> None: ...


class Track:
    """One signal file, bigWig (told by its magic number) or bedGraph (plain or gzip).

    Args:
        path: the file.
        sizes: bp of each chromosome of the genome.
        sizes_from: where they come from, for errors.
        signed: whether values below 0 are taken.

    Attributes:
        path: the file.
        sizes: bp of each chromosome of the genome.
        absent: chromosomes of the genome that the file does not have; they read as 0.

    Raises:
        MissingInputError: no such file.
        FormatError: not a bigWig or bedGraph, truncated, or with values that are NaN, infinite or (unless
            `signed`) negative.
        AssemblyError: a chromosome whose length is not that of `sizes`.
        ChromosomeError: no chromosome in common.
        RegionError: a bedGraph row that cannot be, or past its chromosome's end.
    """

    def __init__(
        self,
        path: str | Path,
        sizes: Mapping[str, int],
        *,
        sizes_from: str = "the FASTA",
        signed: bool = False,
    ) -> None:
        self.path, self.sizes, self._sizes_from = require_file(path), dict(sizes), sizes_from
        self._signed = signed
        reader: _Reader = (
            BigWig(self.path, signed=signed)
            if is_bigwig(self.path)
            else BedGraph(self.path, self.sizes, signed=signed)
        )
        self._reader = reader
        try:
            self.absent = self._check_lengths()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Track:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[object, ...]:
        return _open_track, (
            self.path,
            self.sizes,
            self._sizes_from,
            self._signed,
        )  # another process opens its own

    def close(self) -> None:
        """Close the file; do not read afterwards."""
        self._reader.close()

    def _check_lengths(self) -> tuple[str, ...]:
        lengths = self._reader.lengths
        common = [name for name in self.sizes if name in lengths]
        if not common:
            raise unknown_chromosome(
                next(iter(lengths)), self.sizes, path=self.path, reference=self._sizes_from
            )
        for name in common:
            length = lengths[name]
            if length is not None and length != self.sizes[name]:
                which = _assemblies(assembly_of(lengths), assembly_of(self.sizes))
                raise AssemblyError(
                    f"{name} has {length:,} bp here and {self.sizes[name]:,} bp in {self._sizes_from}{which}"
                    "; use files of one assembly",
                    path=self.path,
                )
        return tuple(name for name in self.sizes if name not in lengths)

    def regions_without(self, chrom: NDArray[Any] | pd.Series) -> dict[str, int]:
        """Count regions on each chromosome that the file has no data of; they read as 0.

        Args:
            chrom: (n,) names, one a region.

        Raises:
            ChromosomeError: the file has one of these chromosomes by another name, or none of them.
        """
        reader = self._reader
        empty = [name for name in pd.unique(chrom) if name in reader.lengths and reader.is_empty(name)]
        return regions_without(chrom, reader.lengths, self.path, empty=empty)

    def read_many(
        self, chrom: Sequence[str] | pd.Series | NDArray[Any], start: NDArray[np.int64], length: int
    ) -> NDArray[np.float32]:
        """Read windows [start, start + length) in input order.

        Args:
            chrom: (n,) names.
            start: int64 (n,), 0-based; may be negative or near the end.
            length: bp.

        Returns:
            float32 (n, length).

        Raises:
            ChromosomeError: a chromosome that the genome does not have.
            FormatError: a part of the file that cannot be read, or holds an impossible value.
        """
        return by_parts(chrom, start, length, self.read_part, dtype=np.float32)

    def read_part(self, chrom: str, start: NDArray[np.int64], length: int) -> NDArray[np.float32]:
        """Read sorted windows of one chromosome."""
        if chrom not in self.sizes:
            raise unknown_chromosome(chrom, self.sizes, reference=self._sizes_from)
        size = self.sizes[chrom]
        if chrom not in self._reader.lengths or start[-1] + length <= 0 or start[0] >= size:
            return np.zeros((len(start), length), dtype=np.float32)
        intervals = self._reader.intervals(chrom, start, length)
        if wrong := impossible(chrom, intervals, self.path, signed=self._signed):
            raise wrong
        if len(intervals.end) and intervals.end[-1] > size:
            intervals = ValuedIntervals(
                np.minimum(intervals.start, size), np.minimum(intervals.end, size), intervals.value
            )
        return fill(intervals, start, length)


def _assemblies(ours: str | None, theirs: str | None) -> str:
    known = [f"{what} {name}" for what, name in (("this is", ours), ("that is", theirs)) if name]
    return f" ({', '.join(known)})" if known else ""


def _open_track(path: Path, sizes: dict[str, int], sizes_from: str, signed: bool) -> Track:
    return Track(path, sizes, sizes_from=sizes_from, signed=signed)


def sum_of(
    tracks: Sequence[Track],
    chrom: Sequence[str] | pd.Series | NDArray[Any],
    start: NDArray[np.int64],
    length: int,
) -> NDArray[np.float64]:
    """Return the sum over replicates, float64 (n, length), exact for counts; see `Track.read_many`."""
    return by_parts(chrom, start, length, partial(_sum_part, tracks), dtype=np.float64)


def mean_of(
    tracks: Sequence[Track],
    chrom: Sequence[str] | pd.Series | NDArray[Any],
    start: NDArray[np.int64],
    length: int,
) -> NDArray[np.float32]:
    """Return the mean over replicates, float32 (n, length), added up in float64; see `Track.read_many`.

    For integer sums up to 2^24, float32(sum) / float32(n) has the same bits: a quotient rounded to 53 bits
    and then to 24 is the one rounded to 24 at once.
    """
    return by_parts(chrom, start, length, partial(_mean_part, tracks), dtype=np.float32)


def _sum_part(
    tracks: Sequence[Track], chrom: str, start: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    return _total([track.read_part(chrom, start, length) for track in tracks])


def _total(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    total = np.zeros(values[0].shape, dtype=np.float64)
    for each in values:
        total += each
    return total


def _mean_part(
    tracks: Sequence[Track], chrom: str, start: NDArray[np.int64], length: int
) -> NDArray[np.floating]:
    """Return the mean of sorted windows, in a type that float32 is rounded from.

    One track is its own mean. The sum of two float32 numbers has the same bits in float32 as in float64 and
    then rounded, since 53 >= 2 * 24 + 2 (Figueroa 1995), and half of it is exact, as long as it is finite.
    """
    values = [track.read_part(chrom, start, length) for track in tracks]
    if len(values) == 1:
        return values[0]
    if len(values) == 2:
        with np.errstate(over="ignore"):
            total = values[0] + values[1]
        if np.isfinite([total.min(), total.max()]).all():
            total *= np.float32(0.5)
            return total
    return _total(values) / len(values)
