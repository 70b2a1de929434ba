"""Reads bigWig through pyBigWig, after looking at what pyBigWig takes on trust.

pyBigWig crashes on a header that is cut, reads a file without its tail, and gives NaN both for a base
without data and for a stored NaN; the header and the file's own summary tell these cases apart.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyBigWig
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.intervals import place

_MAGIC = 0x888FFC26
_HEADER = "IHHQQQHHQQIQ"  # Kent et al. 2010, supplement, table 5
_SUMMARY = "Qdddd"  # table 7: bases covered, minimum, maximum, sum, sum of squares
_SEARCH_STEP = 1_000_000  # bp looked at once when searching for an impossible value


def is_bigwig(path: Path) -> bool:
    """Say whether the file begins with the bigWig magic number, in either byte order."""
    with path.open("rb") as file:
        return _byte_order(file.read(4)) is not None


def _byte_order(magic: bytes) -> str | None:
    return next((order for order in "<>" if magic == struct.pack(order + "I", _MAGIC)), None)


class _Summary(NamedTuple):
    n_bases: int
    lowest: float
    highest: float
    total: float
    squares: float


class BigWig:
    """An open bigWig.

    Args:
        path: the file.
        signed: whether values below 0 are taken, as of a ratio or a score.

    Attributes:
        lengths: bp of each chromosome in the file's header.

    Raises:
        FormatError: truncated, without any value, or with a stored value that is NaN, infinite or (unless
            `signed`) negative.
    """

    def __init__(self, path: Path, *, signed: bool = False) -> None:
        summary = _read_summary(path)
        self._path, self._signed = path, signed
        try:
            self._file = pyBigWig.open(os.fspath(path))
        except RuntimeError as error:
            raise _damaged(path) from error
        self.lengths: dict[str, int | None] = dict(self._file.chroms())
        if not self.lengths:
            raise FormatError("the bigWig has no chromosomes", path=path)
        if not summary.n_bases if summary else all(map(self.is_empty, self.lengths)):
            raise FormatError(
                "the bigWig holds no value, only a header; get the file again, or leave it out", path=path
            )
        too_low = summary is not None and summary.lowest < 0 and not signed
        if summary is None or too_low or not np.isfinite(summary.total + summary.highest):
            self._refuse_impossible()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read_span(self, chrom: str, start: int, end: int) -> NDArray[np.float32]:
        """Return float32 (end - start,) of a part of the chromosome; bases without data are 0."""
        values = self.values(chrom, start, end)
        without_data = np.isnan(values)
        if without_data.any():
            values[without_data] = 0
        return values

    def values(self, chrom: str, start: int, end: int) -> NDArray[np.float32]:
        """Return float32 (end - start,) of a part of the chromosome; bases without data are NaN."""
        try:
            values: NDArray[np.float32] = self._file.values(chrom, start, end, numpy=True)
        except RuntimeError as error:
            raise _damaged(self._path, f" at {place(chrom, start, end)}") from error
        if len(values) != end - start:  # pyBigWig's word for an index that finds no data block
            raise _damaged(self._path, f" at {place(chrom, start, end)}")
        return values

    def is_empty(self, chrom: str) -> bool:
        """Whether a chromosome of the file has no value at all."""
        begin, step, length = 0, 1_000, self.lengths[chrom] or 0
        while begin < length:  # in growing steps: where there is data, most of it is never looked at
            end = min(begin + step, length)
            if self._file.intervals(chrom, begin, end):
                return False
            begin, step = end, min(2 * step, _SEARCH_STEP)
        return True

    def _refuse_impossible(self) -> None:
        """Look at every stored interval; FormatError naming the first impossible one."""
        for chrom, length in self.lengths.items():
            for begin in range(0, length or 0, _SEARCH_STEP):
                stored = self._file.intervals(chrom, begin, min(begin + _SEARCH_STEP, length or 0)) or ()
                for start, end, value in stored:
                    if not (np.isfinite(value) and (value >= 0 or self._signed)):
                        raise FormatError(
                            f"an impossible signal at {place(chrom, start, end)}; values must be finite"
                            f"{'' if self._signed else ' and not negative'}",
                            path=self._path,
                            value=value,
                        )


def _read_summary(path: Path) -> _Summary | None:
    """Check the header and both ends; return the summary of all values, or None in files without one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(struct.calcsize("<" + _HEADER))
        order = _byte_order(header[:4]) or "<"
        if len(header) < struct.calcsize("<" + _HEADER):
            raise _damaged(path)
        _, _, _, tree_at, data_at, index_at, _, _, _, summary_at, _, _ = struct.unpack(
            order + _HEADER, header
        )
        file.seek(-4, 2)
        # Every writer since 2009 (Kent's tools, libBigWig, bigtools) repeats the magic number at the end.
        if max(tree_at, data_at, index_at, summary_at) >= size or _byte_order(file.read(4)) is None:
            raise _damaged(path)
        if not summary_at:
            return None
        file.seek(summary_at)
        return _Summary(*struct.unpack(order + _SUMMARY, file.read(struct.calcsize("<" + _SUMMARY))))


def _damaged(path: Path, where: str = "") -> FormatError:
    return FormatError(f"the bigWig is truncated or damaged{where}; get the file again", path=path)
