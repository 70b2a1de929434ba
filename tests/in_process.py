"""Runs of every verb without Ray: this process does all units. And what a run folder knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from raycre.engine.pool import Pool
from raycre.engine.resources import Share
from raycre.store.ledger import Outcome
from raycre.store.parquet import read_table
from raycre.workflows import run as start
from raycre.workflows.perturb import run
from raycre.workflows.predict import run as predict_run
from raycre.workflows.train import run as train_run
from raycre.workflows.train import sweep
from raycre.workflows.train.groups import Team
from raycre.workflows.train.workers import Job, forget_errors, train_job


class OneReplica(Pool):
    """A pool of one replica in this process."""

    order: ClassVar[Callable[[Sequence[Any]], Sequence[Any]]] = list
    """In which order units are done; a test may turn it round."""

    def __init__(self, kind: type, spec: object, share: object, payload: object = None) -> None:
        self._make = lambda: kind(spec, lambda: payload)
        self._replica: Any = None

    @property
    def started(self) -> bool:
        """False, so that the run reads effects itself."""
        return False

    def __enter__(self) -> OneReplica:
        return self

    def __exit__(self, *_: object) -> None:
        self._replica = None

    def run(self, units: Sequence[object], common: object, method: str = "work") -> Iterator[Outcome]:
        """Do one unit after another."""
        self._replica = self._replica or self._make()
        for unit in type(self).order(units):
            yield getattr(self._replica, method)(unit, common)


run_creme = partial(run.run_creme, pool_of=OneReplica)


def _train(jobs: Sequence[Job], share: Share, size: int, out: Path) -> None:
    """Train one fold after another."""
    forget_errors(jobs)
    for job in jobs:
        train_job(job, Team())


run_train = partial(train_run.run_train, train=_train)
run_sweep = partial(sweep.run_sweep, train=_train)


def _stream(
    rows: Sequence[Any], read: Callable[[Any], Any], kind: type, arguments: tuple[Any, ...], share: Share
) -> Iterator[Any]:
    """Do one shard after another."""
    return map(kind(*arguments), map(read, rows))


run_predict = partial(predict_run.run_predict, stream=_stream)


def parts(out: Path) -> list[Path]:
    """The parts of a run's passes."""
    return sorted((out / "passes").rglob("part-*.parquet")) + sorted(
        (out / "passes").rglob("chain-*.parquet")
    )


def n_predicted(out: Path) -> int:
    """Forward passes in all parts; one that was predicted twice counts twice."""
    return sum(len(read_table(path, ["pass"])) for path in parts(out))


def predictions(out: Path) -> dict[tuple[str, str], tuple[float, ...]]:
    """What is known: (gene's folder, pass) -> prediction."""
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    for path in parts(out):
        table = read_table(path, ["pass", "prediction"])
        rows = zip(table["pass"].to_pylist(), table["prediction"].to_pylist(), strict=True)
        found |= {(path.parent.name, key): tuple(values) for key, values in rows}
    return found


def connect_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs begin without Ray, up to where they first use it."""
    monkeypatch.setattr(start, "connected", nullcontext)
    monkeypatch.setattr(start, "check_room", lambda *asked: None)
