"""The regions and the folder of one annotation: `annotate.declaration.Annotatable`."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.annotate.declaration import Annotation
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import Fingerprint
from raycre.log import say
from raycre.store.fields import INT, TEXT, schema_of
from raycre.store.files import write_atomic
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import Run
from raycre.workflows.annotate.parts import PartSpec, Through, do_rows, rows_of_parts
from raycre.workflows.annotate.sources import Selection, read_source
from raycre.workflows.failures import raise_failures, write_failures
from raycre.workflows.progress import progress
from raycre.workflows.readings import show_readings

FILES = "files"  # folder of what is no table
REGION = (
    ("region_id", INT, "number of the region, in input order"),
    ("chrom", TEXT, "chromosome"),
    ("start", INT, "start of the region"),
    ("end", INT, "end of the region"),
    ("name", TEXT, "name in the input, null if none"),
    ("strand", TEXT, "strand in the input: +, - or ."),
    ("group", TEXT, "group that the region belongs to, null if none"),
)


@dataclass
class AnnotatedRun:
    """Regions that are annotated, and where the results go; the folder is opened at the first result.

    Attributes:
        table: see `Annotatable`.
        annotation: what is done.
        fasta: the genome; None without one.
        how: how regions are read.
        open_run: makes the run folder.
        inputs: fingerprints of all that is read, by key.
        through: does parts: in this process, or on replicas.
        written: paths of the results.
    """

    table: pd.DataFrame
    annotation: Annotation
    fasta: Path | None
    how: Selection
    open_run: Callable[[], Run]
    inputs: Mapping[str, Fingerprint]
    through: Through
    written: dict[str, None] = field(default_factory=dict)
    _run: Run | None = None

    @property
    def run(self) -> Run:
        """The open run folder."""
        if self._run is None:
            self._run = self.open_run()
            show_readings()
        return self._run

    @property
    def sizes(self) -> Mapping[str, int] | None:
        """Bp of each chromosome of the FASTA; see `Annotatable`."""
        return self.how.sizes

    def genome(self) -> Fasta:
        """Open the FASTA; see `Annotatable`."""
        if self.fasta is None:
            raise ConfigError(f"{self.annotation.name} reads sequence; name the genome with --fasta")
        opened = Fasta(self.fasta)
        if opened.note:
            say(f"note: {opened.note}")
        return opened

    def read_calls(self, path: Path, *, other_assembly: bool = False) -> pd.DataFrame:
        """Read other regions; see `Annotatable`."""
        how = replace(self.how, sizes=None) if other_assembly else self.how
        return read_source(str(path), how).table

    def do_parts(
        self,
        kind: type,
        arguments: tuple[object, ...],
        size: int,
        tables: Sequence[str],
        more: pa.Schema | None = None,
    ) -> None:
        """Have the regions worked on part by part; see `Annotatable`.

        Raises:
            TasksFailedError: some parts failed for good; all others are done.
            InputError: of the first part that failed by it.
        """
        run, regions = self.run, self.run.out / "inputs" / "regions.parquet"
        rows = rows_of_parts(len(self.table), size)
        handed = schema_of(*REGION)
        for column in more or ():
            handed = handed.append(column)
        numbered = self.table.assign(region_id=range(len(self.table)))
        write_table(regions, as_table(numbered, handed, run.metadata), row_group_size=size)
        ledger = Ledger(run.out.resolve(), f"annotate_{tables[-1]}", epoch=run.epoch)
        schemas = {table: self._schema(table) for table in tables}
        spec = PartSpec(
            kind, arguments, schemas, regions.resolve(), None if self.fasta is None else self.fasta.resolve(),
            ledger, run.metadata, tuple(self.inputs.values()),
        )  # fmt: skip
        with progress("regions", len(self.table)) as show:
            failed = do_rows(rows, spec, self.through, show)
        missing = ledger.missing(row["unit"] for row in rows)
        write_failures(run, missing, failed, {r["unit"]: f"regions {r['first']}-{r['last']}" for r in rows})
        raise_failures(run, missing, len(rows))
        self.written |= dict.fromkeys(str(run.out / f"annotate_{table}") for table in tables)

    def read_part(self, table: str, number: int, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Read a part of this annotation; see `Annotatable`."""
        path = self.run.out / f"annotate_{table}" / f"part-{number:06d}.parquet"
        rows: pd.DataFrame = read_table(path, None if columns is None else list(columns)).to_pandas()
        return rows

    def write_text(self, name: str, lines: Iterable[str]) -> None:
        """Write a text file; see `Annotatable`."""
        path = self.run.out / FILES / name

        def write(temporary: Path) -> None:
            with temporary.open("wb") as raw:
                if not name.endswith(".gz"):
                    raw.writelines(line.encode() for line in lines)
                    return
                # Without a name and a time in its header: equal lines give equal bytes.
                with (
                    gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
                    io.TextIOWrapper(packed) as text,
                ):
                    text.writelines(lines)

        write_atomic(path, write)
        self.written[str(path)] = None

    def write_table(self, table: str, rows: pd.DataFrame, schema: pa.Schema | None = None) -> None:
        """Write a whole table.

        Raises:
            ConfigError: one that the annotation does not declare.
        """
        path = self.run.out / f"annotate_{table}.parquet"
        self._write(path, rows, self._schema(table) if schema is None else schema)
        self.written[str(path)] = None

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how many of `total` are done."""
        return progress(what, total)

    def _schema(self, table: str) -> pa.Schema:
        tables: Mapping[str, Any] = self.annotation.tables
        if table not in tables:
            raise ConfigError(
                f"the annotation {self.annotation.name} does not declare this table; its tables are "
                f"{', '.join(tables) or 'none'}",
                value=table,
            )
        return tables[table]

    def _write(self, path: Path, rows: pd.DataFrame, schema: pa.Schema) -> None:
        write_table(path, as_table(rows, schema, self.run.metadata))


def region_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns `REGION` of the regions."""
    return table.assign(region_id=range(len(table)))[[name for name, _, _ in REGION]]


def region_schema(columns: Iterable[tuple[str, pa.DataType, str]]) -> pa.Schema:
    """Return the schema of the table that is keyed by region."""
    return schema_of(*REGION, *columns)
