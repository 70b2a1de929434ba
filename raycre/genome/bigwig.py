"""Reads the values of bigWig files, by blocks: only those that a question touches are decompressed."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.bigwig_index import BigWigIndex, Blocks, Damage, byte_order
from raycre.genome.fill import ValuedIntervals, fill, touched
from raycre.genome.inflate import inflate
from raycre.genome.intervals import place

_SECTION = "IIIIIBBH"  # Kent et al. 2010, supplement, table 10
_BEDGRAPH, _VARIABLE, _FIXED = 1, 2, 3  # kinds of section; their items have 3, 2 and 1 words of 4 bytes
_WORDS = {_BEDGRAPH: 3, _VARIABLE: 2, _FIXED: 1}
_KEPT = 4  # blocks, decompressed, that the next question may begin in
_AT_ONCE = 1_024  # blocks looked at together when all of a file is
# What wrong bytes lead to, and a file that cannot be read.
_DAMAGE = (Damage, OSError, struct.error, zlib.error, ValueError, KeyError)


def is_bigwig(path: Path) -> bool:
    """Say whether the file begins with the bigWig magic number, in either byte order."""
    with path.open("rb") as file:
        return byte_order(file.read(4)) is not None


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
        self._path, self._signed = path, signed
        held = Path(os.fspath(path))  # of an object in a bucket: its copy on this node
        try:
            self._index = BigWigIndex(held)
        except _DAMAGE as error:
            raise _damaged(path) from error
        self._recent: dict[int, bytes] = {}
        try:
            self.lengths: dict[str, int | None] = dict(self._index.lengths)
            self._check_values()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._index.close()

    def intervals(self, chrom: str, at: NDArray[np.int64], length: int) -> ValuedIntervals:
        """Return the stored values of every block that the windows [at, at + length), sorted, touch.

        Raises:
            FormatError: a block that cannot be read.
        """
        try:
            blocks = self._index.blocks(chrom)
            return self._read(chrom, blocks, touched(blocks.start, blocks.end, at, length))
        except _DAMAGE as error:
            where = place(chrom, max(int(at[0]), 0), int(at[-1]) + length)
            raise _damaged(self._path, f" at {where}") from error

    def values(self, chrom: str, start: int, end: int) -> NDArray[np.float32]:
        """Return float32 (end - start,) of a part of the chromosome; bases without data are NaN."""
        at = np.array([start])
        values: NDArray[np.float32] = fill(self.intervals(chrom, at, end - start), at, end - start, np.nan)[0]
        return values

    def stored(self, chrom: str) -> Iterator[ValuedIntervals]:
        """Go through all values of a chromosome, some blocks at a time.

        Raises:
            FormatError: a block that cannot be read.
        """
        try:
            blocks = self._index.blocks(chrom)
            for first in range(0, len(blocks.start), _AT_ONCE):
                which = np.arange(first, min(first + _AT_ONCE, len(blocks.start)))
                yield self._read(chrom, blocks, which)
        except _DAMAGE as error:
            raise _damaged(self._path, f" in {chrom}") from error

    def is_empty(self, chrom: str) -> bool:
        """Whether a chromosome of the file has no value at all."""
        try:
            return not len(self._index.blocks(chrom).start)
        except _DAMAGE as error:
            raise _damaged(self._path) from error

    def _read(self, chrom: str, blocks: Blocks, which: NDArray[np.int64]) -> ValuedIntervals:
        recent, offsets = self._recent, blocks.offset[which].tolist()
        missing = np.array([offset not in recent for offset in offsets], dtype=bool)
        packed = self._index.read_blocks(blocks.offset[which[missing]], blocks.size[which[missing]])
        size = self._index.unpacked
        fresh = iter([inflate(block, size) if size else bytes(block) for block in packed])
        sections = [next(fresh) if new else recent[at] for at, new in zip(offsets, missing, strict=True)]
        self._recent = dict(zip(offsets[-_KEPT:], sections[-_KEPT:], strict=True))
        return _intervals(sections, self._index.order, self._index.ids[chrom])

    def _check_values(self) -> None:
        summary = self._index.summary
        if not self.lengths:
            raise FormatError("the bigWig has no chromosomes", path=self._path)
        if not summary.n_bases if summary else all(map(self.is_empty, self.lengths)):
            raise FormatError(
                "the bigWig holds no value, only a header; get the file again, or leave it out",
                path=self._path,
            )
        too_low = summary is not None and summary.lowest < 0 and not self._signed
        if summary is None or too_low or not np.isfinite(summary.total + summary.highest):
            for chrom in self.lengths:
                for intervals in self.stored(chrom):
                    if wrong := impossible(chrom, intervals, self._path, signed=self._signed):
                        raise wrong


def impossible(chrom: str, intervals: ValuedIntervals, path: Path, *, signed: bool) -> FormatError | None:
    """Return what to raise where a value is NaN, infinite or (unless `signed`) negative."""
    value = intervals.value
    if not len(value) or ((value.min() >= 0 or signed) and np.isfinite([value.min(), value.max()]).all()):
        return None
    at = int(np.argmax(~(np.isfinite(value) & ((value >= 0) | signed))))
    return FormatError(
        f"an impossible signal at {place(chrom, int(intervals.start[at]), int(intervals.end[at]))}; values "
        f"must be finite{'' if signed else ' and not negative'}",
        path=path,
        value=float(value[at]),
    )


def _intervals(sections: list[bytes], order: str, chrom: int) -> ValuedIntervals:
    """Return what sections hold, in their order; ValueError, Damage where one is not whole."""
    head = struct.calcsize("<" + _SECTION)
    found = [np.empty((0, 3), dtype="<u4")]
    for section in sections:
        number, start, _, step, span, kind, _, n = struct.unpack(order + _SECTION, section[:head])
        if number != chrom:
            raise Damage
        if not n:
            continue  # pyBigWig may end a chromosome with a section of nothing
        items = np.frombuffer(section, order + "u4", _WORDS[kind] * n, head).reshape(n, -1)
        if kind != _BEDGRAPH:
            begins = start + step * np.arange(n, dtype=np.uint32) if kind == _FIXED else items[:, 0]
            items = np.column_stack([begins, begins + np.uint32(span), items[:, -1]])
        found.append(items)
    words = np.concatenate(found).astype(np.uint32, copy=False)
    start, end = words[:, 0].astype(np.int64), words[:, 1].astype(np.int64)
    value = np.ascontiguousarray(words[:, 2]).view(np.float32)
    return ValuedIntervals(start, end, value)


def _damaged(path: Path, where: str = "") -> FormatError:
    return FormatError(f"the bigWig is truncated or damaged{where}; get the file again", path=path)
