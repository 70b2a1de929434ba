"""narrowPeak told from other BED of ten columns, by every row of the file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.genome.textcolumns import TextTable

COLUMNS = 10
_KINDS = ((7, pa.float64()), (8, pa.float64()), (9, pa.float64()), (COLUMNS, pa.int64()))
_ABSENT = ["", ".", "-1", "-1.0", "NA", "nan", "NaN", "None"]  # what writers put where there is no value
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^(?i)[+-]?inf(inity)?$"
_SUMMIT = r"^[0-9]{1,18}(\.0{1,2})?$"


def read_summits(rows: TextTable) -> NDArray[np.int64] | None:
    """Return the summits of a narrowPeak, as offsets into the peaks; None for another BED.

    A file is narrowPeak where all rows have ten columns, numbers (or nothing: ".", -1, NA) in the seventh to
    ninth and an integer (or nothing) in the tenth. 100.0 is an integer.

    Returns:
        int64 (n,), -1 where a peak has none.

    Raises:
        FormatError: some rows are of a narrowPeak and others are not; the first that is not is named.
    """
    if rows.n_columns != COLUMNS:
        return None
    if all(_is_of(rows.arrow(column), kind) for column, kind in _KINDS):
        return rows.integers(COLUMNS, "summit")
    fits = {column: _holds(rows.arrow(column), _NUMBER) for column in (7, 8, 9)}
    fits[COLUMNS] = _holds(rows.arrow(COLUMNS), _SUMMIT)
    whole = np.logical_and.reduce(list(fits.values()))
    if not whole.all():
        if not whole.any() and "narrowpeak" not in rows.path.name.lower():
            return None
        row = int(np.argmin(whole))
        column = next(column for column, good in fits.items() if not good[row])
        what = "a summit (bases from the start, an integer)" if column == COLUMNS else "a number"
        raise rows.error(
            row,
            column,
            f"column {column} of a narrowPeak is {what}, or -1; {int(whole.sum()):,} of {len(rows):,} rows "
            "are of a narrowPeak: correct the others, or keep six columns, and midpoints are used",
        )
    return summits_of(rows, COLUMNS)


def summits_of(rows: TextTable, column: int) -> NDArray[np.int64]:
    """Return a column of offsets, int64 (n,), with -1 for nothing; FormatError for any other text."""
    texts = rows.arrow(column)
    absent = pc.is_in(texts, value_set=pa.array(_ABSENT))
    if not pc.any(absent).as_py():
        return rows.integers(column, "summit")
    filled = pc.if_else(absent, "-1", texts)
    changed = rows.columns.set_column(column - 1, rows.columns.column_names[column - 1], filled)
    return TextTable(rows.path, changed, rows.line).integers(column, "summit")


def _is_of(texts: pa.ChunkedArray, kind: pa.DataType) -> bool:
    """Say whether every text is a number of this kind: much faster than to look at each."""
    try:
        pc.cast(texts, kind)
    except pa.ArrowInvalid:
        return False
    return True


def _holds(texts: pa.ChunkedArray, pattern: str) -> NDArray[np.bool_]:
    """Return bool (n,): rows whose text matches, or says that there is nothing."""
    matches = pc.match_substring_regex(texts, pattern)
    if not pc.all(matches).as_py():
        matches = pc.or_(matches, pc.is_in(texts, value_set=pa.array(_ABSENT)))
    values: NDArray[np.bool_] = matches.to_numpy()
    return values
