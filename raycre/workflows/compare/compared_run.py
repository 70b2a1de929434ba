"""The CREME run that a comparison is about: its tiles, its genome and its model, checked to be the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.compare.declaration import Comparison
from raycre.compare.tiles import TestedTiles, read_tiles
from raycre.errors import ConfigError, MissingInputError, RunMismatchError
from raycre.figures.comparisons import LIFT
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import check_unchanged, fingerprint
from raycre.log import say
from raycre.store.files import sha256_of, write_atomic
from raycre.store.parquet import as_table, write_table
from raycre.store.places import file_of_run
from raycre.store.run import metadata_of, read_finished
from raycre.workflows.progress import progress
from raycre.workflows.readings import listen, show_readings


@dataclass(frozen=True)
class ComparedRun:
    """A finished run and the tiles of one of its tests: `compare.declaration.Compared`.

    Attributes:
        path: the run folder.
        record: its run.json.
        tiles: of one test and track.
        comparison: what is done with it.
        out: a folder for the results; None for the run's summary.
        fasta: the run's FASTA, where it has moved.
        chrom_sizes: a table of chromosome sizes, where the FASTA is not at hand.
        read: SHA-256 of the files that the run is compared with, by `compare.NAME`.
        folders: of the tables that were written in parts.
        lift: what became of places of another assembly, by file; of the comparison, once it is made.
    """

    path: Path
    record: Mapping[str, Any]
    tiles: TestedTiles
    comparison: Comparison
    out: Path | None
    fasta: Path | None
    chrom_sizes: Path | None
    read: Mapping[str, str]
    folders: dict[str, None] = field(default_factory=dict)
    lift: dict[str, Any] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """The tiles."""
        return self.tiles.table

    @property
    def track_id(self) -> int:
        """Of the track."""
        return self.tiles.track_id

    @property
    def facts(self) -> dict[str, Any]:
        """What every comparison says first."""
        test, track, model = self.tiles.test, self.tiles.track_id, self.tiles.model
        return {"run": str(self.path), "test": test, "track_id": track, "model": model}

    def write(self, table: str, rows: pd.DataFrame) -> str:
        """Write a table, whole or not at all; return its path.

        Raises:
            ConfigError: a table that the comparison does not declare.
        """
        return self._write(self._folder() / f"compare_{table}.parquet", rows, self._schema(table))

    def write_part(self, table: str, number: int, rows: pd.DataFrame) -> None:
        """Write a part of a table; see `Compared`."""
        folder = self._folder() / f"compare_{table}"
        self._write(folder / f"part-{number:06d}.parquet", rows, self._schema(table))
        self.folders[str(folder)] = None

    def write_text(self, name: str, lines: Iterable[str]) -> str:
        """Write a text file; see `Compared`."""

        def write(temporary: Path) -> None:
            with temporary.open("w") as file:
                file.writelines(lines)

        folder = self.out if self.out is not None else self._folder() / f"compare_{self.comparison.name}"
        write_atomic(folder / name, write)
        return str(folder / name)

    def sizes(self) -> tuple[dict[str, int], str]:
        """Return bp of each chromosome, and the name of the file that says so.

        Raises:
            InputError: the file is not there or damaged.
        """
        if self.chrom_sizes is not None:
            return read_sizes(self.chrom_sizes), self.chrom_sizes.name
        path = self._fasta()
        with Fasta(path) as opened:
            return _told(opened).sizes, path.name

    def genome(self) -> Fasta:
        """Open the run's FASTA, or one that has moved since.

        Raises:
            MissingInputError: it is not where it was.
            RunMismatchError: it is not the file that the run read.
        """
        path = self._fasta()
        known = self.record.get("identity", {}).get("sha256.inputs.fasta")
        hashed = fingerprint(path)
        if known is not None and hashed.sha256 != known:
            raise RunMismatchError(
                "not the FASTA that the run read: its SHA-256 is another; name that file with --fasta",
                path=path,
            )
        opened = _told(Fasta(path))
        check_unchanged([hashed])
        return opened

    def model(self, *, gpu: bool) -> tuple[Any, Any]:
        """Load the run's model in float32, whatever the run was in; see `Compared`.

        Raises:
            RunMismatchError: its weights are not those of the run.
        """
        from raycre.workflows.compare.model import load_model  # PyTorch: seconds to import

        return load_model(self.record, self.path, gpu=gpu)

    def progress(self, what: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Show how many of `total` are done."""
        return progress(what, total)

    def _folder(self) -> Path:
        return self.out if self.out is not None else self.path / "summary"

    def _schema(self, table: str) -> pa.Schema:
        if table not in self.comparison.tables:
            raise ConfigError(
                f"the comparison {self.comparison.name} does not declare this table; its tables are "
                f"{', '.join(self.comparison.tables) or 'none'}",
                value=table,
            )
        return self.comparison.tables[table]

    def _write(self, path: Path, rows: pd.DataFrame, schema: pa.Schema) -> str:
        show_readings()
        facts = {key: str(value) for key, value in self.facts.items() if key != "run"}
        metadata = metadata_of(self.record)
        inputs = json.loads(metadata["raycre_inputs"]) | dict(self.read)
        metadata |= {"raycre_inputs": json.dumps(inputs), **facts}
        metadata |= {LIFT: json.dumps(self.lift)} if self.lift else {}
        write_table(path, as_table(rows, schema, metadata))
        return str(path)

    def _fasta(self) -> Path:
        named = self.record["config"]["inputs"]["fasta"]
        path = self.fasta if self.fasta is not None else file_of_run(self.path, self.record, named)
        if not path.is_file():
            where = "the run's FASTA is not where it was" if self.fasta is None else "no such file"
            raise MissingInputError(f"{where}; say with --fasta where it is", path=path)
        return path


def _told(genome: Fasta) -> Fasta:
    if genome.note:
        say(f"note: {genome.note}")
    return genome


def open_compared(
    run: Path,
    comparison: Comparison,
    test: str,
    track: str | None = None,
    *,
    out: Path | None = None,
    fasta: Path | None = None,
    sizes: Path | None = None,
    calls: frozenset[str] | None = None,
    files: Mapping[str, Path] | None = None,
) -> ComparedRun:
    """Open a finished CREME run.

    Args:
        run: the run folder.
        comparison: what is done with it.
        test: whose effects are compared.
        track: of several; see `read_tiles`.
        out, fasta, sizes: as in `ComparedRun`.
        calls: tiles to read; None reads all.
        files: that the run is compared with, by name.

    Raises:
        MissingInputError: no run here.
        RunMismatchError: a run of another verb, one that is not finished, or a pipeline whose effects have
            rows of genes that were not sampled.
        ConfigError: `out` is a file.
        InputError: as `read_tiles`.
    """
    listen()
    record = read_finished(run, "creme")
    if record.get("config", {}).get("tests") == "pipeline" and "rows" not in record.get("identity", {}):
        raise RunMismatchError(
            "this pipeline was run by an earlier raycre, whose effects have rows of tracks that a gene was "
            "not sampled for; run it again in another run.out",
            path=run,
        )
    if out is not None and out.is_file():
        raise ConfigError("--out is a file; name a folder", path=out)
    tiles = read_tiles(run, test, track, calls=calls)
    if "RANDOM" in tiles.model:
        say(f"NOTE: {tiles.model} is not a trained model: its tiles mean nothing")
    # One that is not there is named by its reader.
    read = {f"compare.{name}": sha256_of(path) for name, path in (files or {}).items() if path.is_file()}
    return ComparedRun(run, record, tiles, comparison, out, fasta, sizes, read)
