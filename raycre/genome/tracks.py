"""Signal over base pairs from bigWig or bedGraph files, many windows at once.

Rules: a base without data is 0, as is a base outside the chromosome and a whole chromosome that the track
does not have (`Track.absent`); `Track.regions_without` counts the regions there. Chromosomes of the track
that the genome does not have are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import AssemblyError, FormatError
from raycre.genome.bedgraph import BedGraph
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.chromosomes import assembly_of, regions_without
from raycre.genome.intervals import place, unknown_chromosome
from raycre.genome.textfile import require_file
from raycre.genome.windows import read_windows

# One pyBigWig call costs about 100 µs and then 3 ns a base: two windows nearer than this share a call.
_GAP = 32_768  # bp
_LONGEST_SPAN = 1_000_000  # bp


class _Reader(Protocol):
    """What Track needs of a file format. `lengths` has None where the format does not tell."""

    lengths: dict[str, int | None]

    def read_span(self, chrom: str, start: int, end: int) -> NDArray[np.float32]: ...

    def is_empty(self, chrom: str) -> bool: ...

    def close(self) -> None: ...


class Track:
    """One signal file, bigWig (told by its magic number) or bedGraph (plain or gzip).

    Args:
        path: the file.
        sizes: bp of each chromosome of the genome.
        sizes_from: where they come from, for errors.
        signed: whether values below 0 are taken, of a bigWig.

    Attributes:
        path: the file.
        sizes: bp of each chromosome of the genome.
        absent: chromosomes of the genome that the file does not have; they read as 0.

    Raises:
        MissingInputError: no such file.
        FormatError: not a bigWig or bedGraph, truncated, or with NaN, infinite or negative values.
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
            BigWig(self.path, signed=signed) if is_bigwig(self.path) else BedGraph(self.path, self.sizes)
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
        return read_windows(
            chrom, start, length, self._read_span, gap=_GAP, longest=_LONGEST_SPAN, dtype=np.float32
        )

    def _read_span(self, chrom: str, start: int, end: int) -> NDArray[np.float32]:
        if chrom not in self.sizes:
            raise unknown_chromosome(chrom, self.sizes, reference=self._sizes_from)
        low, high = max(start, 0), min(end, self.sizes[chrom])
        if low >= high or chrom not in self._reader.lengths:
            return np.zeros(end - start, dtype=np.float32)
        values = self._reader.read_span(chrom, low, high)
        lowest = float(values.min())
        if not np.isfinite(lowest) or (lowest < 0 and not self._signed) or not np.isfinite(values.max()):
            raise self._impossible(chrom, low, values)
        return np.pad(values, (low - start, end - high)) if (low, high) != (start, end) else values

    def _impossible(self, chrom: str, start: int, values: NDArray[np.float32]) -> FormatError:
        at = int(np.argmax((values < 0) | ~np.isfinite(values)))
        return FormatError(
            f"an impossible signal at {place(chrom, start + at, start + at + 1)}; values must be finite and "
            "not negative",
            path=self.path,
            value=float(values[at]),
        )


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
    total = np.zeros((len(start), length), dtype=np.float64)
    for track in tracks:
        total += track.read_many(chrom, start, length)
    return total


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
    return (sum_of(tracks, chrom, start, length) / len(tracks)).astype(np.float32)
