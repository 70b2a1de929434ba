"""The file formats that regions come in, as one table of raw rows. It does not judge the intervals.

Columns of every result: chrom, start, end, name, class, strand, source, summit, line; `class` is the
text that may be a label, and None where there is none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.textfile import TextTable, read_table

_STRANDS = ("+", "-", ".")


def read_bed(path: Path) -> pd.DataFrame:
    """Read BED or narrowPeak. A "." or absent name is None, an absent strand is "."."""
    rows = read_table(path, at_least=3, what="BED")
    start = rows.integers(2, "start")
    summit = np.full(len(rows), -1, dtype=np.int64)
    if _is_narrow_peak(rows):
        offset = rows.integers(10, "summit")
        summit = np.where(offset >= 0, start + offset, -1)
    name = _names(rows.arrow(4)) if rows.n_columns >= 4 else None
    return pd.DataFrame(
        {
            "chrom": rows.strings(1),
            "start": start,
            "end": rows.integers(3, "end"),
            "name": name,
            "class": name,
            "strand": _checked_strands(rows.strings(6), path, rows.line) if rows.n_columns >= 6 else ".",
            "source": path.name,
            "summit": summit,
            "line": rows.line,
        }
    )


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


def _is_narrow_peak(rows: TextTable) -> bool:
    """Tell narrowPeak from other BED: ten columns, three numbers and an integer from the seventh on."""
    if rows.n_columns != 10:
        return False
    if "narrowpeak" in rows.path.name.lower():
        return True
    *signal, summit = (rows.value(0, column) for column in (7, 8, 9, 10))
    return all(_is_number(text) for text in signal) and summit.removeprefix("-").isdecimal()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_parquet(path: Path) -> pd.DataFrame:
    """Read chrom, start, end and, where present, name, label, strand, source, summit.

    Raises:
        FormatError: damaged, without rows or a needed column, of the wrong type, or with a null coordinate.
    """
    try:
        file = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"the Parquet file is truncated or damaged ({error})", path=path) from error
    missing = [c for c in ("chrom", "start", "end") if c not in file.column_names]
    if missing:
        raise FormatError(f"no column {', '.join(missing)}; it has {', '.join(file.column_names)}", path=path)
    if not file.num_rows:
        raise FormatError("the file has no rows", path=path)
    line = np.arange(1, file.num_rows + 1)

    def text(column: str, default: str) -> pd.Series | str:
        if column not in file.column_names:
            return default
        return pc.fill_null(_cast(file, column, pa.string(), path), default).to_pandas()

    name, label = (
        _names(_cast(file, column, pa.string(), path)) if column in file.column_names else None
        for column in ("name", "label")
    )
    strand = text("strand", ".")
    return pd.DataFrame(
        {
            "chrom": _complete(file, "chrom", pa.string(), path).to_pandas(),
            "start": _complete(file, "start", pa.int64(), path).to_numpy(),
            "end": _complete(file, "end", pa.int64(), path).to_numpy(),
            "name": name,
            "class": name if label is None else label,
            "strand": strand if isinstance(strand, str) else _checked_strands(strand, path, line),
            "source": text("source", path.name),
            "summit": _summits(file, path) if "summit" in file.column_names else np.int64(-1),
            "line": line,
        }
    )


def _summits(file: pa.Table, path: Path) -> NDArray[np.int64]:
    return pc.fill_null(_cast(file, "summit", pa.int64(), path), -1).to_numpy()


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
