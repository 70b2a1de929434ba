"""Chromatin loops (BEDPE) as a count over base pairs.

The count at a base is the number of loops with an anchor over it (CREATE, Methods: "number of chromatin
loops per base pair"); a loop with both anchors over one base counts once. Our reading: SOURCES.md 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.bigwig import is_bigwig
from raycre.genome.fill import ValuedIntervals, fill
from raycre.genome.intervals import Outside, check_possible, inside, unknown_chromosome
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import require_file, took
from raycre.genome.texttable import Titles, read_text_table
from raycre.genome.windows import by_parts

TITLES = Titles(("chrom1", "start1", "end1", "chrom2", "start2", "end2"))
_DECIMALS = 9  # of summed scores: differences of running sums leave round-off behind


class Loops:
    """Loop counts over a genome, held as steps.

    Attributes:
        sizes: bp of each chromosome.
        n_read: loops in the file.
        n_dropped: loops left out, because an anchor is on no known chromosome or past its end.
        chroms: every chromosome of the file, also of loops left out.
    """

    def __init__(
        self,
        steps: pd.DataFrame,
        sizes: Mapping[str, int],
        n_read: int,
        n_dropped: int,
        chroms: Sequence[str] = (),
    ) -> None:
        """`steps`: chrom, position, change (int64, or float64 of scores), in any order."""
        self.chroms = tuple(chroms)
        self.sizes, self.n_read, self.n_dropped = dict(sizes), n_read, n_dropped
        self._dtype = steps["change"].to_numpy().dtype
        self._levels: dict[str, ValuedIntervals] = {}
        for chrom, of_chrom in steps.groupby("chrom", sort=False):
            change = of_chrom.groupby("position")["change"].sum()
            level = change.cumsum().round(_DECIMALS).to_numpy(dtype=self._dtype)
            position = change.index.to_numpy(dtype=np.int64)
            self._levels[str(chrom)] = ValuedIntervals(position[:-1], position[1:], level[:-1])

    def counts(
        self, chrom: Sequence[str] | pd.Series | NDArray[Any], start: NDArray[np.int64], length: int
    ) -> NDArray[Any]:
        """Count loops over every base of the windows [start, start + length), in input order.

        Args:
            chrom: (n,) names.
            start: int64 (n,), 0-based; bases outside the chromosome count 0.
            length: bp.

        Returns:
            int64 (n, length), or float64 where the count column holds fractions.

        Raises:
            ChromosomeError: a chromosome that the genome does not have.
        """
        return by_parts(chrom, start, length, self._part, dtype=self._dtype)

    def _part(self, chrom: str, start: NDArray[np.int64], length: int) -> NDArray[Any]:
        if chrom not in self.sizes:
            raise unknown_chromosome(chrom, self.sizes)
        levels = self._levels.get(chrom)
        if levels is None:
            return np.zeros((len(start), length), dtype=self._dtype)
        return fill(levels, start, length)


def is_bedpe(path: str | Path) -> bool:
    """Say whether loops are pairs of anchors; else they are a signal: bigWig, or bedGraph's four columns.

    Raises:
        MissingInputError, FormatError: as `read_loops`, of what is neither.
    """
    path = require_file(path)
    return not is_bigwig(path) and read_text_table(path, at_least=1, what="BEDPE or bedGraph").n_columns > 4


def read_loops(
    path: str | Path,
    sizes: Mapping[str, int],
    *,
    outside: Outside = "error",
    count_column: int | None = None,
) -> Loops:
    """Read BEDPE: two anchors in six columns, plain or gzip.

    Columns are found by a title's names (bedtools' chrom1, start1, … or juicer's chr1, x1, …); a first row
    without a number in any coordinate column is a title of other names, and left out. An anchor of zero
    length covers the one base at its start. Anchors of a loop that overlap or touch are joined.

    Args:
        path: the file.
        sizes: bp of each chromosome.
        outside: what to do with a loop of which an anchor is on no known chromosome or past its end.
        count_column: column (from 1, so 7 or more) with the count of each loop; without it each counts 1.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, truncated, of another kind, too few columns, a coordinate or count that is no
            number, or a count that is negative or not finite.
        RegionError: a negative start, end < start, or past the chromosome's end.
        ChromosomeError: a chromosome that `sizes` does not have.
    """
    rows, at = _read_rows(path, max(6, count_column or 0))
    counts = f"counts in column {count_column}" if count_column else "each loop counts 1"
    took(rows.path, f"{rows.describe()} read as BEDPE, {counts}")
    kept = np.ones(len(rows), dtype=bool)
    anchors, chroms = [], dict[str, None]()
    for side in (1, 2):
        chrom = rows.strings(at[f"chrom{side}"])
        chroms |= dict.fromkeys(chrom.unique())
        start = rows.integers(at[f"start{side}"], "anchor's start")
        end = rows.integers(at[f"end{side}"], "anchor's end")
        check_possible(chrom, start, end, rows.line, rows.path, empty_ok=True)
        end = np.maximum(end, start + 1)
        kept &= inside(chrom, start, end, rows.line, rows.path, sizes=sizes, outside=outside)
        anchors.append(pd.DataFrame({"chrom": chrom, "start": start, "end": end}))
    weight = _weights(rows, count_column)
    left, right = (anchor[kept] for anchor in anchors)
    steps = _steps(left, right, weight[kept])
    return Loops(steps, sizes, len(rows), int((~kept).sum()), tuple(chroms))


def read_anchors(path: str | Path) -> pd.DataFrame:
    """Read the two anchors of every row of a BEDPE, one below the other; columns as in `read_loops`.

    An anchor of zero length covers the one base at its start; how many there are is said.

    Returns:
        chrom, start, end (0-based half-open), contact (int64, number of the row, the same for its two
        anchors), line; row by row.

    Raises:
        MissingInputError, FormatError, RegionError: as `read_loops`.
    """
    rows, at = _read_rows(path, 6)
    anchors, n_points = [], 0
    for side in (1, 2):
        chrom = rows.strings(at[f"chrom{side}"])
        start = rows.integers(at[f"start{side}"], "anchor's start")
        end = rows.integers(at[f"end{side}"], "anchor's end")
        check_possible(chrom, start, end, rows.line, rows.path, empty_ok=True)
        n_points += int((start == end).sum())
        columns = {"chrom": chrom, "start": start, "end": np.maximum(end, start + 1)}
        anchors.append(pd.DataFrame(columns | {"contact": np.arange(len(rows)), "line": rows.line}))
    points = f", {n_points:,} anchors of zero length taken for one base" if n_points else ""
    took(rows.path, f"{rows.describe()} read as BEDPE, {len(rows):,} contacts{points}")
    return pd.concat(anchors).sort_values("contact", kind="stable", ignore_index=True)


def _read_rows(path: str | Path, at_least: int) -> tuple[TextTable, Mapping[str, int]]:
    """Return the rows, and the column of each role."""
    rows = read_text_table(path, at_least=at_least, what="BEDPE", titles=TITLES)
    at = rows.roles or dict(zip(TITLES.needed, range(1, 7), strict=True))
    return (rows if rows.roles else rows.without_title(columns=(2, 3, 5, 6))), at


def _steps(left: pd.DataFrame, right: pd.DataFrame, weight: NDArray[Any]) -> pd.DataFrame:
    """Return the changes of level, with anchors joined where both could lie over one base."""
    joined = (
        (left["chrom"] == right["chrom"]) & (left["start"] <= right["end"]) & (right["start"] <= left["end"])
    ).to_numpy()
    union = left[joined].assign(
        start=np.minimum(left["start"], right["start"])[joined],
        end=np.maximum(left["end"], right["end"])[joined],
    )
    parts = [(union, weight[joined]), (left[~joined], weight[~joined]), (right[~joined], weight[~joined])]
    return pd.concat(
        [
            pd.DataFrame({"chrom": part["chrom"], "position": part[side], "change": sign * of_part})
            for part, of_part in parts
            for side, sign in (("start", 1), ("end", -1))
        ]
    )


def _weights(rows: TextTable, count_column: int | None) -> NDArray[Any]:
    """Return int64 (n,), or float64 where the column has fractions."""
    if count_column is None:
        return np.ones(len(rows), dtype=np.int64)
    weight = rows.floats(count_column, "count")
    bad = ~(np.isfinite(weight) & (weight >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise FormatError(
            "a loop's count must be finite and not negative",
            path=rows.path,
            line=int(rows.line[row]),
            value=rows.value(row, count_column),
        )
    return weight.astype(np.int64) if (weight == np.rint(weight)).all() else weight
