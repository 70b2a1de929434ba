"""A run folder and its run.json: which configuration and inputs it belongs to, and how far it got."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raycre import __version__
from raycre.errors import RunMismatchError
from raycre.store.files import read_json, write_json
from raycre.store.old_run import (
    RECORD,
    OldRun,
    check_no_foreign,
    check_reads_nothing,
    find_old,
    is_record,
    leftovers,
    paths_in,
    remove_run,
)

SHOWN = 100  # characters of a value that differs: thousands of tracks are too many to read
_PACKAGES = ("ray", "torch", "numpy", "pandas", "pyarrow", "scikit-learn")


def digest_of(science: Mapping[str, object]) -> str:
    """Return the SHA-256 of the fields that change results, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(science, sort_keys=True, default=str).encode()).hexdigest()


@dataclass
class Run:
    """An open run folder.

    Attributes:
        out: the folder.
        digest: hash of the science fields, input files included.
        record: what run.json holds.
    """

    out: Path
    digest: str
    record: dict[str, Any]
    started: float = field(default_factory=time.monotonic)

    @property
    def metadata(self) -> dict[str, str]:
        """Key-value metadata for every Parquet file of the run."""
        return {"raycre_digest": self.digest, "raycre_version": __version__}

    def note(self, **facts: object) -> None:
        """Add facts to run.json."""
        self.record.update(facts)
        write_json(self.out / RECORD, self.record)

    def finish(self, **facts: object) -> dict[str, Any]:
        """Write the last facts and the time this session took; return the whole record."""
        seconds = round(time.monotonic() - self.started, 2)
        self.note(finished=True, seconds=[*self.record.get("seconds", []), seconds], **facts)
        return self.record


def open_run(
    out: Path,
    *,
    verb: str,
    name: str,
    config: Mapping[str, object],
    science: Mapping[str, object],
    layout: Mapping[str, object],
    remove: Callable[[OldRun], object] | None = None,
) -> Run:
    """Open `out` for a run, or go on with the run that it holds.

    Args:
        out: the folder; made when missing.
        verb: train, sweep, predict or creme.
        name: the run's name.
        config: the whole configuration, kept for the reader.
        science: every field that changes results, with the hashes of the inputs.
        layout: fields that shape the plan without changing results (shard size).
        remove: take an earlier run of the verb out of `out` first. It is called with that run before
            anything is removed, and may raise.

    Raises:
        RunMismatchError: `out` holds a run of other science or layout (the fields are named), a run.json
            that is not raycre's, or files without one that this run would take for its own.
        InputError: an input of this run is among the files that `remove` would remove.
    """
    if remove is not None and (old := find_old(out, verb)) is not None:
        check_reads_nothing(old, paths_in({key: value for key, value in config.items() if key != "run"}))
        remove(old)
        remove_run(old)
    path = out / RECORD
    flat = {"verb": verb, **_flatten(science), **_flatten(layout)}
    if path.exists():
        record = read_json(path)
        if not is_record(record):
            raise RunMismatchError(
                "is not the record of a raycre run; give the run another run.out", path=path
            )
        differences = _differences(record["identity"], flat)
        if differences:
            raise RunMismatchError(
                f"the folder holds a run of another configuration: {'; '.join(differences)}. "
                "Give the run another run.out, or --fresh to throw the old one away",
                path=out,
            )
        for leftover in leftovers(out, verb):
            leftover.unlink(missing_ok=True)
    else:
        check_no_foreign(out, verb)
        record = {"verb": verb, "name": name, "seconds": []}
    record |= {
        "config": config,
        "digest": digest_of({"verb": verb, **science}),
        "identity": flat,
        "versions": {
            "raycre": __version__,
            "python": platform.python_version(),
            **{p: version(p) for p in _PACKAGES},
        },
        "machine": {"system": sys.platform, "processor": platform.machine()},
        "finished": False,
    }
    run = Run(out, record["digest"], record)
    run.note()
    return run


def _flatten(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= _flatten(inner, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.loads(json.dumps(inner, default=str))
    return flat


def _differences(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    keys = sorted(set(old) | set(new))
    return [
        f"{k} was {_shown(old.get(k))}, is {_shown(new.get(k))}" for k in keys if old.get(k) != new.get(k)
    ]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
