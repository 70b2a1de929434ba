"""Reads sequence from a FASTA file, plain or bgzip, as codes. It knows nothing of models or tasks.

pyfaidx reads it, with Biopython for bgzip. Threads and forks may share a `Fasta`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyfaidx
from numpy.typing import NDArray

from raycre.errors import FormatError, RegionError
from raycre.genome.fasta_index import fetch, open_indexed
from raycre.genome.file_kinds import refuse_other_kinds
from raycre.genome.intervals import place, unknown_chromosome
from raycre.genome.sequence import N_CODE, encode
from raycre.genome.textfile import require_file
from raycre.genome.windows import read_windows

_GAP = 16_384  # bp; reading on through as many costs no more than one more read
_LONGEST_SPAN = 1 << 20  # bp; Biopython's time for one read of bgzip grows with its square


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
        refuse_other_kinds(self.path, "FASTA", takes=("FASTA", "empty file"))
        self._faidx_of_process: dict[int, pyfaidx.Faidx] = {}
        self.sizes: dict[str, int] = {name: record.rlen for name, record in self._faidx().index.items()}

    def __enter__(self) -> Fasta:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Fasta], tuple[Path]]:
        return Fasta, (self.path,)  # a file handle does not travel; another process opens its own

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        if faidx := self._faidx_of_process.pop(os.getpid(), None):
            faidx.close()

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
            gap=_GAP,
            longest=_LONGEST_SPAN,
            dtype=np.uint8,
        )

    def _read_inside(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        letters = fetch(self._faidx(), chrom, start, end)
        try:
            return encode(letters)
        except FormatError as error:
            message = f"{place(chrom, start, end)}: {error.message}"
            raise FormatError(message, path=self.path, value=error.value) from error

    def _faidx(self) -> pyfaidx.Faidx:
        # A fork shares its parent's position in the file, which even closing would move: it opens its own.
        process = os.getpid()
        if process not in self._faidx_of_process:
            self._faidx_of_process[process] = open_indexed(self.path)
        return self._faidx_of_process[process]
