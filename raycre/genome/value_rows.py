"""Intervals of a signal: where a bedGraph or a bigWig has values above 0, touching rows joined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import took

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"


def is_bedgraph_row(rows: TextTable) -> bool:
    """Say whether rows have four columns, and a number in every fourth that is more than a numbered name.

    Whole numbers above 0 may be names; a file that is called a bedGraph is one.
    """
    named = rows.path.name.lower()
    if any(suffix in named for suffix in (".bedgraph", ".bg", ".bdg")):
        return True  # whatever is wrong with its rows is said of a bedGraph
    if rows.n_columns != 4 or not pc.all(pc.match_substring_regex(rows.arrow(4), _NUMBER)).as_py():
        return False
    return not pc.all(pc.match_substring_regex(rows.arrow(4), r"^[1-9][0-9]*$")).as_py()


def runs_of_bedgraph(rows: TextTable) -> tuple[pd.DataFrame, int]:
    """Return runs of touching rows whose value is above 0, and how many rows have none such.

    Raises:
        FormatError: not four columns, or a value that is no finite number.
    """
    if rows.n_columns != 4:
        raise rows.error(0, min(4, rows.n_columns), f"{rows.n_columns} columns where a bedGraph has four")
    value = rows.floats(4, "value")
    if not np.isfinite(value).all():
        row = int(np.argmin(np.isfinite(value)))
        raise rows.error(row, 4, "a value of a bedGraph must be a finite number")
    table = pd.DataFrame(
        {
            "chrom": rows.strings(1),
            "start": rows.integers(2, "start"),
            "end": rows.integers(3, "end"),
            "line": rows.line,
        }
    )
    found = runs_above_zero(table, value)
    took(rows.path, f"4 columns read as bedGraph: {len(found):,} runs of values above 0 are regions")
    return found, int((value <= 0).sum())


def runs_above_zero(table: pd.DataFrame, value: NDArray[np.float64]) -> pd.DataFrame:
    """Join touching rows of positive value: chrom, start, end, line (of the first); along each chromosome."""
    positive = table[value > 0]
    chrom, names = pd.factorize(positive["chrom"])
    start, end = positive["start"].to_numpy(np.int64), positive["end"].to_numpy(np.int64)
    order = np.lexsort((start, chrom))
    chrom, start, end = chrom[order], start[order], end[order]
    first = np.ones(len(start), dtype=bool)
    first[1:] = (chrom[1:] != chrom[:-1]) | (start[1:] > end[:-1])
    begins = np.flatnonzero(first)
    reach = np.maximum.reduceat(end, begins) if len(begins) else end
    return pd.DataFrame(
        {
            "chrom": names.to_numpy(dtype=object)[chrom[begins]] if len(begins) else names[:0],
            "start": start[begins],
            "end": reach,
            "line": positive["line"].to_numpy()[order][begins],
        }
    )
