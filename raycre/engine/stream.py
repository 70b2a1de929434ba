"""Rows through two stages of Ray Data: a function that reads for each, then replicas that work on it.

Ray Data keeps the stages busy and bounds what lies between them. What it cannot give is done here, by
passes: rows that a lost replica took with it, or that one holds for too long, are given to a further pass
over what is missing, beside the first. A row may so be worked on twice; whichever comes first counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from statistics import median
from typing import Any

import ray
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from raycre.engine.capacity import Patience, fit_now, target, wait_for
from raycre.engine.cluster import connected, one_line
from raycre.engine.resources import Share
from raycre.engine.worker import end_with_head
from raycre.errors import RaycreError
from raycre.log import say

Row = dict[str, Any]

ROWS_PER_BLOCK = 4  # a block costs Ray Data about as much as a small row
READER = 0.1  # of a CPU, which replicas on the CPU leave to the readers: else they would starve them for ever
FRUITLESS = 3  # passes in a row that gave nothing new
QUIET = 15.0  # seconds without a row before another pass begins, at least
LATE = 2.0  # the same in times that a block takes
LOOK_EVERY = 2.0
SECONDS = "_seconds"  # column: how long a row took


class _Replica:
    """Hosts a replica in an actor of Ray Data, and times it."""

    def __init__(self, kind: Callable[..., Callable[[Row], Row]], arguments: tuple[object, ...]) -> None:
        end_with_head()
        self._replica = kind(*arguments)

    def __call__(self, row: Row) -> Row:
        started = time.monotonic()
        return {**self._replica(row), SECONDS: time.monotonic() - started}


@dataclass
class _Pass:
    """One execution of both stages over some rows, in a thread of its own."""

    rows: int
    gave: int = 0
    over: bool = False
    error: Exception | None = None
    started: float = field(default_factory=time.monotonic)


def stream(
    rows: Sequence[dict[Any, Any]],
    read: Callable[[Row], Row],
    kind: type,
    arguments: tuple[object, ...],
    share: Share,
    key: str = "unit",
) -> Iterator[Row]:
    """Yield what replicas make of the rows, as it comes, each once.

    Args:
        rows: small, one at least.
        read: returns a row with what the second stage needs.
        kind: class of the replicas; an instance is called with a row and returns one with the same `key`.
            Both must be safe to repeat.
        arguments: of its constructor.
        share: how many replicas, and what each takes.
        key: column that tells rows apart.

    Raises:
        RaycreError: no Ray can be used, no replica fits, or several passes gave nothing.
    """
    with connected():
        wait_for(share)
        yield from _Stream(read, kind, arguments, share, key).outcomes(rows)


class _Stream:
    """Which rows are missing, and the passes over them."""

    def __init__(
        self, read: Callable[[Row], Row], kind: type, arguments: tuple[object, ...], share: Share, key: str
    ) -> None:
        self._read, self._kind, self._arguments = read, kind, arguments
        self._share, self._key = share, key
        self._landed: SimpleQueue[tuple[_Pass, Row | None]] = SimpleQueue()
        self._seconds: deque[float] = deque(maxlen=101)
        self._patience = Patience(share, "replica")

    def outcomes(self, rows: Sequence[Row]) -> Iterator[Row]:
        missing = {row[self._key]: row for row in rows}
        passes = [self._start(rows)]
        heard, fruitless = time.monotonic(), 0
        while missing:
            try:
                origin, row = self._landed.get(timeout=LOOK_EVERY)
            except Empty:
                newest = passes[-1]
                self._watch_over(any(p.gave for p in passes))
                quiet = time.monotonic() - max(heard, newest.started)
                if newest.gave and len([p for p in passes if not p.over]) < 2 and quiet > self._limit():
                    say(f"{len(missing)} units are late (nothing for {quiet:.0f} s); others try them as well")
                    passes.append(self._start(list(missing.values())))
                continue
            if row is not None:
                origin.gave += 1
                if missing.pop(row[self._key], None) is not None:
                    heard, fruitless = time.monotonic(), 0
                    self._patience.over()
                    self._seconds.append(row.pop(SECONDS))
                    yield row
            elif missing and all(p.over for p in passes):
                fruitless = 0 if origin.gave else fruitless + 1
                self._check(fruitless, origin, len(missing))
                passes.append(self._start(list(missing.values())))

    def _check(self, fruitless: int, ended: _Pass, missing: int) -> None:
        why = one_line(ended.error) if ended.error is not None else "their replicas were lost"
        if fruitless >= FRUITLESS:
            raise RaycreError(
                f"{missing} units came to nothing {FRUITLESS} times in a row ({why}); finished parts are "
                "whole, run again to go on"
            ) from ended.error
        say(f"{missing} units are tried once more ({why})")

    def _watch_over(self, working: bool) -> None:
        """Say what is waited for, and give up in time, while nothing has come or no node holds a replica."""
        if working and fit_now(self._share) > 0:
            self._patience.over()
        else:
            self._patience.look(self._share.wait)

    def _limit(self) -> float:
        typical = median(self._seconds) if self._seconds else 0.0
        return max(QUIET, LATE * ROWS_PER_BLOCK * typical)

    def _start(self, rows: Sequence[Row]) -> _Pass:
        this = _Pass(len(rows))
        threading.Thread(target=self._run, args=(this, list(rows)), name="raycre-pass", daemon=True).start()
        return this

    def _run(self, this: _Pass, rows: list[Row]) -> None:
        try:
            for row in self._dataset(rows).iter_rows():
                self._landed.put((this, row))
        except Exception as error:
            this.error = error
        this.over = True
        self._landed.put((this, None))

    def _dataset(self, rows: list[Row]) -> ray.data.Dataset:
        share, n = self._share, target(self._share, len(rows))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False  # the caller shows its own
        context.max_errored_blocks = -1  # of lost replicas: a further pass does what they took with them
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        blocks = max(min(n, len(rows)), len(rows) // ROWS_PER_BLOCK)
        data: ray.data.Dataset = ray.data.from_items(rows, override_num_blocks=blocks)
        data = data.map(self._read, num_cpus=1 if share.gpus else READER, compute=TaskPoolStrategy(size=n))
        replica: Any = _Replica
        return data.map(
            replica,  # a class is one actor per replica
            fn_constructor_args=(self._kind, self._arguments),
            num_cpus=share.cpus if share.gpus else share.cpus - READER,
            num_gpus=share.gpus,
            # Replicas that no node holds yet are pending, which is what an autoscaler brings nodes for; a
            # pool between two sizes is cut down to the smaller one as long as the cluster is small.
            compute=ActorPoolStrategy(size=n, max_tasks_in_flight_per_actor=2),
            ray_remote_args_fn=_no_retries,
        )


def _no_retries() -> dict[str, Any]:
    """What is with a lost replica fails at once, in place of waiting for a node that may never come."""
    return {"max_task_retries": 0}
