"""A run folder and its run.json: which configuration and inputs it belongs to, and how far it got."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from raycre import __version__
from raycre.errors import CheckpointError, MissingInputError, RunMismatchError
from raycre.store.files import read_json, write_json
from raycre.store.identity import differing_values, digest_of, flat_texts, whole_identity
from raycre.store.lease import Lease
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

_PACKAGES = ("ray", "torch", "numpy", "pandas", "pyarrow", "scikit-learn")


@dataclass(frozen=True)
class Growth:
    """What a run adds to a folder whose earlier results stay.

    Attributes:
        digest: of the run that the folder holds, which was looked at.
        facts: for run.json, written together with the new identity.
    """

    digest: str
    facts: Mapping[str, object]


@dataclass
class Run:
    """An open run folder.

    Attributes:
        out: the folder.
        digest: hash of the science fields, input files included.
        record: what run.json holds.
        lease: the driver's, which may lose it.
    """

    out: Path
    digest: str
    record: dict[str, Any]
    started: float = field(default_factory=time.monotonic)
    lease: Lease | None = None

    @property
    def metadata(self) -> dict[str, str]:
        """Which run and which inputs it is of: key-value metadata for every file of the run."""
        return metadata_of(self.record)

    @property
    def identity_metadata(self) -> dict[str, str]:
        """`metadata` with those inputs alone that the run's identity holds.

        For parts that later runs of the folder go on using, whatever else they read.
        """
        known = {key.removeprefix("sha256.") for key in self.record["identity"]}
        return metadata_of(self.record, known)

    @property
    def epoch(self) -> str:
        """Of the lease; empty without one."""
        return "" if self.lease is None else self.lease.epoch

    def note(self, **facts: object) -> None:
        """Add facts to run.json.

        Raises:
            LeaseLostError: run.json is another driver's by now.
        """
        if self.lease is not None:
            self.lease.check()
        self.record.update(facts)
        write_json(self.out / RECORD, self.record)

    def finish(self, **facts: object) -> dict[str, Any]:
        """Write the last facts and the time this session took; return the whole record."""
        seconds = round(time.monotonic() - self.started, 2)
        self.note(finished=True, seconds=[*self.record.get("seconds", []), seconds], **facts)
        return self.record


def read_finished(run: Path, verb: str, *, key: str | None = None) -> dict[str, Any]:
    """Return run.json of a finished run.

    Args:
        run: its folder.
        verb: that it must be of.
        key: of the configuration that names it, for the errors.

    Raises:
        MissingInputError: no run here.
        RunMismatchError: a run of another verb, or one that is not finished.
        FormatError: run.json is damaged.
    """
    asked, path = f"{key}: " if key else "", run / RECORD
    hint = f"name the folder of a finished `raycre {verb}` run"
    record = read_json(path) if path.is_file() else None
    if not isinstance(record, dict):
        raise MissingInputError(f"{asked}no run.json here; {hint}", path=run)
    if record.get("verb") != verb:
        raise RunMismatchError(
            f"{asked}holds a run of {record.get('verb')}, not a run of `raycre {verb}`; {hint}", path=run
        )
    if not record.get("finished"):
        raise RunMismatchError(f"{asked}the run is not finished; run its command again, it goes on", path=run)
    return record


NO_TRAINING = (
    "model.checkpoint: no training run here (no run.json); name the folder of a `raycre train`, or "
    "registry:create-sequence for the published weights, which read sequence alone"
)


def check_is_training(folder: Path, record: Mapping[str, Any]) -> None:
    """Raise CheckpointError where the folder that `model.checkpoint` names is not of train."""
    verb = record.get("verb")
    if verb != "train":
        hint = "; name one of its runs, a folder below sweep/" if verb == "sweep" else ""
        raise CheckpointError(
            f"model.checkpoint is the folder of another verb, not of train{hint}", path=folder
        )


def is_finished(out: Path, config: Mapping[str, object]) -> bool:
    """Whether a folder's run.json says that a run of this configuration is finished, whatever did it."""
    path = out / RECORD
    record = read_json(path) if path.is_file() else None
    if not isinstance(record, dict) or not isinstance(before := record.get("config"), dict):
        return False
    # Resources change no result; a later raycre may know more of their keys.
    same = {**before, "resources": None} == {**config, "resources": None}
    return bool(record.get("finished")) and same


def inputs_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a run has read, as its run.json lists it: `input` (key), `path` and `sha256` of each."""
    return list(record.get("inputs", []))


def metadata_of(record: Mapping[str, Any], only: Collection[str] | None = None) -> dict[str, str]:
    """Return digest, version and inputs' hashes of a run as key-value metadata; `only` some of the inputs."""
    hashes = {i["input"]: i["sha256"] for i in inputs_of(record) if only is None or i["input"] in only}
    return {
        "raycre_digest": str(record.get("digest")),
        "raycre_version": __version__,
        "raycre_inputs": json.dumps(hashes),
    }


def _hashes_in(identity: Mapping[str, object]) -> dict[str, str]:
    return {k.removeprefix("sha256."): str(v) for k, v in identity.items() if k.startswith("sha256.")}


def _listed(hashes: Mapping[str, str], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    paths = flat_texts(config)
    return [{"input": key, "path": paths.get(key), "sha256": sha256} for key, sha256 in hashes.items()]


def check_folder(
    out: Path,
    *,
    verb: str,
    config: Mapping[str, object],
    science: Mapping[str, object],
    layout: Mapping[str, object],
    fresh: bool,
    growth: Growth | None = None,
) -> None:
    """Raise as `open_run` would where `out` cannot be opened for a run, before anything is begun.

    `fresh` says whether an earlier run would be removed; the other arguments are those of `open_run`.
    """
    if not (fresh and _old_run(out, verb, config) is not None):
        _same_run(out, verb, whole_identity(verb, science, layout), growth)


def open_run(
    out: Path,
    *,
    verb: str,
    name: str,
    config: Mapping[str, object],
    science: Mapping[str, object],
    layout: Mapping[str, object],
    inputs: Mapping[str, str] | None = None,
    remove: Callable[[OldRun], object] | None = None,
    lease: Lease | None = None,
    growth: Growth | None = None,
) -> Run:
    """Open `out` for a run, or go on with the run that it holds.

    Args:
        out: the folder; made when missing.
        verb: train, sweep, predict or creme.
        name: the run's name.
        config: the whole configuration, kept for the reader.
        science: every field that changes results, with the hashes of the inputs.
        layout: fields that shape the plan without changing results (shard size).
        inputs: SHA-256 of everything that is read, by its key in the configuration; by default those of
            `science`.
        remove: take an earlier run of the verb out of `out` first. It is called with that run before
            anything is removed, and may raise.
        lease: on `out`, which is looked at before anything is removed or written.
        growth: of the run that `out` holds, whose results are part of this one's.

    Raises:
        LeaseLostError: the folder is another driver's by now.
        RunMismatchError: `out` holds a run of other science or layout (the fields are named), a run.json
            that is not raycre's, or files without one that this run would take for its own.
        InputError: an input of this run is among the files that `remove` would remove.
    """
    if remove is not None and (old := _old_run(out, verb, config)) is not None:
        remove(old)
        if lease is not None:
            lease.check()
        remove_run(old)
    flat = whole_identity(verb, science, layout)
    record = _same_run(out, verb, flat, growth)
    if record is None:
        record = {"verb": verb, "name": name, "seconds": []}
    elif lease is not None:
        lease.check()
    for leftover in leftovers(out, verb):  # also of a run that was killed before it had a run.json
        leftover.unlink(missing_ok=True)
    record |= {
        "config": config,
        "digest": digest_of({"verb": verb, **science}),
        "identity": flat,
        "inputs": _listed(_hashes_in(flat) if inputs is None else inputs, config),
        "versions": versions_here(),
        "machine": {"system": sys.platform, "processor": platform.machine()},
        **({} if growth is None else growth.facts),
        "finished": False,
    }
    run = Run(out, record["digest"], record, lease=lease)
    run.note()
    return run


def versions_here() -> dict[str, str]:
    """Return what results depend on, and its versions in this process."""
    packages = {package: version(package) for package in _PACKAGES}
    return {"raycre": __version__, "python": platform.python_version(), **packages}


def _old_run(out: Path, verb: str, config: Mapping[str, object]) -> OldRun | None:
    """The earlier run in a folder, which reads none of what it holds: it can be removed."""
    if (old := find_old(out, verb)) is not None:
        check_reads_nothing(old, paths_in({key: value for key, value in config.items() if key != "run"}))
    return old


def _same_run(
    out: Path, verb: str, identity: Mapping[str, object], growth: Growth | None = None
) -> dict[str, Any] | None:
    """What run.json holds of a run of this identity, or of what it grows from; None where there is none."""
    path = out / RECORD
    if not path.exists():
        check_no_foreign(out, verb)
        return None
    record = read_json(path)
    if not is_record(record):
        raise RunMismatchError("is not the record of a raycre run; give the run another run.out", path=path)
    grows = growth is not None and record["digest"] == growth.digest
    if (differ := differing_values(record["identity"], identity)) and not grows:
        raise RunMismatchError(
            f"the folder holds a run of another configuration: {'; '.join(differ)}. "
            "Give the run another run.out, or --fresh to throw the old one away",
            path=out,
        )
    return record
