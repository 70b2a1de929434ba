"""Reads bedGraph text into memory: sorted intervals with a value each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.fill import ValuedIntervals
from raycre.genome.intervals import check_possible, inside
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import took
from raycre.genome.texttable import Titles, read_text_table

_COLUMNS = 4
_ORDER = ("chrom", "start", "end", "value")


class BedGraph:
    """A whole bedGraph, about 20 bytes of memory an interval.

    Args:
        path: the file.
        sizes: bp of each chromosome that is read.
        signed: whether values below 0 are taken.

    Attributes:
        lengths: its chromosomes; None each, as the format does not tell their lengths.

    Raises:
        FormatError: not exactly four columns of the right kind, overlapping rows, or a NaN, infinite or
            (unless `signed`) negative value.
        RegionError: a row that cannot be, or past its chromosome's end.
    """

    def __init__(self, path: Path, sizes: Mapping[str, int], *, signed: bool = False) -> None:
        rows = _read_rows(path)
        at = rows.roles or {role: column for column, role in enumerate(_ORDER, start=1)}
        chrom, value = rows.strings(at["chrom"]), rows.floats(at["value"], "value")
        start, end = rows.integers(at["start"], "start"), rows.integers(at["end"], "end")
        check_possible(chrom, start, end, rows.line, path)
        bad = ~(np.isfinite(value) & ((value >= 0) | signed))
        if bad.any():
            row = int(np.argmax(bad))
            raise FormatError(
                f"an impossible signal; values must be finite{'' if signed else ' and not negative'}",
                path=path,
                line=int(rows.line[row]),
                value=rows.value(row, at["value"]),
            )
        self.lengths: dict[str, int | None] = dict.fromkeys(chrom.unique())
        self._intervals: dict[str, ValuedIntervals] = {}
        for name in (n for n in self.lengths if n in sizes):
            of_chrom = np.flatnonzero((chrom == name).to_numpy())
            of_chrom = of_chrom[np.argsort(start[of_chrom], kind="stable")]
            lines = rows.line[of_chrom]
            inside(
                chrom.iloc[of_chrom],
                start[of_chrom],
                end[of_chrom],
                lines,
                path,
                sizes=sizes,
                outside=None,
            )
            overlap = start[of_chrom[1:]] < end[of_chrom[:-1]]
            if overlap.any():
                first = int(np.argmax(overlap))
                raise FormatError(
                    f"overlaps line {lines[first]}; a base of a bedGraph can have one value only",
                    path=path,
                    line=int(lines[first + 1]),
                )
            self._intervals[name] = ValuedIntervals(
                start[of_chrom], end[of_chrom], value[of_chrom].astype(np.float32)
            )
        took(path, f"{rows.describe()} read as bedGraph")

    def is_empty(self, chrom: str) -> bool:
        """Whether a chromosome of the file has no value at all; a bedGraph has a row of each."""
        return False

    def close(self) -> None:
        """Nothing is open: the file was read whole."""

    def intervals(self, chrom: str, at: NDArray[np.int64], length: int) -> ValuedIntervals:
        """Return the values of a chromosome; windows [at, at + length) are filled from them."""
        return self._intervals[chrom]


def _read_rows(path: Path) -> TextTable:
    """Read rows of four columns; FormatError where there are more: a BED, whose fourth is a name."""
    rows = read_text_table(path, at_least=_COLUMNS, what="bedGraph", titles=Titles(_ORDER))
    if rows.n_columns != _COLUMNS:
        raise FormatError(
            f"{rows.n_columns} columns where a bedGraph has four (chrom, start, end, value); peaks are no "
            "signal: give a bigWig or bedGraph of coverage, or keep the four columns (cut -f1-3,5 FILE, "
            "where the fifth is the value)",
            path=path,
            line=int(rows.line[0]),
            value="\t".join(rows.value(0, column) for column in range(1, rows.n_columns + 1))[:60],
        )
    return rows
