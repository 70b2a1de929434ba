"""Columns of a text table as text, integers or numbers, with the file and line of what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.errors import FormatError

SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_INTEGER = r"^-?[0-9]{1,18}$"
_NUMBER = r"^(?i)[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^(?i)[+-]?(nan|inf|infinity)$"
_AS_FLOAT = r"\.0{1,2}$"  # of 100.0; in places 100.000 is a hundred thousand
_R_POWER = r"^[0-9](\.[0-9]+)?e\+[0-9]{2}$"  # R writes 100000 as 1e+05


@dataclass(frozen=True, eq=False)
class TextTable:
    """Rows of a text table. Columns are numbered from 1, as the formats' descriptions do.

    Attributes:
        path: the file.
        line: int64 (n,), 1-based line of each row.
        separator: what stands between columns; empty for a table that was no text.
        roles: column of each role that the title names; empty where there is no title.
        names: plain names of the columns, as far as a title names them.
        title: the names as they stand in the file.
    """

    path: Path
    columns: pa.Table
    line: NDArray[np.int64]
    separator: str = "\t"
    roles: Mapping[str, int] = field(default_factory=dict)
    names: Sequence[str] = ()
    title: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.line)

    @property
    def n_columns(self) -> int:
        """The columns that every row has."""
        n: int = self.columns.num_columns
        return n

    def describe(self, columns: str = "") -> str:
        """Say how the columns were found, for `took`: their number, or their names."""
        by = SEPARATORS.get(self.separator, "")
        if self.roles:
            named = ", ".join(self.title[column - 1].lstrip("# ") for column in self.roles.values())
            return f"{f'{by}-separated' if by else 'Parquet'} columns by name ({named})"
        return f"{self.n_columns} {'' if by == 'tab' else f'{by}-separated '}columns"

    def select(self, rows: NDArray[np.bool_]) -> TextTable:
        """Return some of the rows."""
        return TextTable(
            self.path, self.columns.filter(pa.array(rows)), self.line[rows], self.separator, self.roles,
            self.names, self.title,
        )  # fmt: skip

    def without_title(self, columns: tuple[int, ...]) -> TextTable:
        """Return the rows without the first, where it has no number in any of these columns."""
        digits = [self.value(0, column).lstrip("-").isdecimal() for column in columns]
        if any(digits) or len(self) == 1:
            return self
        return self.select(np.arange(len(self)) > 0)

    def value(self, row: int, column: int) -> str:
        """Return one field as it stands in the file."""
        return str(self.columns.column(column - 1)[row].as_py())

    def strings(self, column: int) -> pd.Series:
        """Return a column of text."""
        values: pd.Series = self.columns.column(column - 1).to_pandas()
        return values

    def arrow(self, column: int) -> pa.ChunkedArray:
        """Return a column of text as Arrow keeps it, for pyarrow.compute."""
        return self.columns.column(column - 1)

    def integers(self, column: int, what: str) -> NDArray[np.int64]:
        """Return a column as int64 (n,); FormatError with the line that is no integer.

        100.0, as pandas writes integers beside missing values, and R's 1e+05 are integers.
        """
        values: NDArray[np.int64]
        try:
            values = pc.cast(self.arrow(column), pa.int64()).to_numpy()
            return values
        except pa.ArrowInvalid:
            texts = self._whole(column)
        good = pc.match_substring_regex(texts, _INTEGER).to_numpy()
        if not good.all():
            raise self.error(int(np.argmin(good)), column, f"the {what} (column {column}) is not an integer")
        values = pc.cast(texts, pa.int64()).to_numpy()
        return values

    def floats(self, column: int, what: str) -> NDArray[np.float64]:
        """Return a column as float64 (n,); FormatError with the line that is no number."""
        texts = self.arrow(column)
        if self.separator == ";":  # the decimal comma of the places where CSV has semicolons
            texts = pc.replace_substring(texts, ",", ".")
        values: NDArray[np.float64]
        try:
            values = pc.cast(texts, pa.float64()).to_numpy()
            return values
        except pa.ArrowInvalid:
            texts = pc.utf8_trim_whitespace(texts)
        good = pc.match_substring_regex(texts, _NUMBER).to_numpy()
        if not good.all():
            row = int(np.argmin(good))
            comma = "; write a decimal point" if "," in self.value(row, column) else ""
            raise self.error(row, column, f"the {what} (column {column}) is not a number{comma}")
        values = pc.cast(texts, pa.float64()).to_numpy()
        return values

    def error(self, row: int, column: int, message: str) -> FormatError:
        """Make the error for one field."""
        return FormatError(message, path=self.path, line=int(self.line[row]), value=self.value(row, column))

    def _whole(self, column: int) -> pa.ChunkedArray:
        """Return a column's text with integers in their other spellings written out."""
        texts = pc.replace_substring_regex(pc.utf8_trim_whitespace(self.arrow(column)), _AS_FLOAT, "")
        powers = pc.match_substring_regex(texts, _R_POWER)
        if not pc.any(powers).as_py():
            return texts
        written = [_written_out(text) if power else text for text, power in
                   zip(texts.to_pylist(), powers.to_pylist(), strict=True)]  # fmt: skip
        return pa.chunked_array([pa.array(written, pa.string())])


def _written_out(power: str) -> str:
    """Write out 1.2e+07; what is not shorter that way was rounded by whoever wrote it, and is left."""
    value = float(power)
    return str(int(value)) if value.is_integer() and len(power) < len(str(int(value))) else power
