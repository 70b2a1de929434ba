"""One execution of two stages of Ray Data over some rows: in a thread of its own, so that it can be given up.

What has failed is handed back with its reason. What a lost replica took with it is left out: Ray Data itself
would wait for that very replica, on a node that may never come.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy
from ray.util.annotations import RayDeprecationWarning

from raycre.engine.cluster import one_line
from raycre.engine.head import answers
from raycre.engine.resources import Share
from raycre.engine.worker import end_with_head, tell_like
from raycre.errors import RaycreError
from raycre.log import LogState, log_state

Row = dict[str, Any]

ROWS_PER_BLOCK = 4  # a block costs Ray Data about as much as a small row
BLOCKS = 32  # of a replica, while there are rows for them: with few, all wait at the end for the slowest
READER = 0.1  # of a CPU, which replicas on the CPU leave to the readers: else they would starve them for ever
END_WITHIN = 10.0  # seconds for an execution that is given up
LANDED = "landed"  # column: what came of a row, pickled
_running = threading.local()  # `.this`: the pass whose execution a thread starts


@dataclass(frozen=True)
class Landed:
    """What came of a row.

    Attributes:
        row: with the key of what it came of; None where it failed.
        seconds: that it took.
        problem: why it failed.
        by: number of the replica.
    """

    row: Row | None
    seconds: float = 0.0
    problem: Exception | None = None
    by: str = ""


@dataclass(frozen=True)
class Stages:
    """Both stages, and where they work: `read` returns a row with what a replica of `kind` needs."""

    read: Callable[[Row], Row]
    kind: type
    arguments: tuple[object, ...]
    share: Share


class Pass:
    """An execution over rows.

    Args:
        rows: one at least.
        stages: to run.
        replicas: how many are asked for.
        landed: takes what comes of the rows, and None when the execution is over.

    Attributes:
        gave: rows that it has done.
        error: of Ray Data's, which ended it.
        started: when, by `time.monotonic`.
    """

    def __init__(
        self, rows: list[Row], stages: Stages, replicas: int, landed: SimpleQueue[tuple[Pass, Landed | None]]
    ) -> None:
        self.gave = 0
        self.error: Exception | None = None
        self.started = time.monotonic()
        self._given_up = False
        self._names: list[str] = []
        self._rows, self._stages, self._replicas, self._landed = rows, stages, replicas, landed
        self._thread = threading.Thread(target=self._run, name="raycre-pass", daemon=True)
        self._thread.start()

    def give_up(self) -> None:
        """End the execution and its replicas, what they work on included; nothing where it is over."""
        self._given_up = True
        if self._thread.is_alive() and answers(str(ray.get_runtime_context().gcs_address)):
            for name in list(self._names):
                with suppress(ValueError):  # it has ended, or not begun
                    ray.kill(ray.get_actor(name))
            self._thread.join(END_WITHIN)

    def check(self) -> None:
        """Raise where it is given up: Ray Data ends an execution by what its callbacks raise."""
        if self._given_up:
            raise RaycreError("given up")

    def _run(self) -> None:
        _running.this = self
        try:
            for row in self._dataset().iter_rows():
                self._landed.put((self, pickle.loads(row[LANDED])))
        except Exception as error:
            self.error = error
        self._landed.put((self, None))

    def _dataset(self) -> ray.data.Dataset:
        share, n, rows = self._stages.share, self._replicas, self._rows
        context = DataContext.get_current()
        context.enable_progress_bars = False  # the caller shows its own
        context.max_errored_blocks = -1  # of lost replicas: a further pass does what they took with them
        callbacks: list[Any] = [_Follower]
        context.custom_execution_callback_classes = callbacks
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        blocks = min(len(rows), max(BLOCKS * n, len(rows) // ROWS_PER_BLOCK))
        data: ray.data.Dataset = ray.data.from_items(rows, override_num_blocks=blocks)
        log = log_state()
        data = data.map(
            partial(_read, read=self._stages.read, log=log),
            num_cpus=1 if share.gpus else READER,
            compute=TaskPoolStrategy(size=n),
        )
        replica: Any = type(self._stages.kind.__name__, (_Replica,), {})  # by which Ray names its process
        with warnings.catch_warnings():
            # That `ray_remote_args_fn` goes away in Ray 2.64, which is why Ray is pinned below it.
            warnings.simplefilter("ignore", RayDeprecationWarning)
            return data.map(
                replica,  # a class is one actor per replica
                fn_constructor_args=(self._stages.kind, self._stages.arguments, log),
                num_cpus=share.cpus if share.gpus else share.cpus - READER,
                num_gpus=share.gpus,
                memory=share.memory or None,
                # Replicas that no node holds yet are pending, which is what an autoscaler brings nodes for; a
                # pool between two sizes is cut down to the smaller one as long as the cluster is small.
                compute=ActorPoolStrategy(size=n, max_tasks_in_flight_per_actor=2),
                ray_remote_args_fn=self._options,
            )

    def _options(self) -> dict[str, Any]:
        """Options of an actor: a name to end it by, and no tries, which would wait for lost nodes."""
        self._names.append(f"raycre-{uuid.uuid4().hex}")
        return {"max_task_retries": 0, "name": self._names[-1]}


def _read(row: Row, read: Callable[[Row], Row], log: LogState) -> Row:
    """The first stage, in a task of Ray's."""
    tell_like(log)
    return read(row)


class _Follower:
    """Ray Data makes one an execution, in the thread that starts it, and calls it at each of its steps."""

    def __init__(self) -> None:
        self._pass: Pass = _running.this

    def before_execution_starts(self, executor: object) -> None:
        self._pass.check()

    def on_execution_step(self, executor: object) -> None:
        self._pass.check()

    def after_execution_succeeds(self, executor: object) -> None:
        pass

    def after_execution_fails(self, executor: object, error: Exception) -> None:
        pass


class _Replica:
    """Hosts a replica in an actor of Ray Data, times it, and says what went wrong."""

    def __init__(
        self, kind: Callable[..., Callable[[Row], Row]], arguments: tuple[object, ...], log: LogState
    ) -> None:
        end_with_head()
        tell_like(log)
        self._problem: Exception | None = None
        self._number = uuid.uuid4().hex
        try:
            self._replica = kind(*arguments)
        except Exception as error:
            self._problem = error

    def __call__(self, row: Row) -> dict[str, bytes]:
        started = time.monotonic()
        if self._problem is not None:
            return {LANDED: _pickled(Landed(None, problem=self._problem))}
        try:
            landed = Landed(self._replica(row), time.monotonic() - started, by=self._number)
        except Exception as error:
            landed = Landed(None, problem=error)
        return {LANDED: _pickled(landed)}


def _pickled(landed: Landed) -> bytes:
    try:
        data = pickle.dumps(landed)
        pickle.loads(data)
    except Exception:
        why = RaycreError(one_line(landed.problem)) if landed.problem is not None else None
        data = pickle.dumps(Landed(landed.row, landed.seconds, why))
    return data
