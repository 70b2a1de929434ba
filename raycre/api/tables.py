"""A table of a run folder, read when it is asked for: as pandas, polars or pyarrow, whole or in part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from raycre.errors import BucketError, ConfigError, FormatError, near
from raycre.store.bucket import arrow_filesystem
from raycre.store.bucket_path import BucketPath

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5  # rows of a notebook's preview


@dataclass(frozen=True)
class RunTable:
    """Rows of one or more Parquet files; nothing but their footers is read until a method is called.

    Polars, DuckDB and others that take Arrow take it as it is: `pl.DataFrame(run.predictions())`.

    Attributes:
        name: of the table.
        files: in order; their rows follow each other.
        base: the run folder.
        keys: columns that stand in the folders' names alone (`fold=3`), with their types.
        wanted: rows that are kept: column -> value, or several.
    """

    name: str
    files: tuple[Path, ...]
    base: Path
    keys: Mapping[str, pa.DataType]
    wanted: Mapping[str, Any]

    def dataset(self) -> ds.Dataset:
        """Return all rows as a dataset of pyarrow, `wanted` or not."""
        folders = ds.partitioning(pa.schema(list(self.keys.items())), flavor="hive") if self.keys else None
        filesystem, paths, base = _as_arrow_has_them(self.files, self.base)
        try:
            return ds.dataset(
                paths,
                format="parquet",
                filesystem=filesystem,
                partitioning=folders,
                partition_base_dir=base if self.keys else None,
            )
        except (pa.ArrowInvalid, OSError) as error:
            if filesystem is not None and not isinstance(error, pa.ArrowInvalid):
                why = "cannot be read just now; run again once the store answers"
                raise BucketError(f"{self.files[0].parent}: {why}") from None
            raise FormatError(f"not whole Parquet files ({error})", path=self.files[0].parent) from error

    @property
    def columns(self) -> dict[str, str]:
        """What each column means, by its name."""
        return {
            field.name: (field.metadata or {}).get(b"description", b"").decode()
            for field in self.dataset().schema
        }

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read as a table of pyarrow; `columns`: only these."""
        return self.dataset().to_table(columns=self._known(columns), filter=self._filter())

    def pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read as a frame of pandas."""
        frame: pd.DataFrame = self.arrow(columns).to_pandas()
        return frame

    def polars(self, columns: Sequence[str] | None = None) -> Any:
        """Read as a frame of polars, which has to be installed."""
        return _polars().from_arrow(self.arrow(columns))

    def lazy(self) -> Any:
        """Return a LazyFrame of polars, which reads what a query needs."""
        frame = _polars().scan_pyarrow_dataset(self.dataset())
        for column, value in self.wanted.items():
            frame = frame.filter(_polars().col(column).is_in(_listed(value)))
        return frame

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Read a piece after another, for a table that does not fit into memory."""
        yield from self.dataset().to_batches(columns=self._known(columns), filter=self._filter())

    def __len__(self) -> int:
        return int(self.dataset().count_rows(filter=self._filter()))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Hand the rows to whatever takes Arrow."""
        return self.arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        names = list(self.columns)
        shown = ", ".join(names[:6]) + (f", … {len(names) - 6} more" if len(names) > 6 else "")
        size = f"{len(self):,} rows × {len(names)} columns"
        return f"{self.name}: {size} ({shown}); .pandas(), .polars(), .arrow()"

    def _repr_html_(self) -> str:
        head = self.dataset().head(SHOWN, filter=self._filter()).to_pandas().to_html(index=False)
        return f"<p>{self.name}: {len(self):,} rows, the first of them:</p>{head}"

    def _known(self, columns: Sequence[str] | None) -> list[str] | None:
        if columns is None:
            return None
        return [_check_column(name, self.dataset().schema, self.name) for name in columns]

    def _filter(self) -> pc.Expression | None:
        schema, found = self.dataset().schema, None
        for column, value in self.wanted.items():
            kind = schema.field(_check_column(column, schema, self.name)).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            try:
                values = pa.array(_listed(value), type=kind)
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                raise ConfigError(f"{self.name}.{column} is {kind}", value=value) from error
            one = pc.field(column).cast(kind).isin(values)
            found = one if found is None else found & one
        return found


def _as_arrow_has_them(files: Sequence[Path], base: Path) -> tuple[Any, list[str], str]:
    """Return Arrow's filesystem (None: this machine's disks), and files and a folder by their paths in it."""
    if not isinstance(base, BucketPath):
        return None, [str(path) for path in files], str(base)
    filesystem, folder = arrow_filesystem(base.place)
    folder = folder.rstrip("/")
    return filesystem, [f"{folder}/{path.relative_to(base)}" for path in files], folder


def _check_column(name: str, schema: pa.Schema, table: str) -> str:
    if name not in schema.names:
        known = ", ".join(schema.names)
        raise ConfigError(
            f"{table} has no such column{near(name, schema.names)}; there are {known}", value=name
        )
    return name


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple | set | frozenset) else [value]


def _polars() -> Any:
    try:
        return import_module("polars")
    except ImportError:
        raise ConfigError("polars is not installed; pip install polars, or take .pandas()") from None
