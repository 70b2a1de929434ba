"""The file formats that regions come in, as one table of raw rows. It does not judge the intervals.

Columns of every result: chrom, start, end, name, class, strand, source, summit, line; `class` is the
text that may be a label, and None where there is none.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raycre.errors import ConfigError, FormatError
from raycre.genome.narrow_peak import read_summits, summits_of
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import took
from raycre.genome.texttable import Titles, read_text_table
from raycre.genome.titles import find_roles, first_base, plain_names

_STRANDS = ("+", "-", ".")
_BED = ("chrom", "start", "end", "name", "score", "strand")  # columns 1 to 6
BED_TITLES = Titles(
    ("chrom", "start", "end"), ("name", "class", "strand", "source", "summit_offset", "summit", "width")
)


def read_bed(path: Path) -> pd.DataFrame:
    """Read BED, narrowPeak or a table with a title. A "." or absent name is None, an absent strand is "."."""
    return bed_rows(read_text_table(path, at_least=3, what="BED", titles=BED_TITLES))


def bed_rows(rows: TextTable) -> pd.DataFrame:
    """Take rows for BED, narrowPeak or intervals with a title, as `read_bed` does those of a file."""
    path = rows.path
    columns = rows.roles or {
        role: column for column, role in enumerate(_BED, start=1) if column <= rows.n_columns
    }
    start, end = rows.integers(columns["start"], "start"), rows.integers(columns["end"], "end")
    first = _first_base(rows, start, end)
    start = start - first
    offset, summit = _offsets(rows), np.full(len(rows), -1, dtype=np.int64)
    if offset is not None:
        summit = np.where(offset >= 0, start + offset, -1)
    elif "summit" in rows.roles:
        position = summits_of(rows, rows.roles["summit"])
        summit = np.where(position >= 0, position - first, -1)
    name = _names(rows.arrow(columns["name"])) if "name" in columns else None
    took(path, f"{rows.describe()} read as {_described(rows, summit, offset is not None, first)}")
    return pd.DataFrame(
        {
            "chrom": rows.strings(columns["chrom"]),
            "start": start,
            "end": end,
            "name": name,
            "class": _names(rows.arrow(columns["class"])) if "class" in columns else name,
            "strand": _strands(rows, columns.get("strand")),
            "source": rows.strings(columns["source"]) if "source" in columns else path.name,
            "summit": summit,
            "line": rows.line,
        }
    )


def _first_base(rows: TextTable, start: NDArray[np.int64], end: NDArray[np.int64]) -> int:
    """Return what the table calls the first base; only names and widths can say that it is not 0."""
    if not rows.roles:
        return 0
    width = None
    if "width" in rows.roles:
        try:
            width = rows.integers(rows.roles["width"], "width")
        except FormatError:  # a width of something else
            width = None
    return first_base(rows.names, start, end, width)


def _offsets(rows: TextTable) -> NDArray[np.int64] | None:
    """Return summits as offsets into the peaks; None where the file has none."""
    if rows.roles:
        return summits_of(rows, rows.roles["summit_offset"]) if "summit_offset" in rows.roles else None
    return read_summits(rows)


def _described(rows: TextTable, summit: NDArray[np.int64], peaks: bool, first: int) -> str:
    """Say what the file is, and where its regions have their centres."""
    n, n_summits = len(summit), int((summit >= 0).sum())
    centres = "summits used" if n_summits == n else "no summits"
    if 0 < n_summits < n:
        centres = f"summits used of {n_summits:,} rows, midpoints of {n - n_summits:,} without one"
    elif peaks and not n_summits:
        centres = "no row has a summit"
    kind = "narrowPeak" if peaks and not rows.roles else "BED" if not rows.roles else "intervals"
    return f"{kind}, {centres}{'; positions are 1-based and closed' if first else ''}"


def _strands(rows: TextTable, column: int | None) -> pd.Series | str:
    if column is None:
        return "."
    strand = rows.strings(column)
    return _checked_strands(_spelt(strand) if rows.roles else strand, rows.path, rows.line)


def _spelt(strand: pd.Series) -> pd.Series:
    """Return strands as BED spells them: R's GRanges write * where there is none, BioMart 1 and -1."""
    return strand.replace({"*": ".", "": ".", "1": "+", "-1": "-"})


def _names(texts: pa.ChunkedArray) -> pd.Series:
    """Return str or None; nulls, empty text and "." are None."""
    absent = pc.is_in(texts, value_set=pa.array(["", ".", None]))
    return pd.Series(pc.if_else(absent, None, texts).to_pylist(), dtype=object)


def _checked_strands(strand: pd.Series, path: Path, line: NDArray[np.int64]) -> pd.Series:
    bad = ~strand.isin(_STRANDS).to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        raise FormatError(
            "the strand (column 6 of BED) is not +, - or .; keep three columns if yours mean something else",
            path=path,
            line=int(line[row]),
            value=strand.iloc[row],
        )
    return strand


def read_parquet(path: Path) -> pd.DataFrame:
    """Read chrom, start, end and, where present, name, label, strand, source, summit, by any of their names.

    Raises:
        FormatError: damaged, without rows or a needed column, of the wrong type, or with a null coordinate.
    """
    held = os.fspath(path)  # of an object in a bucket: its copy on this node
    try:
        file = pq.read_table(held)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"the Parquet file is truncated or damaged ({error})", path=path) from error
    names = plain_names(file.column_names)
    roles = find_roles(names, (*BED_TITLES.needed, *BED_TITLES.useful), path)
    missing = [c for c in BED_TITLES.needed if c not in roles]
    if missing:
        raise FormatError(f"no column {', '.join(missing)}; it has {', '.join(file.column_names)}", path=path)
    if not file.num_rows:
        raise FormatError("the file has no rows", path=path)
    file = pa.table({role: file.column(column - 1) for role, column in roles.items()})
    line = np.arange(1, file.num_rows + 1)
    start, end, summit = (
        _complete(file, "start", pa.int64(), path).to_numpy(),
        _complete(file, "end", pa.int64(), path).to_numpy(),
        _summits(file, path),
    )
    width = pc.fill_null(file["width"], -1).to_numpy() if _has_integers(file, "width") else None
    first = first_base(names, start, end, width)
    start, summit = start - first, np.where(summit >= first, summit - first, -1)
    if "summit" not in roles and "summit_offset" in roles:
        offset = pc.fill_null(_cast(file, "summit_offset", pa.int64(), path), -1).to_numpy()
        summit = np.where(offset >= 0, start + offset, -1)
    closed = "; positions are 1-based and closed" if first else ""
    took(path, f"Parquet columns by name ({', '.join(roles)}) read as intervals, "
         f"{'summits used' if (summit >= 0).any() else 'no summits'}{closed}")  # fmt: skip

    def text(column: str, default: str) -> pd.Series | str:
        if column not in file.column_names:
            return default
        values: pd.Series | str = pc.fill_null(_cast(file, column, pa.string(), path), default).to_pandas()
        return values

    name, label = (
        _names(_cast(file, column, pa.string(), path)) if column in file.column_names else None
        for column in ("name", "class")
    )
    strand = text("strand", ".")
    return pd.DataFrame(
        {
            "chrom": _complete(file, "chrom", pa.string(), path).to_pandas(),
            "start": start,
            "end": end,
            "name": name,
            "class": name if label is None else label,
            "strand": strand if isinstance(strand, str) else _checked_strands(_spelt(strand), path, line),
            "source": text("source", path.name),
            "summit": summit,
            "line": line,
        }
    )


def _summits(file: pa.Table, path: Path) -> NDArray[np.int64]:
    if "summit" not in file.column_names:
        return np.full(file.num_rows, -1, dtype=np.int64)
    values: NDArray[np.int64] = pc.fill_null(_cast(file, "summit", pa.int64(), path), -1).to_numpy()
    return values


def _has_integers(file: pa.Table, column: str) -> bool:
    return column in file.column_names and pa.types.is_integer(file.schema.field(column).type)


def _cast(file: pa.Table, column: str, kind: pa.DataType, path: Path) -> pa.ChunkedArray:
    try:
        return pc.cast(file[column], kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise FormatError(f"column {column} cannot be read as {kind} ({error})", path=path) from error


def _complete(file: pa.Table, column: str, kind: pa.DataType, path: Path) -> pa.ChunkedArray:
    values = _cast(file, column, kind, path)
    if values.null_count:
        row = int(np.argmax(pc.is_null(values).to_numpy())) + 1
        raise FormatError(f"column {column} is null; every row needs a value", path=path, line=row)
    return values


def read_scores(path: Path, kind: str) -> NDArray[np.float64]:
    """Read the scores of a file's rows, in file order: column 5 of BED and the peak formats, or by its title.

    Args:
        path: the file.
        kind: of `formats.FORMATS`, what it was read as.

    Raises:
        ConfigError: a format whose rows have no score.
        FormatError: no such column, or a score that is no number.
    """
    if kind not in ("bed", "narrowPeak", "table"):
        raise ConfigError(
            f"min_score is of BED, peaks and tables with a title, and this is {kind}", path=path
        )
    rows = read_text_table(
        path, at_least=5, what="BED with a score", titles=Titles(BED_TITLES.needed, ("value",))
    )
    if rows.roles and "value" not in rows.roles:
        raise FormatError("no column score; leave min_score out, or name the column", path=path, line=1)
    return rows.floats(rows.roles["value"] if rows.roles else 5, "score")
