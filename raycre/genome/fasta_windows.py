"""Letters of many windows of an indexed FASTA, plain or bgzip, straight from the file's bytes.

Reads are at a place of the file, so threads and forks may share it. What looks wrong is left to the reader of
single pieces, which says where.
"""

from __future__ import annotations

import os
import weakref
import zlib
from pathlib import Path

import numpy as np
import pyfaidx
from numpy.typing import NDArray

from raycre.genome.inflate import GZIP, inflate
from raycre.genome.sequence import letter_codes

_FAR = 16  # bytes skipped for each that is needed; beyond it windows are read one by one
_DAMAGE = (OSError, ValueError, zlib.error)


class FastaWindows:
    """The bytes of an indexed FASTA."""

    def __init__(self, path: Path, faidx: pyfaidx.Faidx) -> None:
        self._file = os.open(os.fspath(path), os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)
        self._records = {name: (r.offset, r.lenc, r.lenb) for name, r in faidx.index.items()}
        self._packed_at: NDArray[np.int64] | None = None
        if getattr(faidx, "_bgzf", False):
            packed, unpacked = zip(*((block.cstart, block.ustart) for block in faidx.gzi_index), strict=True)
            end = os.fstat(self._file).st_size
            self._packed_at = np.array([*packed, end], dtype=np.int64)
            self._unpacked_at = np.array(unpacked, dtype=np.int64)
        self._recent: tuple[int, bytes] = (-1, b"")

    def close(self) -> None:
        """Close the file."""
        self._close()

    def letters(self, chrom: str, start: NDArray[np.int64], length: int) -> NDArray[np.uint8] | None:
        """Read sorted windows inside a chromosome.

        Returns:
            `letter_codes`, uint8 (n, length), of bytes that may be no nucleotides; None where the file cannot
            be read, or its lines do not have the length that its index says.
        """
        offset, bases, line = self._records[chrom]
        last = start + length - 1
        first = offset + start // bases * line + start % bases
        end = offset + last // bases * line + last % bases + 1
        try:
            pieces = self._plain(first, end) if self._packed_at is None else self._unpacked(first, end)
        except _DAMAGE:
            return None
        codes = letter_codes(b"".join(pieces), without=b"\r\n")
        return codes.reshape(len(start), length) if len(codes) == len(start) * length else None

    def _plain(self, first: NDArray[np.int64], end: NDArray[np.int64]) -> list[bytes]:
        base, extent = int(first[0]), int(end[-1] - first[0])
        if extent > _FAR * int((end - first).sum()):
            return [
                os.pread(self._file, n, at)
                for at, n in zip(first.tolist(), (end - first).tolist(), strict=True)
            ]
        text = os.pread(self._file, extent, base)
        return [text[at:to] for at, to in zip((first - base).tolist(), (end - base).tolist(), strict=True)]

    def _unpacked(self, first: NDArray[np.int64], end: NDArray[np.int64]) -> list[bytes]:
        begin = np.searchsorted(self._unpacked_at, first, side="right") - 1
        stop = np.searchsorted(self._unpacked_at, end, side="left")
        pieces = []
        for block, after, at, to in zip(
            begin.tolist(), stop.tolist(), first.tolist(), end.tolist(), strict=True
        ):
            text = b"".join(self._block(number) for number in range(block, after))
            skipped = int(self._unpacked_at[block])
            pieces.append(text[at - skipped : to - skipped])
        return pieces

    def _block(self, number: int) -> bytes:
        known, text = self._recent
        if known != number:
            assert self._packed_at is not None
            at, end = self._packed_at[number : number + 2].tolist()
            text = inflate(os.pread(self._file, end - at, at), 1 << 16, GZIP)
            self._recent = number, text
        return text
