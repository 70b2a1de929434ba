"""How far a run is, who holds it, how fast it goes and what it has cost: from its folder alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from raycre import __version__
from raycre.errors import MissingInputError
from raycre.store.holder import WATCH, Holder, find_holder
from raycre.store.journal import END, START, Session, read_journal
from raycre.store.location import location
from raycre.store.old_run import RECORD, REMOVED
from raycre.store.summary import read_record
from raycre.workflows.pricing import NodePrice, replica_price
from raycre.workflows.status.units import RunUnits, read_units

RECENT = 1800.0  # seconds whose units give the rate
FEW = 20  # units that give it where the last while has none
STALLED = 5.0  # times the usual gap between two units, after which the time since the last one counts as well
SKEW = 15.0  # seconds of difference between two clocks that are worth a word


class ReplicaCount(NamedTuple):
    """Replicas from a moment on, in seconds since 1970 by the storage's clock."""

    at: float
    n: int


class Kill(NamedTuple):
    """A loss of a replica or a group of workers."""

    at: float
    why: str


class Stay(NamedTuple):
    """One driver's time in the folder. how: finished, failed, stopped, running or killed."""

    began: float
    ended: float
    how: str
    host: str
    error: str = ""


@dataclass
class RunStatus:
    """Of a run; times are seconds since 1970 by the clock of the storage.

    Attributes:
        state: running, silent (its driver does not beat), finished, failed, stopped, killed or unknown.
        said: what a person should know, a sentence each.
        rate: units an hour.
        eta: seconds until all that is planned is done, at this rate.
        replica_seconds: so far, over all drivers.
        cost: so far, in the money of the table of node types; None without a table.
    """

    run: str
    name: str
    verb: str
    version: str
    state: str
    now: float
    said: list[str] = field(default_factory=list)
    units: RunUnits | None = None
    rate: float | None = None
    eta: float | None = None
    replicas: int | None = None
    steps: list[ReplicaCount] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    replica_seconds: float | None = None
    cost: float | None = None
    priced_as: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        given = asdict(self)
        units = self.units
        given["units"] = None if units is None else {
            "what": units.what, "total": units.total, "done": units.done, "pending": units.pending,
            "failed": len(units.failed), "failed_units": list(units.failed), "growing": units.growing,
            "folds": [fold._asdict() for fold in units.folds],
        }  # fmt: skip
        for key in ("steps", "kills", "stays"):
            given[key] = [each._asdict() for each in getattr(self, key)]
        return given


def read_status(
    run: str | Path, *, nodes: Sequence[NodePrice] | None = None, watch: float = WATCH
) -> RunStatus:
    """Read how far a run is.

    Args:
        run: its folder, on a disk or in a bucket.
        nodes: types of nodes with their prices; by default those of the run's configuration.
        watch: seconds for which a driver's beat is watched at most, where clocks do not tell if it lives.

    Raises:
        MissingInputError: no run here.
        FormatError: run.json is damaged, or no record of a run.
    """
    out, record = _record(run, watch)
    holder, sessions, now = find_holder(out, watch), read_journal(out), time.time()
    units = read_units(out, record)
    version = str(record.get("versions", {}).get("raycre", "unknown"))
    name, verb = str(record.get("name", out.name)), str(record["verb"])
    status = RunStatus(str(out), name, verb, version, "unknown", now, units=units)
    if units is not None and units.at and units.at[-1] - now > SKEW:
        ahead = units.at[-1] - now
        status.said.append(
            f"the newest part is from {_minutes(ahead)} in the future: the clock of the storage is ahead of "
            "this machine's; times here are the storage's"
        )
        status.now = now = units.at[-1]
    _judge(status, record, holder, sessions)
    _follow(status, sessions)
    if units is not None:
        _predict(status, units)
    _price(status, record, nodes)
    return status


def _record(run: str | Path, watch: float) -> tuple[Path, dict[str, Any]]:
    """The folder and run.json of a run; says what is there instead where there is none."""
    try:
        return read_record(run)
    except MissingInputError:
        folder = location(run)
        if (folder / REMOVED).is_file():
            raise MissingInputError(
                "an earlier --fresh was cut off while it removed the run here; give --fresh again",
                path=folder,
            ) from None
        holder = find_holder(folder, watch)
        if holder is None:
            raise
        what = "and has not written run.json yet; look again soon" if holder.alive else "and seems dead"
        raise MissingInputError(
            f"no {RECORD} here: {holder.name} holds the folder, {what}", path=folder
        ) from None


def _judge(
    status: RunStatus, record: Mapping[str, Any], holder: Holder | None, sessions: Sequence[Session]
) -> None:
    """Say which state the run is in, and why."""
    said = status.said
    if status.version != __version__:
        said.append(f"written by raycre {status.version}; this is {__version__}")
    if holder is not None:
        if holder.ahead is not None and abs(holder.ahead) > SKEW:
            way = "ahead of" if holder.ahead > 0 else "behind"
            said.append(
                f"the clock of {holder.owner.host if holder.owner else 'the driver'} is "
                f"{_minutes(abs(holder.ahead))} {way} the storage's; times here are the storage's"
            )
        if holder.alive:
            status.state = "running"
            said.append(f"held by {holder.name}")
            if record.get("finished"):
                said.append("its last driver had finished it; this one goes through it again")
        elif holder.ended:
            status.state = "killed"
            said.append(
                f"its driver has ended without giving the folder back: {holder.name}; run again to go on"
            )
        elif holder.alive is None:
            status.state = "silent"
            said.append(
                f"{holder.name} holds it and has been silent for {holder.silent:.0f} s: suspended, cut "
                "off or killed; look again in a minute"
            )
        else:
            status.state = "killed"
            silent = f" for {holder.silent:.0f} s" if holder.silent < float("inf") else ""
            said.append(
                f"{holder.name} holds it and has been silent{silent}: dead, or cut off; run again to go on"
            )
        return
    if record.get("finished"):
        failed = record.get("failed_shards") or record.get("failed_units")
        status.state = "finished"
        if failed:
            said.append(f"finished; {failed:,} units failed for good (failures.parquet)")
        return
    last = sessions[-1].lines[-1] if sessions else None
    if last is None:
        said.append("not finished, and nobody holds it; run again to go on")
        if not sessions:
            said.append("no journal: its raycre kept none, so that replicas and kills are not known")
    elif last.kind == END:
        status.state = str(last.facts.get("how", "unknown"))
        why = {"failed": f"ended by {last.facts.get('error', 'an error')}", "stopped": "stopped by a person"}
        said.append(f"{why.get(status.state, 'not finished')}; run again to go on")
    else:
        status.state = "killed"
        said.append("its driver ended without a word (killed, or its machine was lost); run again to go on")


def _follow(status: RunStatus, sessions: Sequence[Session]) -> None:
    """Fill in replicas, kills and drivers over time."""
    seconds = 0.0
    for number, session in enumerate(sessions):
        lines = session.lines
        # The newest line was written when the file was: by how much the driver's clock is off.
        off = session.written - lines[-1].at
        off = off if abs(off) > SKEW else 0.0
        running = (
            status.state in ("running", "silent") and number == len(sessions) - 1 and lines[-1].kind != END
        )
        last = lines[-1].at + off
        if lines[-1].kind != END:
            after = [at for at in (status.units.at if status.units else ()) if at > last]
            following = sessions[number + 1].lines[0].at if number + 1 < len(sessions) else float("inf")
            last = status.now if running else max([last, *(at for at in after if at < following)])
        n, since = 0, lines[0].at + off
        for line in lines:
            at = line.at + off
            if line.kind == "replicas":
                seconds += n * max(0.0, at - since)
                n, since = int(line.facts.get("n", 0)), at
                status.steps.append(ReplicaCount(at, n))
            elif line.kind == "lost":
                status.kills.append(Kill(at, str(line.facts.get("why", ""))))
        seconds += n * max(0.0, last - since)
        if running:
            status.replicas = n
        elif n:
            status.steps.append(ReplicaCount(last, 0))
        first = next((line for line in lines if line.kind == START), lines[0])
        how = (
            "running"
            if running
            else str(lines[-1].facts.get("how", "killed"))
            if lines[-1].kind == END
            else "killed"
        )
        status.stays.append(
            Stay(
                lines[0].at + off,
                last,
                how,
                str(first.facts.get("host", "")),
                str(lines[-1].facts.get("error", "")),
            )
        )
    if sessions:
        status.replica_seconds = seconds
        if status.replicas is None and status.state != "running":
            status.replicas = 0


def _predict(status: RunStatus, units: RunUnits) -> None:
    """Fill in rate and time left, by the units of the last while."""
    since = max([stay.began for stay in status.stays if stay.how == "running"], default=0.0)
    end = status.now if status.state == "running" else (units.at[-1] if units.at else 0.0)
    mine = [(at, w) for at, w in zip(units.at, units.weights, strict=True) if at >= since]
    recent = [each for each in mine if each[0] >= end - RECENT]
    recent = recent if len(recent) > 1 else mine[-FEW:]
    if status.state == "running" and units.folds:
        _predict_folds(status, units)
        return
    if len(recent) < 2:
        return
    first, last = recent[0][0], recent[-1][0]
    gap = (last - first) / (len(recent) - 1)
    if status.state == "running" and status.now - last > STALLED * gap:
        status.said.append(f"nothing was done for {_minutes(status.now - last)}")
        last = status.now
    if last <= first:
        return
    status.rate = 3600 * (len(recent) - 1) / (last - first)
    weight = sum(w for _, w in recent[1:]) / (last - first)
    if status.state == "running" and weight > 0 and units.total is not None:
        status.eta = units.left / weight


def _predict_folds(status: RunStatus, units: RunUnits) -> None:
    """Folds side by side: epochs that are left, by what those in training take."""
    paces = [f.left / (f.epochs - f.epoch) for f in units.folds if f.left and f.epochs > f.epoch]
    if not paces:
        return
    at_once = status.replicas or len(paces)
    status.eta = units.left * (sum(paces) / len(paces)) / at_once
    epochs = max((f.epochs for f in units.folds), default=0)
    if epochs:
        status.rate = 3600 * at_once / (epochs * sum(paces) / len(paces))


def _price(status: RunStatus, record: Mapping[str, Any], nodes: Sequence[NodePrice] | None) -> None:
    """Fill in the cost so far: replicas' time, on the type of node that holds them for least."""
    found = replica_price(record.get("config", {}).get("resources") or {}, nodes)
    if found is not None and status.replica_seconds is not None:
        price, status.priced_as = found
        status.cost = status.replica_seconds / 3600 * price


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
