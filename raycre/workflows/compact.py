"""The verb `compact`: many small parts of a finished run become few large files, with the same rows in order.

A merged part is written beside those that it is made of, and counts from the moment that it is there
(`store.parts`); only then are they removed. So a run is whole and readable wherever this is cut off, goes on
and grows afterwards, and the next `compact` clears away what was left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raycre.errors import ConfigError, FormatError, RunMismatchError
from raycre.log import say
from raycre.store import bucket
from raycre.store.bucket_path import BucketPath
from raycre.store.files import write_atomic
from raycre.store.lease import Lease
from raycre.store.old_run import RECORD, leftovers
from raycre.store.parquet import open_parquet, read_table
from raycre.store.parts import current_parts, merged_name, span_of, superseded_parts
from raycre.store.summary import read_record
from raycre.workflows.progress import progress

PART_MB = 128  # millions of bytes of a file that object storage lists and reads well
LEAST_MB, MOST_MB = 1, 4096
ROWS = 2**16  # of a row group, at least: pages of columns that are worth a request each

# Verb -> folders whose parts are numbered by their units.
FOLDERS: Mapping[str, tuple[str, ...]] = {"predict": ("codes", "predictions"), "annotate": ("annotate_*",)}


@dataclass(frozen=True)
class Held:
    """A part that is there, and its bytes."""

    path: Path
    size: int


def run_compact(run: Path, *, part_mb: int = PART_MB, dry_run: bool = False) -> dict[str, Any]:
    """Merge the parts of a finished run.

    Args:
        run: folder of a run of predict or annotate, on a disk or in a bucket.
        part_mb: millions of bytes of a merged part, about: what its parts take together, at most.
        dry_run: whether only what would be done is said.

    Returns:
        The run, and for each of its folders how many files there were and are, with their bytes.

    Raises:
        MissingInputError, FormatError: no run, or a damaged part, which stays as it is.
        RunMismatchError: a run of another verb, or one that is not finished.
        RunHeldError: a driver is at work in the folder.
        ConfigError: a size that is none.
    """
    if not LEAST_MB <= part_mb <= MOST_MB:
        raise ConfigError(f"--part-mb is from {LEAST_MB} to {MOST_MB:,}", value=part_mb)
    part_bytes = part_mb * 10**6
    run, verb = _finished(run)
    folders = [folder for name in FOLDERS[verb] for folder in sorted(run.glob(name)) if _held(folder)]
    if dry_run:
        found = {folder.name: _planned(folder, part_bytes) for folder in folders}
        return {"run": str(run), "dry_run": True, "folders": found}
    _warn_annotated(run)
    lease = Lease(run, "raycre compact")
    lease.claim()
    try:
        _finished(run)  # still, now that nobody else is at work in it
        for path in leftovers(run, verb):
            path.unlink(missing_ok=True)
        merged = {folder.name: _merge(folder, part_bytes, lease) for folder in folders}
        return {"run": str(run), "folders": merged}
    finally:
        lease.release()


def _finished(run: Path) -> tuple[Path, str]:
    """Return the folder and the verb of a run whose parts can be merged."""
    run, record = read_record(run)
    verb = str(record["verb"])
    if verb not in FOLDERS:
        raise RunMismatchError(
            f"holds a run of {verb}; compact merges the parts of predict and annotate, as the files of other "
            "verbs are read one by one",
            path=run,
        )
    if not record.get("finished"):
        raise RunMismatchError("the run is not finished; run its command again, it goes on", path=run)
    return run, verb


def groups_of(parts: Sequence[Held], part_bytes: int) -> list[list[Held]]:
    """Return which parts become one, in order: neighbours, together no larger than `part_bytes`.

    A unit without a part ends a group: a merged part has all units between its ends. A part of half that size
    or more stays as it is, so that compacting again finds nothing to do.
    """
    groups: list[list[Held]] = []
    room, expected = 0, -1
    for part in parts:
        span, large = span_of(part.path.name), 2 * part.size >= part_bytes
        if span is None or span.first != expected or large or part.size > room:
            groups.append([])
            room = 0 if large else part_bytes
        groups[-1].append(part)
        room, expected = room - part.size, -1 if span is None else span.last + 1
    return groups


def _held(folder: Path) -> list[Held]:
    """The parts that count, in order; of a bucket by one listing."""
    if isinstance(folder, BucketPath):
        sizes = {name: entry.size for name, entry in bucket.entries(folder.place).items()}
        return [Held(path, sizes[path.name]) for path in current_parts(_parts(folder)) if path.name in sizes]
    return [Held(path, path.stat().st_size) for path in current_parts(_parts(folder))]


def _parts(folder: Path) -> list[Path]:
    found = folder.glob("part-*.parquet")
    return [path for path in found if isinstance(path, BucketPath) or path.is_file()]


def _planned(folder: Path, part_bytes: int) -> dict[str, int]:
    parts = _held(folder)
    n, size = len(parts), sum(part.size for part in parts)
    return {"files": n, "bytes": size, "files_after": len(groups_of(parts, part_bytes))}


def _merge(folder: Path, part_bytes: int, lease: Lease) -> dict[str, int]:
    _remove(superseded_parts(_parts(folder)), lease)  # of an earlier time that was cut off
    parts = _held(folder)
    with progress(f"{folder.name}, in parts", len(parts)) as show:
        done = 0
        for group in groups_of(parts, part_bytes):
            for alike in _alike(group):
                if len(alike) > 1:
                    _write(alike, lease)
                    _remove(alike, lease)
                done += len(alike)
                show(done)
    after = _held(folder)
    return {
        "files": len(parts),
        "bytes": sum(part.size for part in parts),
        "files_after": len(after),
        "bytes_after": sum(part.size for part in after),
    }


def _alike(group: Sequence[Held]) -> Iterator[list[Path]]:
    """Split a group where the schema changes or its metadata, which say which run and inputs a part is of."""
    schemas = [(part.path, _schema_of(part.path)) for part in group] if len(group) > 1 else []
    for _, alike in groupby(schemas, key=lambda pair: pair[1].serialize().to_pybytes()):
        yield [path for path, _ in alike]
    if not schemas:
        yield [part.path for part in group]


def _schema_of(path: Path) -> pa.Schema:
    with open_parquet(path) as file:
        return file.schema_arrow


def _write(parts: Sequence[Path], lease: Lease) -> None:
    """Write one part of several; its time is that of the newest of them, when the last unit was done."""
    target = parts[0].with_name(merged_name(parts[0].name, parts[-1].name))
    in_bucket = isinstance(target, BucketPath)
    written = 0 if in_bucket else max(path.stat().st_mtime_ns for path in parts)

    def write(temporary: Path) -> None:
        n = 0
        with pq.ParquetWriter(temporary, _schema_of(parts[0])) as writer:
            for table in _tables(parts):
                writer.write_table(table, row_group_size=max(1, len(table)))
                n += len(table)
        if n != pq.read_metadata(temporary).num_rows:
            raise FormatError("the merged part does not hold the rows of its parts", path=target)
        if not in_bucket:
            os.utime(temporary, ns=(written, written))
        lease.check()  # what another driver has begun here since would be overlaid by it

    write_atomic(target, write)


def _tables(parts: Sequence[Path]) -> Iterator[pa.Table]:
    """Yield the rows of parts, in tables of `ROWS` rows or more but for the last."""
    held: list[pa.Table] = []
    for path in parts:
        held.append(read_table(path))
        if sum(map(len, held)) >= ROWS or path == parts[-1]:
            yield pa.concat_tables(held)
            held = []


def _remove(parts: Sequence[Path], lease: Lease) -> None:
    """Remove parts whose rows are in a merged one."""
    if parts:
        lease.check()
    for path in parts:
        path.unlink(missing_ok=True)


def _warn_annotated(run: Path) -> None:
    """Say which annotations of the run know its parts by name."""
    names = sorted(path.parent.name for path in run.glob(f"annotations/*/{RECORD}"))
    if names:
        say(
            f"note: annotations of this run ({', '.join(names)}) were made of its parts as they were: they "
            "stay, and to annotate again give --fresh or another --out"
        )
