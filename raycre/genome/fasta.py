"""Reads sequence from a FASTA file, plain or bgzip, as codes.

pyfaidx reads it, with Biopython for bgzip. Threads and forks may share a `Fasta`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyfaidx
from numpy.typing import NDArray

from raycre.errors import FormatError, RegionError
from raycre.genome.fasta_index import fetch_letters, open_indexed
from raycre.genome.fasta_windows import FastaWindows
from raycre.genome.file_kinds import refuse_other_kinds
from raycre.genome.intervals import place, unknown_chromosome
from raycre.genome.sequence import IUPAC_CODE, N_CODE, first_invalid, letter_codes, no_nucleotide
from raycre.genome.textfile import require_file
from raycre.genome.windows import by_parts

_AT_ONCE = 8_192  # windows whose letters are counted at once


@dataclass(frozen=True)
class Letters:
    """How many letters of windows are ambiguous; the model sees each of them as no base at all.

    Attributes:
        regions_with_n, n_bases: windows with an N, and how many N.
        regions_with_iupac, iupac_bases: windows with another ambiguity letter (R, Y, ...), and how many.
    """

    regions_with_n: int = 0
    n_bases: int = 0
    regions_with_iupac: int = 0
    iupac_bases: int = 0

    def __add__(self, other: Letters) -> Letters:
        ours, theirs = astuple(self), astuple(other)
        return Letters(*(a + b for a, b in zip(ours, theirs, strict=True)))

    @classmethod
    def of(cls, codes: NDArray[np.uint8]) -> Letters:
        """Count in uint8 (n, length) from `letter_codes`."""
        if not codes.size or codes.max() < N_CODE:
            return cls()
        counts = [(codes == code).sum(axis=1) for code in (N_CODE, IUPAC_CODE)]
        return cls(*(int(n) for count in counts for n in ((count > 0).sum(), count.sum())))


class Fasta:
    """An indexed FASTA file.

    Attributes:
        path: the file.
        sizes: bp of each sequence, in file order.
        note: what a person should know of its index, as that a stale one was made again; "" if nothing.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, not FASTA, truncated, or gzip that is not bgzip.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = require_file(path)
        refuse_other_kinds(self.path, "FASTA", takes=("FASTA", "empty file"))
        self._faidx_of_process: dict[int, pyfaidx.Faidx] = {}
        self._window_reader: FastaWindows | None = None
        self.note = ""
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
        if self._window_reader is not None:
            self._window_reader.close()
            self._window_reader = None

    def read(self, chrom: str, start: int, end: int, *, pad: bool = False) -> NDArray[np.uint8]:
        """Read codes uint8 (end - start,) of the 0-based half-open interval.

        Args:
            pad: positions outside the chromosome become N instead of an error.

        Raises:
            ChromosomeError: a name that the file does not have.
            RegionError: an empty or reversed interval, or one that leaves the chromosome without `pad`.
            FormatError: bytes that are no nucleotides.
        """
        codes = self._letters(chrom, start, end, pad=pad)
        return np.minimum(codes, N_CODE, out=codes)

    def read_n(self, chrom: str, start: int, end: int) -> NDArray[np.bool_]:
        """Mark N and n in an interval inside its chromosome: bool (end - start,); errors of `read`."""
        mask: NDArray[np.bool_] = self._letters(chrom, start, end, pad=False) == N_CODE
        return mask

    def read_many(
        self,
        chrom: Sequence[str] | pd.Series | NDArray[Any],
        start: NDArray[np.int64],
        length: int,
        *,
        pad: bool = True,
    ) -> NDArray[np.uint8]:
        """Read codes uint8 (n, length) of the windows [start, start + length), in input order.

        Windows are sorted and read many at a time. Arguments and errors are those of `read`; without `pad`
        the first window that leaves its chromosome is named.
        """
        start = np.asarray(start, dtype=np.int64)
        if not pad:
            size = np.array([self.sizes.get(c, np.iinfo(np.int64).max) for c in chrom], dtype=np.int64)
            leaving = (start < 0) | (start + length > size)
            if leaving.any():
                row = int(np.argmax(leaving))
                self.read(np.asarray(chrom)[row], int(start[row]), int(start[row]) + length)
        codes: NDArray[np.uint8] = by_parts(chrom, start, length, self._letters_of, dtype=np.uint8)
        return np.minimum(codes, N_CODE, out=codes)

    def count_letters(
        self,
        chrom: Sequence[str] | pd.Series | NDArray[Any],
        start: NDArray[np.int64],
        length: int,
        flank: int = 0,
    ) -> Letters:
        """Count N and other ambiguity letters in the windows [start, start + length).

        Args:
            chrom, start, length: as `read_many`.
            flank: bp on both sides of each window whose letters are checked and not counted.

        Raises:
            ChromosomeError, FormatError: as `read`.
        """
        chrom, start, found = np.asarray(chrom, dtype=object), np.asarray(start, dtype=np.int64), Letters()
        order = np.lexsort((start, pd.factorize(chrom)[0]))  # neighbours are read together
        chrom, start = chrom[order], start[order]
        for first in range(0, len(start), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            wide = start[part] - flank, length + 2 * flank
            codes = by_parts(chrom[part], *wide, self._letters_of, dtype=np.uint8)
            found += Letters.of(codes[:, flank : flank + length])
        return found

    def _letters(self, chrom: str, start: int, end: int, *, pad: bool) -> NDArray[np.uint8]:
        """Read `letter_codes` as `read` does codes."""
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
            codes[low - start : high - start] = self._letters_inside(chrom, low, high)
        return codes

    def _letters_of(self, chrom: str, start: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
        """Read `letter_codes` of sorted windows; those outside the chromosome are N."""
        if chrom not in self.sizes or length < 1:
            return self._letters(chrom, int(start[0]), int(start[0]) + length, pad=True)
        inside = np.flatnonzero((start >= 0) & (start + length <= self.sizes[chrom]))
        read = self._windows().letters(chrom, start[inside], length) if len(inside) else None
        if read is None or first_invalid(read.ravel()) is not None:
            inside, read = inside[:0], np.empty((0, length), dtype=np.uint8)
        if len(inside) == len(start):
            return read
        codes = np.empty((len(start), length), dtype=np.uint8)
        codes[inside] = read
        for row in np.delete(np.arange(len(start)), inside):
            codes[row] = self._letters(chrom, int(start[row]), int(start[row]) + length, pad=True)
        return codes

    def _letters_inside(self, chrom: str, start: int, end: int) -> NDArray[np.uint8]:
        letters = fetch_letters(self._faidx(), chrom, start, end)
        codes = letter_codes(letters)
        if (offset := first_invalid(codes)) is not None:
            at = place(chrom, start + offset, start + offset + 1)
            raise FormatError(
                f"{at}: {no_nucleotide(letters[offset])}", path=self.path, value=letters[offset]
            )
        return codes

    def _faidx(self) -> pyfaidx.Faidx:
        # A fork shares its parent's position in the file, which even closing would move: it opens its own.
        process = os.getpid()
        if process not in self._faidx_of_process:
            opened = open_indexed(self.path)
            self._faidx_of_process[process], self.note = opened.faidx, self.note or opened.note
        return self._faidx_of_process[process]

    def _windows(self) -> FastaWindows:
        if self._window_reader is None:
            self._window_reader = FastaWindows(self.path, self._faidx())
        return self._window_reader
