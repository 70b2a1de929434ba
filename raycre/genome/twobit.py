"""Sizes and N of a 2bit genome (UCSC's format). Sequence for the models is read from FASTA alone.

Biopython reads 2bit as well, and takes a file that is cut for a shorter genome.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.textfile import require_file

_MAGIC = 0x1A412743


def is_twobit(path: str | Path) -> bool:
    """Say whether a file begins with the magic number of 2bit, in either byte order."""
    with require_file(path).open("rb") as file:
        return _byte_order(file.read(4)) is not None


def _byte_order(magic: bytes) -> str | None:
    return next((order for order in "<>" if magic == struct.pack(f"{order}I", _MAGIC)), None)


class TwoBit:
    """Sizes and N of a 2bit file, which is read as far as that asks.

    Attributes:
        path: the file.
        sizes: bp of each sequence, in file order.

    Raises:
        FormatError: truncated, damaged, or without sequences.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.sizes = path, dict[str, int]()
        self._n: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        self._length = path.stat().st_size
        with path.open("rb") as file:
            self._order = _byte_order(self._read(file, 4)) or "<"
            _, n_sequences, _ = self._numbers(file, 3)
            places = {}
            for _ in range(n_sequences):
                name = self._read(file, self._read(file, 1)[0]).decode("utf-8", "replace")
                (places[name],) = self._numbers(file, 1)
            for name, place in places.items():
                file.seek(place)
                self._read_record(file, name)
        if not self.sizes:
            raise FormatError("the 2bit has no sequences", path=path)

    def read_n(self, chrom: str, start: int, end: int) -> NDArray[np.bool_]:
        """Mark N in an interval inside its chromosome: bool (end - start,)."""
        starts, ends = self._n[chrom]
        mask = np.zeros(end - start, dtype=bool)
        for block in range(np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end)):
            mask[max(starts[block] - start, 0) : ends[block] - start] = True
        return mask

    def _read_record(self, file: IO[bytes], name: str) -> None:
        size, n_blocks = self._numbers(file, 2)
        starts = np.array(self._numbers(file, n_blocks), dtype=np.int64)
        ends = starts + np.array(self._numbers(file, n_blocks), dtype=np.int64)
        (n_lower,) = self._numbers(file, 1)
        packed = 8 * n_lower + 4 + -(-size // 4)
        if file.tell() + packed > self._length or (ends > size).any() or (starts[1:] < ends[:-1]).any():
            raise self._damaged(name)
        self.sizes[name], self._n[name] = size, (starts, ends)

    def _numbers(self, file: IO[bytes], n: int) -> tuple[int, ...]:
        if 4 * n > self._length:
            raise self._damaged()
        return struct.unpack(f"{self._order}{n}I", self._read(file, 4 * n))

    def _read(self, file: IO[bytes], n: int) -> bytes:
        data = file.read(n)
        if len(data) < n:
            raise self._damaged()
        return data

    def _damaged(self, name: str = "") -> FormatError:
        where = f" at {name}" if name else ""
        return FormatError(f"the 2bit is truncated or damaged{where}; get the file again", path=self.path)
