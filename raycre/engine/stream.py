"""Rows through two stages of Ray Data: a function that reads for each, then replicas that work on it.

Ray Data keeps the stages busy and bounds what lies between them. What it cannot give is done here, by
passes, one after the other: rows that a lost replica took with it, or that one holds for too long when all
others have nothing left to do, are given to a further pass over what is missing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue
from statistics import median
from typing import Any

from raycre.engine.capacity import (
    SAY_EVERY,
    Patience,
    check_room,
    fit_now,
    may_grow,
    settled,
    target,
    wait_for,
)
from raycre.engine.cluster import connected, one_line
from raycre.engine.passes import ROWS_PER_BLOCK, Landed, Pass, Row, Stages
from raycre.engine.resources import Share
from raycre.errors import InputError, RaycreError
from raycre.events import LEFT, LOST, REPLICAS, emit
from raycre.log import say

FRUITLESS = 3  # passes in a row that did nothing
QUIET = 15.0  # seconds without a row after which a pass is given up, at least; twice as many each time
LATE = 2.0  # the same in times that a block takes, and that the first row took
LOOK_EVERY = 1.0


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
        InputError: from a replica: it would be raised again.
        RaycreError: no Ray can be used, no replica fits, no node is left, or several passes did nothing.
    """
    with connected():
        share = settled(share)
        if share.least > 1:
            wait_for(share)
        else:
            check_room(share)  # that many pending replicas are what nodes come for
        yield from _Stream(Stages(read, kind, arguments, share), key).outcomes(rows)


class _Stream:
    """Which rows are missing, and the passes over them."""

    def __init__(self, stages: Stages, key: str) -> None:
        self._stages, self._share, self._key = stages, stages.share, key
        self._landed: SimpleQueue[tuple[Pass, Landed | None]] = SimpleQueue()
        self._seconds: deque[float] = deque(maxlen=101)
        self._first: float | None = None  # seconds from a start to the first row
        self._heard = self._said = time.monotonic()
        self._fruitless = 0
        self._failure = ""  # the last that was said
        self._working: set[str] = set()
        self._patience = Patience(self._share, "replica")

    def outcomes(self, rows: Sequence[Row]) -> Iterator[Row]:
        missing = {row[self._key]: row for row in rows}
        current = self._start(missing.values())
        try:
            while missing:
                try:
                    origin, landed = self._landed.get(timeout=LOOK_EVERY)
                except Empty:
                    if self._is_late(current, len(missing)):
                        current.give_up()
                        current = self._start(missing.values())
                    continue
                if landed is None:
                    if origin is current:
                        self._check(origin, len(missing))
                        current = self._start(missing.values())
                elif landed.row is None:
                    self._failed(landed.problem)
                elif missing.pop(landed.row[self._key], None) is not None:
                    self._note(origin, landed.seconds)
                    if origin is current and landed.by not in self._working:
                        self._working.add(landed.by)
                        emit(REPLICAS, n=len(self._working))
                    emit(LEFT, units=len(missing))
                    yield landed.row
        finally:
            emit(REPLICAS, n=0)
            current.give_up()

    def _start(self, rows: Iterable[Row]) -> Pass:
        todo = list(rows)
        self._working.clear()
        return Pass(todo, self._stages, target(self._share, len(todo)), self._landed)

    def _note(self, origin: Pass, seconds: float) -> None:
        """Take note of a row that is done."""
        self._heard = self._said = time.monotonic()
        if self._first is None:
            self._first = self._heard - origin.started
        origin.gave += 1
        self._fruitless = 0
        self._seconds.append(seconds)

    def _failed(self, problem: Exception | None) -> None:
        """Take note of a row that failed; it stays missing."""
        if isinstance(problem, InputError):
            raise problem
        if problem is not None:
            self._failure = one_line(problem)

    def _check(self, ended: Pass, missing: int, quiet: str = "") -> None:
        """Raise where passes do nothing; `ended` has left rows out, or is given up as it is `quiet`.

        Raises:
            RaycreError: it was the last of several.
        """
        if ended.error is not None:
            self._failure = one_line(ended.error)
        why = "; ".join(filter(None, (quiet, self._failure))) or "their replicas were lost"
        self._fruitless = 0 if ended.gave else self._fruitless + 1
        emit(LOST, why=why)
        if self._fruitless >= FRUITLESS:
            raise RaycreError(
                f"{missing} units came to nothing {FRUITLESS} times in a row ({why}); finished parts "
                "are whole, run again to go on"
            ) from ended.error
        say(f"{missing} units are tried once more ({why})")

    def _is_late(self, current: Pass, missing: int) -> bool:
        """Say what is waited for; return whether so long that others should try.

        Raises:
            RaycreError: no node has held a replica for so long that none is to be expected.
        """
        if fit_now(self._share) < 1:
            self._patience.look(expected=self._first is None or may_grow())
            return False
        self._patience.over()
        now = time.monotonic()
        quiet = now - max(self._heard, current.started)
        if self._first is not None and quiet > self._limit(current):
            self._check(current, missing, f"nothing came for {quiet:.0f} s")
            return True
        if now - self._said >= SAY_EVERY:
            self._said = now
            say(f"{missing} units are left; nothing came for {now - self._heard:.0f} s")
        return False

    def _limit(self, current: Pass) -> float:
        """Seconds without a row after which a pass is given up."""
        typical = ROWS_PER_BLOCK * median(self._seconds) if self._seconds else 0.0
        limit = max(QUIET, LATE * typical) * 2.0**self._fruitless
        return limit if current.gave or self._first is None else limit + LATE * self._first
