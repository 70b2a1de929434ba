"""The CREME run that a comparison is about: its record, its tiles and its genome, checked to be the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.compare.elements import Elements, read_elements
from raycre.errors import ConfigError, MissingInputError, RunMismatchError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import check_unchanged, fingerprint
from raycre.log import say
from raycre.store.files import read_json, sha256_of
from raycre.store.parquet import as_table, write_table
from raycre.store.run import metadata_of
from raycre.workflows.readings import listen, show_readings


@dataclass(frozen=True)
class ComparedRun:
    """A finished run, and the tiles of one of its tests.

    Attributes:
        path: the run folder.
        record: its run.json.
        elements: tiles of one test and track.
        out: where tables go.
        read: SHA-256 of the files that the run is compared with, by `compare.NAME`.
    """

    path: Path
    record: Mapping[str, Any]
    elements: Elements
    out: Path
    read: Mapping[str, str]

    @property
    def table(self) -> pd.DataFrame:
        """The tiles."""
        return self.elements.table

    @property
    def facts(self) -> dict[str, Any]:
        """What every comparison says first."""
        test, track, model = self.elements.test, self.elements.track_id, self.elements.model
        return {"run": str(self.path), "test": test, "track_id": track, "model": model}

    def write(self, name: str, rows: pd.DataFrame, schema: pa.Schema) -> str:
        """Write a table, whole or not at all; return its path."""
        show_readings()
        path = self.out / f"compare_{name}.parquet"
        facts = {key: str(value) for key, value in self.facts.items() if key != "run"}
        metadata = metadata_of(self.record)
        inputs = json.loads(metadata["raycre_inputs"]) | dict(self.read)
        metadata |= {"raycre_inputs": json.dumps(inputs), **facts}
        write_table(path, as_table(rows, schema, metadata))
        return str(path)

    def sizes(self, fasta: Path | None, sizes: Path | None) -> tuple[dict[str, int], str]:
        """Return bp of each chromosome, and the name of the file that says so.

        Args:
            fasta: instead of the run's own.
            sizes: a table of chromosome sizes instead of either.

        Raises:
            InputError: the file is not there or damaged.
        """
        if sizes is not None:
            return read_sizes(sizes), sizes.name
        path = self._fasta(fasta)
        with Fasta(path) as opened:
            return _told(opened).sizes, path.name

    def genome(self, fasta: Path | None) -> Fasta:
        """Open the run's FASTA, or one that has moved since.

        Raises:
            MissingInputError: it is not where it was.
            RunMismatchError: it is not the file that the run read.
        """
        path = self._fasta(fasta)
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

    def _fasta(self, given: Path | None) -> Path:
        path = given if given is not None else Path(self.record["config"]["inputs"]["fasta"])
        if not path.is_file():
            where = "the run's FASTA is not where it was" if given is None else "no such file"
            raise MissingInputError(f"{where}; say with --fasta where it is", path=path)
        return path


def _told(genome: Fasta) -> Fasta:
    if genome.note:
        say(f"note: {genome.note}")
    return genome


def open_compared(
    run: Path,
    test: str,
    track: str | None,
    out: Path | None,
    *,
    calls: frozenset[str] | None = None,
    files: Mapping[str, Path] = MappingProxyType({}),
) -> ComparedRun:
    """Open a finished CREME run.

    Args:
        run: the run folder.
        test: whose effects are compared.
        track: of several; see `read_elements`.
        out: a folder for the results; None for the run's summary.
        calls: tiles to read; None reads all.
        files: that the run is compared with, by name.

    Raises:
        MissingInputError: no run here.
        ConfigError: a run of another verb, one that is not finished, or `out` is a file.
        RunMismatchError: a pipeline whose effects have rows of genes that were not sampled.
        InputError: as `read_elements`.
    """
    listen()
    record = read_json(run / "run.json") if (run / "run.json").is_file() else None
    if not isinstance(record, dict):
        raise MissingInputError(
            "no run.json here; name the folder of a finished `raycre creme` run", path=run
        )
    if record.get("verb") != "creme":
        raise ConfigError("not a run of `raycre creme`", path=run, value=record.get("verb"))
    if not record.get("finished"):
        raise ConfigError("the run is not finished; run its command again, it goes on", path=run)
    if record.get("config", {}).get("tests") == "pipeline" and "rows" not in record.get("identity", {}):
        raise RunMismatchError(
            "this pipeline was run by an earlier raycre, whose effects have rows of tracks that a gene was "
            "not sampled for; run it again in another run.out",
            path=run,
        )
    if out is not None and out.is_file():
        raise ConfigError("--out is a file; name a folder", path=out)
    elements = read_elements(run, test, track, calls=calls)
    if "RANDOM" in elements.model:
        say(f"NOTE: {elements.model} is not a trained model: its tiles mean nothing")
    # One that is not there is named by its reader.
    read = {f"compare.{name}": sha256_of(path) for name, path in files.items() if path.is_file()}
    return ComparedRun(run, record, elements, out or run / "summary", read)
