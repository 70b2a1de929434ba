"""Parquet parts: written whole, read by name, refused when damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from raycre.errors import BucketAccessError, BucketError, FormatError, MissingInputError
from raycre.store.bucket_path import BucketPath
from raycre.store.files import write_atomic
from raycre.store.parts import current_parts


def as_table(
    rows: pd.DataFrame | Mapping[str, object], schema: pa.Schema, metadata: Mapping[str, str] | None = None
) -> pa.Table:
    """Return `rows` in the schema's columns, order and types, with key-value `metadata`."""
    if isinstance(rows, pd.DataFrame):
        rows = {name: rows[name] for name in schema.names}
    arrays = [pa.array(rows[field.name], type=field.type, from_pandas=True) for field in schema]
    table = pa.Table.from_arrays(arrays, schema=schema)
    return table.replace_schema_metadata(dict(metadata)) if metadata else table


def with_metadata(table: pa.Table, metadata: Mapping[str, str]) -> pa.Table:
    """Return a table with further key-value metadata; a key that it has is overwritten."""
    more = {key.encode(): value.encode() for key, value in metadata.items()}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **more})


def write_table(
    path: Path, table: pa.Table, *, row_group_size: int | None = None, once: bool = False
) -> None:
    """Write one Parquet file, atomically; equal tables give equal bytes.

    Args:
        path: of the file.
        table: what it holds.
        row_group_size: rows of a group.
        once: it is a part, whoever writes it writes the same: in a bucket the first one stays.
    """
    if isinstance(path, BucketPath):
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, row_group_size=row_group_size)
        (path.create if once else path.put)(sink.getvalue().to_pybytes())
        return
    write_atomic(path, lambda temporary: pq.write_table(table, temporary, row_group_size=row_group_size))


def write_groups(path: Path, table: pa.Table, firsts: Sequence[int]) -> None:
    """Write one Parquet file, atomically, in row groups that begin at `firsts`, of which 0 is one."""

    def write(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, table.schema) as writer:
            for first, last in zip(firsts, [*firsts[1:], len(table)], strict=True):
                writer.write_table(table.slice(first, last - first), row_group_size=max(1, last - first))

    write_atomic(path, write)


def copy_groups(source: Path, path: Path, metadata: Mapping[str, str]) -> None:
    """Copy a Parquet file row group by row group, atomically, with further key-value metadata."""

    def write(temporary: Path) -> None:
        with open_parquet(source) as file:
            schema = with_metadata(file.schema_arrow.empty_table(), metadata).schema
            with pq.ParquetWriter(temporary, schema) as writer:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group)
                    writer.write_table(table.replace_schema_metadata(schema.metadata), len(table) or 1)

    write_atomic(path, write)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a Parquet file.

    Raises:
        MissingInputError: no such file.
        FormatError: not Parquet, or truncated.
    """
    source = _source(path)
    try:
        with pq.ParquetFile(source) as file:
            return file.read(columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(path, error) from error


def read_row_group(path: Path, row_group: int) -> pa.Table:
    """Read one row group of many; a process parses the file's footer, which lists them all, once.

    Raises:
        MissingInputError, FormatError: as `read_table`.
    """
    try:
        found = path.stat()
        return _opened(path, found.st_ino, found.st_mtime_ns).read_row_group(row_group)
    except FileNotFoundError as error:
        raise MissingInputError("no such file", path=path) from error
    except (BucketAccessError, BucketError):
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(path, error) from error


def _source(path: Path) -> Path | pa.BufferReader:
    """What Arrow reads a file from: an object of a bucket is in memory."""
    if isinstance(path, BucketPath):
        try:
            return pa.BufferReader(path.read_bytes())
        except FileNotFoundError:
            raise MissingInputError("no such object", path=path) from None
    if not path.is_file():
        raise MissingInputError("no such file", path=path)
    return path


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file, to read it piece by piece; errors as `read_table`."""
    source = _source(path)
    try:
        return pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> FormatError:
    return FormatError(f"not a whole Parquet file ({error}); remove it and run again", path=path)


@lru_cache(maxsize=1)
def _opened(path: Path, inode: int, written: int) -> pq.ParquetFile:
    return pq.ParquetFile(_source(path))  # another file of this name is another to the cache


def iter_parts(folder: Path) -> Iterable[Path]:
    """Return the finished parts of a folder, in order of their units; see `store.parts`."""
    return current_parts(
        path for path in folder.glob("part-*.parquet") if isinstance(path, BucketPath) or path.is_file()
    )


def read_parts(folder: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read all parts of a folder into one frame, in order of their units."""
    tables = [read_table(path, columns) for path in iter_parts(folder)]
    if not tables:
        raise MissingInputError("no part files here; has the run finished?", path=folder)
    table: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return table
