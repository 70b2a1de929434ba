"""Lists of names, of genes for example, as people have them: one a line, or a column of a table."""

from __future__ import annotations

import csv
from pathlib import Path

from raycre.errors import FormatError
from raycre.genome.textfile import read_text, require_file, took
from raycre.genome.titles import SYNONYMS, plain_names

_TITLES = (*SYNONYMS["gene_name"], *SYNONYMS["gene_id"], "genes", "names", "x")  # x: of an R vector


def read_names(path: str | Path) -> list[str]:
    """Read names in file order.

    One name a line, or several with blanks, commas, semicolons or tabs between; quotes are left out, as are
    empty fields and lines that begin with #. Of a table with a title the column of names is taken (a gene's
    name, else its id), whatever its other columns hold.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, of another known kind, or a table whose rows do not fit its title.
    """
    path = require_file(path)
    # Bytes that are no text become a name that nothing has, and the error shows it.
    text = read_text(path, "a list of names").decode(errors="replace")
    lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip() and line[0] != "#"]
    if not lines:
        return []
    separator = next((s for s in "\t;," if s in lines[0][1]), None)
    rows = [(n, _fields(line, separator)) for n, line in lines]
    column = _column(rows)
    if column is None:
        names = [name for _, row in rows for name in row if name]
        took(path, f"read as a list of {len(names):,} names")
        return names
    title, body = rows[0][1], rows[1:]
    shift = int(bool(body) and all(len(row) == len(title) + 1 for _, row in body))  # R's row names
    for n, row in body:
        if len(row) <= column + shift:
            raise FormatError(
                f"{len(row)} fields below a title of {len(title)}; write a field for each column",
                path=path,
                line=n,
            )
    names = [row[column + shift] for _, row in body if row[column + shift]]
    took(path, f"column {title[column]} read as a list of {len(names):,} names")
    return names


def _fields(line: str, separator: str | None) -> list[str]:
    """Return the fields of a line, unquoted: at the separator, or where there is none at blanks."""
    if separator is None:
        return next(csv.reader([" ".join(line.split())], delimiter=" "))
    return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]


def _column(rows: list[tuple[int, list[str]]]) -> int | None:
    """Return the position of the names' column in the title; None where the first line is no title."""
    names = plain_names(rows[0][1])
    found = next((name for name in _TITLES if name in names), None)
    return None if found is None or len(rows) == 1 else names.index(found)
