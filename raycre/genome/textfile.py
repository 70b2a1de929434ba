"""Tab-separated text, plain or gzip, as columns that remember their line numbers.

Every text format of genomics (BED, bedGraph, BEDPE, GTF) is read through here; it knows none of them.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from raycre.errors import FormatError, MissingInputError

GZIP_MAGIC = b"\x1f\x8b"
HEADERS = (b"#", b"track", b"browser")  # UCSC: comment, track and browser lines of BED and bedGraph
_NEWLINE, _TAB = 10, 9
GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)


def require_file(path: str | Path) -> Path:
    """Return `path` as a Path; MissingInputError where there is no such file."""
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "no such file"
        raise MissingInputError(f"{what}; check the path", path=path)
    return path


def damaged_gzip(path: Path, error: Exception) -> FormatError:
    """Make the error for a gzip file that does not unpack."""
    return FormatError(f"the gzip data is truncated or damaged ({error}); get the file again", path=path)


def read_text(path: str | Path) -> bytes:
    """Read a whole text file, unpacking gzip (by its magic number, not its name).

    Raises:
        MissingInputError: no such file.
        FormatError: empty, truncated or damaged gzip, or binary.
    """
    path = require_file(path)
    text = path.read_bytes()
    if text.startswith(GZIP_MAGIC):
        try:
            text = gzip.decompress(text)
        except GZIP_ERRORS as error:
            raise damaged_gzip(path, error) from error
    if not text.strip():
        raise FormatError("the file is empty", path=path)
    if b"\0" in text:
        raise FormatError("binary data where tab-separated text was expected", path=path)
    return text


class TextTable:
    """Rows of a tab-separated file. Columns are numbered from 1, as the formats' descriptions do.

    Attributes:
        path: the file.
        line: int64 (n,), 1-based line of each row.
        n_columns: the columns that every row has.
    """

    def __init__(self, path: Path, columns: pa.Table, line: NDArray[np.int64]) -> None:
        self.path, self.line, self.n_columns, self._columns = path, line, columns.num_columns, columns

    def __len__(self) -> int:
        return len(self.line)

    def without_title(self, columns: tuple[int, ...]) -> TextTable:
        """Return the rows without the first, where it has no number in any of these columns."""
        digits = [self.value(0, column).lstrip("-").isdecimal() for column in columns]
        if any(digits) or len(self) == 1:
            return self
        return TextTable(self.path, self._columns.slice(1), self.line[1:])

    def value(self, row: int, column: int) -> str:
        """Return one field as it stands in the file."""
        return str(self._columns.column(column - 1)[row].as_py())

    def strings(self, column: int) -> pd.Series:
        """Return a column of text."""
        return self._columns.column(column - 1).to_pandas()

    def arrow(self, column: int) -> pa.ChunkedArray:
        """Return a column of text as Arrow keeps it, for pyarrow.compute."""
        return self._columns.column(column - 1)

    def integers(self, column: int, what: str) -> NDArray[np.int64]:
        """Return a column as int64 (n,); FormatError with the line that is no integer."""
        return self._cast(column, pa.int64(), what, "an integer", r"^-?[0-9]{1,18}$")

    def floats(self, column: int, what: str) -> NDArray[np.float64]:
        """Return a column as float64 (n,); FormatError with the line that is no number."""
        number = r"^(?i)[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$|^(?i)[+-]?(nan|inf|infinity)$"
        return self._cast(column, pa.float64(), what, "a number", number)

    def _cast(self, column: int, kind: pa.DataType, what: str, noun: str, pattern: str) -> NDArray:
        texts = self.arrow(column)
        try:
            return pc.cast(texts, kind).to_numpy()
        except pa.ArrowInvalid:
            good = pc.match_substring_regex(texts, pattern).to_numpy()
            row = int(np.argmin(good))
            raise FormatError(
                f"the {what} (column {column}) is not {noun}",
                path=self.path,
                line=int(self.line[row]),
                value=self.value(row, column),
            ) from None


def read_table(path: str | Path, *, at_least: int, what: str) -> TextTable:
    """Read tab-separated rows, skipping blank lines and `HEADERS`; see `parse_table`."""
    path = require_file(path)
    return parse_table(read_text(path), path, at_least=at_least, what=what)


def parse_table(
    text: bytes, path: Path, *, at_least: int, what: str, line: NDArray[np.int64] | None = None
) -> TextTable:
    """Split text into columns.

    Args:
        text: whole lines.
        path: the file they come from, for errors.
        at_least: columns that the format needs.
        what: the format's name, for errors.
        line: int64 (n,), the 1-based line of each line of `text` where these are a selection.

    Raises:
        FormatError: no row, fewer columns than needed, rows of different widths, text that is not UTF-8.
    """
    text, kept = _without_headers(text)
    line = kept if line is None else line[kept - 1]
    if not len(line):
        raise FormatError(f"the file has no rows of {what}", path=path)
    width = text.partition(b"\n")[0].count(b"\t") + 1
    if width < at_least:
        raise _ragged(text, line, path, at_least, what)
    try:
        table = pcsv.read_csv(
            pa.py_buffer(text),
            read_options=pcsv.ReadOptions(column_names=[str(i) for i in range(width)], block_size=1 << 24),
            parse_options=pcsv.ParseOptions(delimiter="\t", quote_char=False),
            convert_options=pcsv.ConvertOptions(
                column_types={str(i): pa.string() for i in range(width)}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "columns" in str(error):
            raise _ragged(text, line, path, at_least, what) from None
        raise FormatError(f"not text that can be read as {what} ({error})", path=path) from None
    return TextTable(path, table, line)


def _without_headers(text: bytes) -> tuple[bytes, NDArray[np.int64]]:
    """Return the lines that are rows, and the 1-based number of each: bytes, int64 (n,)."""
    if not text.endswith(b"\n"):
        text += b"\n"
    letters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    row = (letters[starts] != _NEWLINE) & (letters[starts] != ord("\r"))
    # Few lines can begin like a header; only those are looked at one by one.
    for i in np.flatnonzero(np.isin(letters[starts], [header[0] for header in HEADERS])):
        first_word = text[starts[i] : ends[i]].split(maxsplit=1)[0]
        row[i] &= not (first_word.startswith(b"#") or first_word in HEADERS)
    if not row.all():
        text = letters[np.repeat(row, ends + 1 - starts)].tobytes()
    return text, np.flatnonzero(row) + 1


def _ragged(text: bytes, line: NDArray[np.int64], path: Path, at_least: int, what: str) -> FormatError:
    """Find the first row that is too narrow, or else the first of another width than the first row."""
    letters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    tabs_before = np.searchsorted(np.flatnonzero(letters == _TAB), ends)
    widths = np.diff(tabs_before, prepend=0) + 1
    narrow = widths < at_least
    row = int(np.argmax(narrow if narrow.any() else widths != widths[0]))
    expected = f"{what} needs {at_least}" if narrow.any() else f"the first row has {widths[0]}"
    begin = 0 if row == 0 else int(ends[row - 1]) + 1
    return FormatError(
        f"{widths[row]} tab-separated column{'s' if widths[row] > 1 else ''} where {expected}; "
        "columns must be separated by tabs",
        path=path,
        line=int(line[row]),
        value=text[begin : ends[row]][:60].decode("utf-8", "replace"),
    )
