"""Parts of an annotation as units of work: in this process, or on Ray's replicas; each is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.annotate.declaration import PartWorker
from raycre.engine.resources import Share
from raycre.genome.fasta import Fasta
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import as_table, read_row_group, write_table

Through = Callable[[Sequence[dict[str, Any]], "PartSpec"], Iterable[dict[str, Any]]]


@dataclass(frozen=True)
class PartSpec:
    """What whoever works on parts needs; small enough to travel.

    Attributes:
        kind: class of the worker; one is made in each process.
        arguments: of its constructor.
        tables: schema of each table that a part has, the last of which says that the part is done.
        regions: inputs/regions.parquet of the run, one row group a part.
        fasta: the genome; None without one.
        ledger: of the last table.
        metadata: key-value metadata of the parts.
        inputs: fingerprints of all that is read.
    """

    kind: type
    arguments: tuple[object, ...]
    tables: Mapping[str, pa.Schema]
    regions: Path
    fasta: Path | None
    ledger: Ledger
    metadata: Mapping[str, str]
    inputs: tuple[Fingerprint, ...]


class PartRunner:
    """Does one part after another, in whatever process it is made."""

    def __init__(self, spec: PartSpec) -> None:
        self.spec = spec
        self._worker: PartWorker | None = None
        self._genome: Fasta | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do one part; the outcome is the row."""
        return asdict(self.spec.ledger.run(row["unit"], partial(self._write, row)))

    def _write(self, row: Mapping[str, Any]) -> None:
        spec = self.spec
        if self._worker is None:
            spec.ledger.join()
            check_unchanged(spec.inputs)
            self._genome = None if spec.fasta is None else Fasta(spec.fasta)
            made: PartWorker = spec.kind(*spec.arguments)
            self._worker = made
        part: pd.DataFrame = read_row_group(spec.regions, row["part"]).to_pandas()
        found = self._worker(self._genome, part, int(row["first"]))
        for name, schema in spec.tables.items():
            path = spec.ledger.out / f"annotate_{name}" / f"{row['unit']}.parquet"
            write_table(path, as_table(found[name], schema, spec.metadata), once=True)


def in_this_process(rows: Sequence[dict[str, Any]], spec: PartSpec) -> Iterable[dict[str, Any]]:
    """Do one part after another."""
    return map(PartRunner(spec), rows)


def on_replicas(share: Share) -> Through:
    """Return a function that does parts on Ray's replicas."""

    def through(rows: Sequence[dict[str, Any]], spec: PartSpec) -> Iterable[dict[str, Any]]:
        from raycre.engine.stream import stream  # Ray: seconds to import

        return stream(rows, _as_it_is, PartRunner, (spec,), share)

    return through


def _as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    return row


def rows_of_parts(n: int, size: int) -> list[dict[str, Any]]:
    """Return the plan: unit (the part file's name), part, first and last (one past it) region."""
    return [
        {"unit": f"part-{i:06d}", "part": i, "first": first, "last": min(n, first + size)}
        for i, first in enumerate(range(0, n, size))
    ]


def do_rows(
    rows: Sequence[dict[str, Any]], spec: PartSpec, through: Through, show: Callable[[int], None]
) -> dict[str, Outcome]:
    """Do what is pending; return what was said of the parts that failed.

    Raises:
        ChangedInputError: a part failed, and an input was replaced meanwhile.
    """
    spec.ledger.forget_attempts()
    pending = set(spec.ledger.pending(row["unit"] for row in rows))
    failed: dict[str, Outcome] = {}
    n_done = sum(row["last"] - row["first"] for row in rows if row["unit"] not in pending)
    sizes = {row["unit"]: row["last"] - row["first"] for row in rows}
    todo = [row for row in rows if row["unit"] in pending]
    for row in through(todo, spec) if todo else ():
        n_done += sizes[row["unit"]]
        show(n_done)
        if row["error"]:
            check_unchanged(spec.inputs)
            failed[row["unit"]] = Outcome(**row)
    return failed
