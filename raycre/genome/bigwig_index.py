"""Where a bigWig keeps its values: its header, its chromosomes and the blocks of one chromosome.

The layout is that of Kent et al. 2010 (BigWig and BigBed), supplement. Reads are at a place of the file, so
threads and forks may share it.
"""

from __future__ import annotations

import os
import struct
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MAGIC = 0x888FFC26
_TREE_MAGIC = 0x78CA8C91  # table 8: of the chromosomes
_INDEX_MAGIC = 0x2468ACE0  # table 14: of the blocks
_HEADER = "IHHQQQHHQQIQ"  # table 5
_SUMMARY = "Qdddd"  # table 7: bases covered, minimum, maximum, sum, sum of squares
_TREE = "IIIIQQ"  # table 8
_INDEX = "IIQIIIIQII"  # table 14
_NODE = 4  # bytes before a node's items: whether it is a leaf, one spare, the number of items
_AT_A_TIME = 65_536  # bytes; blocks nearer than this are fetched together
_NO_END = np.iinfo(np.uint32).max


class Damage(Exception):
    """A bigWig whose bytes are not what its own header or index says."""


class Summary(NamedTuple):
    """What a bigWig says of all its values."""

    n_bases: int
    lowest: float
    highest: float
    total: float
    squares: float


class Blocks(NamedTuple):
    """Blocks of one chromosome, by their start; each array int64 (n,).

    start, end: 0-based half-open, of the values inside. offset, size: bytes of the file.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]


def byte_order(magic: bytes) -> str | None:
    """Return the byte order, "<" or ">", of a file that begins so; None where it is no bigWig."""
    return next((order for order in "<>" if magic == struct.pack(order + "I", _MAGIC)), None)


class BigWigIndex:
    """An open bigWig, without its values.

    Attributes:
        order: "<" or ">".
        ids: number of each chromosome inside the file.
        lengths: bp of each chromosome, in the order of their numbers.
        summary: None in files without one.
        unpacked: bytes of the largest block when decompressed; 0 where blocks are not compressed.

    Raises:
        Damage: truncated, or no header, chromosomes or index where they must be.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(os.fspath(path), os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)
        try:
            self._size = os.fstat(self._file).st_size
            self.order = byte_order(os.pread(self._file, 4, 0)) or "<"
            (_, _, _, tree_at, data_at, self._index_at, _, _, _, summary_at, self.unpacked, _) = self._unpack(
                _HEADER, 0
            )
            # Every writer since 2009 (Kent's tools, libBigWig, bigtools) repeats the magic number at the end.
            parts = tree_at, data_at, self._index_at, summary_at
            if max(parts) >= self._size or byte_order(self._read(self._size - 4, 4)) is None:
                raise Damage
            self.summary = Summary(*self._unpack(_SUMMARY, summary_at)) if summary_at else None
            numbered = sorted(self._chromosomes(tree_at))
            self.ids = {name: number for number, name, _ in numbered}
            self.lengths = {name: length for _, name, length in numbered}
            self._blocks: dict[str, Blocks] = {}
            self._has_values = self._index_at > 0 or self._unpack("Q", data_at) > (0,)
            if self._has_values and self._unpack(_INDEX, self._index_at)[0] != _INDEX_MAGIC:
                raise Damage
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._close()

    def blocks(self, chrom: str) -> Blocks:
        """Return the blocks of a chromosome; they are read once and kept."""
        if chrom not in self._blocks:
            self._blocks[chrom] = self._find_blocks(self.ids[chrom])
        return self._blocks[chrom]

    def read_blocks(self, offset: NDArray[np.int64], size: NDArray[np.int64]) -> list[memoryview]:
        """Read blocks as they are in the file; those that lie near each other at once."""
        if not len(offset):
            return []
        end = offset + size
        apart = (offset[1:] < end[:-1]) | (offset[1:] - end[:-1] > _AT_A_TIME)
        firsts = np.concatenate([[0], np.flatnonzero(apart) + 1]).tolist()
        found: list[memoryview] = []
        for first, last in zip(firsts, [*firsts[1:], len(offset)], strict=True):
            base = int(offset[first])
            bytes_ = memoryview(self._read(base, int(end[last - 1]) - base))
            begins, ends = (offset[first:last] - base).tolist(), (end[first:last] - base).tolist()
            found += [bytes_[begin:stop] for begin, stop in zip(begins, ends, strict=True)]
        return found

    def _read(self, at: int, n: int) -> bytes:
        if not 0 <= at <= at + n <= self._size:
            raise Damage
        parts, missing = [], n
        while missing:
            part = os.pread(self._file, missing, at + n - missing)
            if not part:
                raise Damage
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _unpack(self, layout: str, at: int) -> tuple[int, ...]:
        layout = self.order + layout
        return struct.unpack(layout, self._read(at, struct.calcsize(layout)))

    def _chromosomes(self, at: int) -> list[tuple[int, str, int]]:
        """Read (number, name, bp) of every chromosome."""
        magic, _, key, value, _, _ = self._unpack(_TREE, at)
        if magic != _TREE_MAGIC or value != 8:
            raise Damage
        found, nodes, seen = [], [at + struct.calcsize("<" + _TREE)], 0
        while nodes:
            node, seen = nodes.pop(), seen + 1
            if seen * _NODE > self._size:
                raise Damage  # a node that is inside itself
            is_leaf, _, n = self._unpack("BBH", node)
            items = self._read(node + _NODE, n * (key + 8))
            for item in range(0, len(items), key + 8):
                last = items[item + key : item + key + 8]
                if is_leaf:
                    number, length = struct.unpack(self.order + "II", last)
                    name = items[item : item + key].rstrip(b"\0").decode("utf-8", "replace")
                    found.append((number, name, length))
                else:
                    nodes.extend(struct.unpack(self.order + "Q", last))
        return found

    def _find_blocks(self, chrom: int) -> Blocks:
        """Walk down the index to the leaves that hold blocks of a chromosome, by its number."""
        place, leaves, seen = 4 * ["u4"], [np.empty((0, 4), dtype=np.int64)], 0
        names = ["chrom", "start", "chrom_end", "end", "offset", "size"]
        leaf, branch = (
            np.dtype([(name, self.order + kind) for name, kind in zip(names, place + more, strict=False)])
            for more in (["u8", "u8"], ["u8"])
        )
        nodes = [self._index_at + struct.calcsize("<" + _INDEX)] if self._has_values else []
        while nodes:
            node, seen = nodes.pop(), seen + 1
            if seen * _NODE > self._size:
                raise Damage  # a node that is inside itself
            is_leaf, _, n = self._unpack("BBH", node)
            kind = leaf if is_leaf else branch
            items = np.frombuffer(self._read(node + _NODE, n * kind.itemsize), kind)
            items = items[(items["chrom"] <= chrom) & (chrom <= items["chrom_end"])]
            if not is_leaf:
                nodes.extend(items["offset"].tolist())
                continue
            start = np.where(items["chrom"] < chrom, 0, items["start"])
            end = np.where(items["chrom_end"] > chrom, _NO_END, items["end"])
            leaves.append(
                np.column_stack([c.astype(np.int64) for c in (start, end, items["offset"], items["size"])])
            )
        found = np.concatenate(leaves)
        found = found[np.lexsort((found[:, 2], found[:, 0]))]
        return Blocks(*(np.ascontiguousarray(column) for column in found.T))
