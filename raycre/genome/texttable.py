"""Text tables as columns that remember their line numbers: separators, quotes and titles, settled once.

BED, bedGraph, BEDPE, GTF and tables with a title line are all read through here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.textcolumns import SEPARATORS, TextTable
from raycre.genome.textfile import not_utf8, read_text, require_file
from raycre.genome.titles import SYNONYMS, find_roles, plain_names

HEADERS = (b"#", b"track", b"browser")  # UCSC: comment, track and browser lines of BED and bedGraph
_EXCEL = re.compile(rb'"?sep=.?"?')  # a first line that tells spreadsheets their separator
_NEWLINE = 10
_MAY_BE_BLANK = b" \t,;"  # a row of nothing but these is blank: what a spreadsheet leaves below a table


@dataclass(frozen=True)
class Titles:
    """Which columns a reader finds by their names.

    needed: roles of `titles.SYNONYMS` without which a line is no title.
    useful: roles that are taken where they are there.
    """

    needed: tuple[str, ...]
    useful: tuple[str, ...] = ()


NO_TITLE = Titles(())


def read_text_table(path: str | Path, *, at_least: int, what: str, titles: Titles = NO_TITLE) -> TextTable:
    """Read the rows of a text file; see `parse_table`."""
    path = require_file(path)
    return parse_table(read_text(path, what), path, at_least=at_least, what=what, titles=titles)


def parse_table(
    text: bytes,
    path: Path,
    *,
    at_least: int,
    what: str,
    line: NDArray[np.int64] | None = None,
    titles: Titles = NO_TITLE,
) -> TextTable:
    """Split text into columns, skipping blank lines and `HEADERS`.

    Columns are separated by tabs; where the first line has none, by semicolons, else by commas. Fields in
    double quotes are unquoted in the latter two, and between tabs where a field of the first line is whole
    in quotes (R's write.table). A title is the first line, or a comment above it, that names what `titles`
    needs; where rows have one field more than their title, the first is R's row name.

    Args:
        text: whole lines, as `read_text` gives them.
        path: the file they come from, for errors.
        at_least: columns that the format needs where no title names them.
        what: the format's name, for errors.
        line: int64 (n,), the 1-based line of each line of `text` where these are a selection.
        titles: of the reader.

    Raises:
        FormatError: no row, fewer columns than needed, rows of different widths, text that is not UTF-8.
    """
    rows, kept, comments = _without_headers(text)
    line = kept if line is None else line[kept - 1]
    if not len(line):
        raise FormatError(f"the file has no rows of {what}", path=path)
    first = rows[: rows.index(b"\n")]
    separator, quoted = layout(first)
    title, names, roles, in_rows = _find_title(first, comments, separator, titles, path, int(line[0]))
    if not roles and b" " in first.split(separator.encode())[0].strip():
        separator, quoted = "\t", False  # blanks between the columns, and commas within one
    if in_rows:
        rows, line = rows[len(first) + 1 :], line[1:]
        if not len(line):
            raise FormatError("the table has no rows", path=path)
    cells = _cells(rows[: rows.index(b"\n")], separator)
    width = len(cells)
    if in_rows and not any(name.strip() for name in title[width:]):
        title, names = title[:width], names[:width]  # separators at the end of the title
    if in_rows and width == len(title) + 1 and not _fits(cells, roles):
        title, names, roles = ("", *title), ("", *names), {role: c + 1 for role, c in roles.items()}
    if in_rows and width != len(title):
        raise FormatError(
            f"{width} columns below a title of {len(title)}; write one name for each column",
            path=path,
            line=int(line[0]),
        )
    if (width < at_least and not roles) or max(roles.values(), default=0) > width:
        raise _ragged(rows, line, path, max(at_least, *roles.values(), 0), what, separator)
    table = _split(rows, line, path, width, max(roles.values(), default=at_least), what, separator, quoted)
    return TextTable(path, table, line, separator, roles, names, title)


def _fits(cells: Sequence[str], roles: Mapping[str, int]) -> bool:
    """Say whether a row has a number where its title names a position."""
    columns = [column for role, column in roles.items() if "start" in role or role in ("tss", "size")]
    return all(cells[column - 1].strip().isdecimal() for column in columns)


def layout(first: bytes) -> tuple[str, bool]:
    """Return what separates the columns, and whether fields may be in double quotes."""
    if b"\t" in first or not (b"," in first or b";" in first):
        cells = (cell.strip() for cell in first.split(b"\t"))
        return "\t", any(len(cell) > 1 and cell[:1] == cell[-1:] == b'"' for cell in cells)
    return (";" if b";" in first else ","), True


def _cells(row: bytes, separator: str) -> list[str]:
    """Return the fields of one line."""
    text = row.decode("utf-8", "replace")
    if '"' not in text or (separator == "\t" and not layout(row)[1]):
        return text.split(separator)
    return next(csv.reader([text], delimiter=separator, skipinitialspace=separator != "\t"))


def _find_title(
    first: bytes, comments: Sequence[bytes], separator: str, titles: Titles, path: Path, line: int
) -> tuple[Sequence[str], Sequence[str], dict[str, int], bool]:
    """Return the title's cells, their plain names, their roles, and whether it is the first line."""
    if titles.needed:
        for candidate in (first, *reversed(comments)):
            cells = _cells(candidate, separator)
            names = plain_names(cells)
            if all(any(name in names for name in SYNONYMS[role]) for role in titles.needed):
                roles = find_roles(
                    names, (*titles.needed, *titles.useful), path, line if candidate is first else None
                )
                return cells, names, roles, candidate is first
    return (), (), {}, False


def _split(
    rows: bytes,
    line: NDArray[np.int64],
    path: Path,
    width: int,
    at_least: int,
    what: str,
    separator: str,
    quoted: bool,
) -> pa.Table:
    options = pcsv.ParseOptions(
        delimiter=separator,
        quote_char='"' if quoted else False,
        escape_char="\\" if quoted and b'\\"' in rows else False,
    )
    try:
        table = pcsv.read_csv(
            pa.py_buffer(rows),
            read_options=pcsv.ReadOptions(column_names=[str(i) for i in range(width)], block_size=1 << 24),
            parse_options=options,
            convert_options=pcsv.ConvertOptions(
                column_types={str(i): pa.string() for i in range(width)}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "columns" in str(error):
            raise _ragged(rows, line, path, at_least, what, separator) from None
        try:
            rows.decode()
        except UnicodeDecodeError as not_text:
            found = not_utf8(rows, not_text, path, what)
            assert found.line is not None
            raise FormatError(
                found.message, path=path, line=int(line[found.line - 1]), value=found.value
            ) from None
        raise FormatError(f"not text that can be read as {what} ({error})", path=path) from None
    if len(table) != len(line):
        odd = (i for i, row in enumerate(rows.split(b"\n")) if row.count(b'"') % 2)
        raise FormatError(
            "a field in quotes that does not end on its line; close the quotes, or take the line end out",
            path=path,
            line=int(line[next(odd, 0)]),
        )
    if not quoted:
        return table
    return pa.table([pc.utf8_trim_whitespace(column) for column in table.columns], names=table.column_names)


def _without_headers(text: bytes) -> tuple[bytes, NDArray[np.int64], list[bytes]]:
    """Return the lines that are rows, the 1-based number of each (int64 (n,)), and comments above them."""
    if not text.endswith(b"\n"):
        text += b"\n"
    letters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    first_letter = letters[starts]
    row = first_letter != _NEWLINE
    comments = []
    row[0] &= not _EXCEL.fullmatch(text[: ends[0]])
    # Few lines can begin like a header or be blank; only those are looked at one by one.
    begins = [header[0] for header in HEADERS] + list(_MAY_BE_BLANK)
    for i in np.flatnonzero(np.isin(first_letter, begins)):
        content = text[starts[i] : ends[i]]
        first_word = content.split(maxsplit=1)[:1]
        is_header = bool(first_word) and (first_word[0].startswith(b"#") or first_word[0] in HEADERS)
        if is_header and content.startswith(b"#") and not row[:i].any():
            comments.append(content.lstrip(b"# "))
        row[i] &= not is_header and bool(content.strip(_MAY_BE_BLANK))
    if not row.all():
        text = letters[np.repeat(row, ends + 1 - starts)].tobytes()
    return text, np.flatnonzero(row) + 1, comments


def _ragged(
    rows: bytes, line: NDArray[np.int64], path: Path, at_least: int, what: str, separator: str
) -> FormatError:
    """Find the first row that is too narrow, or else the first of another width than the first row."""
    name, every = SEPARATORS[separator], rows.decode("utf-8", "replace").split("\n")[: len(line)]
    widths = np.array([len(_cells(row.encode(), separator)) for row in every])
    narrow = widths < at_least
    row = int(np.argmax(narrow if narrow.any() else widths != widths[0]))
    expected = f"{what} needs {at_least}" if narrow.any() else f"the first row has {widths[0]}"
    return FormatError(
        f"{widths[row]} {name}-separated column{'s' if widths[row] > 1 else ''} where {expected}; "
        f"columns must be separated by {name}s",
        path=path,
        line=int(line[row]),
        value=every[row][:60],
    )
