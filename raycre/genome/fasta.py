"""Reads sequence from a FASTA file, plain or bgzip, as codes. It knows nothing of models or tasks.

Each process opens its own: reads are positional (`pread`), so forks and threads may share one as well.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import FormatError, RegionError
from raycre.genome import bgzip
from raycre.genome.fasta_index import load_index
from raycre.genome.intervals import place, unknown_chromosome
from raycre.genome.sequence import N_CODE, encode
from raycre.genome.textfile import require_file
from raycre.genome.windows import read_windows

# What one more read costs, in bases: a system call and some numpy, or a bgzip block of 64 KiB unpacked.
_PLAIN_GAP, _BGZIP_GAP = 16_384, 65_536
_LONGEST_SPAN = 1 << 22  # bp


class Fasta:
    """An indexed FASTA file.

    Attributes:
        path: the file.
        sizes: bp of each sequence, in file order.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, not FASTA, truncated, or gzip that is not bgzip.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path)
        self._fd = os.open(self.path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._fd)
        try:
            self._sequences, self._blocks = load_index(self._fd, self.path)
        except BaseException:
            self.close()
            raise
        self.sizes: dict[str, int] = {name: s.length for name, s in self._sequences.items()}

    def __enter__(self) -> Fasta:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Fasta], tuple[Path]]:
        return Fasta, (self.path,)  # a file handle does not travel; another process opens its own

    def close(self) -> None:
        """Close the file; do not read afterwards."""
        self._close()

    def read(self, chrom: str, start: int, end: int, *, pad: bool = False) -> NDArray[np.uint8]:
        """Read codes uint8 (end - start,) of the 0-based half-open interval.

        Args:
            pad: positions outside the chromosome become N instead of an error.

        Raises:
            ChromosomeError: a name that the file does not have.
            RegionError: an empty or reversed interval, or one that leaves the chromosome without `pad`.
            FormatError: bytes that are no nucleotides.
        """
        if chrom not in self.sizes:
            raise unknown_chromosome(chrom, self.sizes, reference=self.path.name)
        size = self.sizes[chrom]
        if end <= start:
            raise RegionError("the end is not past the start", value=place(chrom, start, end))
        if not pad and (start < 0 or end > size):
            side = f"starts {-start:,} bp before" if start < 0 else f"ends {end - size:,} bp past"
            raise RegionError(
                f"{place(chrom, start, end)} {side} {chrom} ({size:,}) in {self.path.name}; "
                "drop it, or use the FASTA of the assembly it comes from"
            )
        low, high = max(start, 0), min(end, size)
        if (low, high) == (start, end):
            return self._read_inside(chrom, start, end)
        codes = np.full(end - start, N_CODE, dtype=np.uint8)
        if low < high:
            codes[low - start : high - start] = self._read_inside(chrom, low, high)
        return codes

    def read_many(
        self,
        chrom: Sequence[str] | pd.Series | NDArray,
        start: NDArray[np.int64],
        length: int,
        *,
        pad: bool = True,
    ) -> NDArray[np.uint8]:
        """Read codes uint8 (n, length) of the windows [start, start + length), in input order.

        Windows are sorted and read in long spans where they lie close together. Arguments and errors
        are those of `read`; without `pad` the first window that leaves its chromosome is named.
        """
        start = np.asarray(start, dtype=np.int64)
        if not pad:
            size = np.array([self.sizes.get(c, np.iinfo(np.int64).max) for c in chrom], dtype=np.int64)
            leaving = (start < 0) | (start + length > size)
            if leaving.any():
                row = int(np.argmax(leaving))
                self.read(np.asarray(chrom)[row], int(start[row]), int(start[row]) + length)
        return read_windows(
            chrom,
            start,
            length,
            lambda name, begin, end: self.read(name, begin, end, pad=True),
            gap=_PLAIN_GAP if self._blocks is None else _BGZIP_GAP,
            longest=_LONGEST_SPAN,
            dtype=np.uint8,
        )

    def _read_inside(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        """Read bytes, take the line ends out by shape, and encode."""
        sequence = self._sequences[chrom]
        begin, stop = sequence.offset_of(start), sequence.offset_of(end - 1) + 1
        if self._blocks is None:
            raw = os.pread(self._fd, stop - begin, begin)
        else:
            raw = bgzip.read_plain(self._fd, self._blocks, begin, stop, self.path)
        # Lay the bytes on a grid of whole lines; the bases are its left columns.
        bases, width = sequence.line_bases, sequence.line_bytes
        phase = start % bases
        n_lines = (phase + end - start - 1) // bases + 1
        grid = np.full(n_lines * width, ord("N"), dtype=np.uint8)
        grid[phase : phase + len(raw)] = np.frombuffer(raw, dtype=np.uint8)
        letters = grid.reshape(n_lines, width)[:, :bases].reshape(-1)[phase : phase + end - start]
        try:
            if len(raw) != stop - begin:
                raise FormatError("the file ends inside it")
            return encode(letters.tobytes())
        except FormatError as error:
            raise FormatError(
                f"{place(chrom, start, end)}: {error.message}; if the file changed, delete its .fai and .gzi",
                path=self.path,
                value=error.value,
            ) from error
