"""A run's status in lines for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from raycre.workflows.status.read import RunStatus

SHOWN = 5  # kills and failed units that are named
STATES = {
    "running": "is running",
    "silent": "is held by a driver that is silent",
    "finished": "is finished",
    "failed": "has failed",
    "stopped": "was stopped",
    "killed": "was killed",
    "unknown": "is not finished",
}


def lines_of(status: RunStatus) -> Iterator[str]:
    """Yield what a person should see of it."""
    yield f"{status.name} ({status.verb}) {STATES.get(status.state, status.state)}"
    for sentence in status.said:
        yield f"  {sentence}"
    if status.units is not None:
        yield from _units(status)
    if status.stays:
        how = Counter(stay.how for stay in status.stays)
        drivers = "driver" if len(status.stays) == 1 else "drivers"
        kinds = ", ".join(f"{n} {kind}" for kind, n in how.items())
        first = moment(status.stays[0].began)
        yield f"drivers:  {len(status.stays)} {drivers} ({kinds}), the first from {first}"
        yield f"replicas: {_replicas(status)}"
        if status.kills:
            last = status.kills[-1]
            yield f"lost:     {len(status.kills)}, the last at {moment(last.at)}: {last.why}"
    if status.cost is not None:
        yield f"cost:     {status.cost:,.2f} so far, by replicas' time on {status.priced_as}"


def _units(status: RunStatus) -> Iterator[str]:
    units = status.units
    assert units is not None
    if units.total is None:
        yield f"units:    {units.done:,} {units.what} done; no plan says of how many"
        return
    share = f" ({units.done / units.total:.0%})" if units.total else ""
    more = " planned so far, later steps add to them" if units.growing else ""
    yield (
        f"units:    {units.done:,} of {units.total:,} {units.what} done{share}, {units.pending:,} pending, "
        f"{len(units.failed):,} failed{more}"
    )
    if units.failed:
        rest = len(units.failed) - SHOWN
        yield f"failed:   {', '.join(units.failed[:SHOWN])}{f' and {rest:,} more' if rest > 0 else ''}"
    for fold in units.folds:
        if fold.state in ("training", "evaluating", "failed"):
            auprc = "" if fold.auprc is None else f", auPRC {fold.auprc:.3f}"
            name = f"{fold.run} fold {fold.fold}".strip()
            yield f"          {name}: {fold.state}, epoch {fold.epoch} of {fold.epochs}{auprc}"
    if status.rate is not None:
        yield f"rate:     {status.rate:,.1f} {units.what} an hour"
    if status.eta is not None:
        most = " at most" if units.folds else ""
        yield f"left:     {length_of_time(status.eta)}{most}, until {moment(status.now + status.eta)}"
    elif status.state == "running" and units.pending:
        yield "left:     not known yet: too little has been done"
    elif status.state == "running":
        yield "left:     all units are done; results are being written"


def _replicas(status: RunStatus) -> str:
    most = max((step.n for step in status.steps), default=0)
    now = "" if status.replicas is None or status.state != "running" else f"{status.replicas} now, "
    hours = (status.replica_seconds or 0.0) / 3600
    return f"{now}{most} at most, {hours:,.2f} replica-hours"


def moment(at: float) -> str:
    """Say a moment: date and time in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def length_of_time(seconds: float) -> str:
    """Say a length of time: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    whole = timedelta(minutes=minutes)
    return f"{whole.days} d {whole.seconds // 3600} h"
