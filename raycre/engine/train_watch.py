"""What a driver does while Ray Train works: it asks for nodes, and says what is lost and waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from raycre.engine.capacity import Patience, check_room, fit_ever, fit_now, may_grow
from raycre.engine.cluster import is_own
from raycre.engine.jobs import GROUP, Losses, State, Work, progress_of
from raycre.engine.resources import Share
from raycre.errors import RaycreError
from raycre.events import LEFT, LOST, REPLICAS, emit
from raycre.log import say

LOOK_EVERY = 1.0
SETTLE = 10.0  # seconds without a new node, once there are enough of them to begin
ALONE = 45.0  # seconds without a node, one having been lost, until a run ends that no autoscaler serves
HOLD = 30.0  # seconds until Ray Train's own requests keep a node that came while workers work
MANY = 100  # claims that are pending at a time
STARTING = 90.0  # seconds that Ray Train may take to start workers before something is said of it

Job = TypeVar("Job")


class Claims:
    """Room that is asked for, so that an autoscaler brings nodes and lets them be till Ray Train claims them.

    Args:
        group: what one claim is for.
    """

    def __init__(self, group: Share) -> None:
        self._bundle = group.bundle()
        self._pending: list[PlacementGroup] = []
        self._held: list[tuple[float, PlacementGroup]] = []

    def ask(self, n: int, hold: float = inf) -> None:
        """Let so many claims be pending; give up room that has been held for `hold` seconds."""
        now = time.monotonic()
        for claim in [claim for claim in self._pending if claim.wait(0)]:
            self._pending.remove(claim)
            self._held.append((now, claim))
        for since, claim in [each for each in self._held if now - each[0] >= hold]:
            self._held.remove((since, claim))
            remove_placement_group(claim)
        n = 0 if is_own() else min(n, MANY)  # on a machine alone none would ever come to anything
        while len(self._pending) > max(0, n):
            remove_placement_group(self._pending.pop())
        while len(self._pending) < n:
            self._pending.append(placement_group([self._bundle], strategy="PACK"))


class TrainWatch(Generic[Job]):
    """Looks after the queue of jobs from a thread, while its block runs.

    Args:
        work: the jobs.
        share: of a worker; `most` and `least` are of groups.
        queue: actor, a `JobQueue`.

    Attributes:
        problem: why the run is being ended.
    """

    def __init__(self, work: Work[Job], share: Share, queue: Any) -> None:
        self.problem: RaycreError | None = None
        self._work, self._group, self._queue = work, share.times(work.size), queue
        self._claims, self._losses = Claims(self._group), Losses(work)
        self._patience = Patience(self._group, GROUP, ALONE)
        self._since = time.monotonic()  # without workers
        self._n_losses = 0
        self._there: int | None = None
        self._grown = may_grow()  # whether nodes can be expected to come
        self._stood: Mapping[int, int] = {}  # jobs that were ended for the sake of more workers
        self._seen: State | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="raycre-train", daemon=True)

    def gather(self) -> None:
        """Return once there are nodes to begin with: all that are wanted, or enough when no more come.

        Raises:
            RaycreError: not enough can ever fit, or did within `share.wait` seconds.
        """
        group, came = self._group, None
        check_room(group, GROUP)
        while True:
            now, wanted = self._count(), max(self._wanted(len(self._work.jobs)), group.least)
            self._claims.ask(wanted - now)
            if now < group.least:
                self._patience.look()
            elif now >= wanted or not self._grown:
                break
            elif came is None or now > came[0]:
                came = now, time.monotonic()
            elif time.monotonic() - came[1] > SETTLE:
                break
            time.sleep(LOOK_EVERY)
        self._queue.aim.remote(wanted, True)
        self._patience.over()

    def _count(self) -> int:
        """Return how many groups fit by now; take note of nodes that have come."""
        before, self._there = self._there, fit_now(self._group)
        self._grown = self._grown or (before is not None and self._there > before)
        return self._there

    def _wanted(self, jobs: int) -> int:
        """Return for how many groups there is work; limits that nobody knows are the autoscaler's to keep."""
        ever, most = fit_ever(self._group), self._group.most
        return max(1, min(n for n in (jobs, most, ever) if n is not None))

    def __enter__(self) -> TrainWatch[Job]:
        self._since = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=5 * LOOK_EVERY)
        emit(REPLICAS, n=0)
        with suppress(Exception):  # the head may be gone
            self._claims.ask(0, hold=0)

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            try:
                self._look(ray.get(self._queue.state.remote()))
            except RayError:
                continue  # the head or the queue is lost, which ends the run elsewhere
            except RaycreError as error:
                self.problem = error
                self._queue.stop.remote(str(error))
                return

    def _look(self, state: State) -> None:
        self._tell(state)
        lines, given_up = self._losses.judge(state)
        for line in lines:
            say(line)
        for number in given_up:
            self._work.give_up(self._work.jobs[number], state.losses[-1].why)
            self._queue.give_up.remote(number)
        self._note_growth(state)
        wanted = self._wanted(max(1, len(state.left)))
        self._queue.aim.remote(wanted, self._worth_it(state))
        self._demand(state, wanted)
        self._wait(state)

    def _tell(self, state: State) -> None:
        """Say what has changed: groups that work, and what was lost."""
        before = self._seen
        if before is None or before.workers != state.workers:
            emit(REPLICAS, n=state.workers // self._work.size)
        for loss in state.losses[0 if before is None else len(before.losses) :]:
            emit(LOST, why=loss.why)
        emit(LEFT, units=len(state.left))

    def _note_growth(self, state: State) -> None:
        """Take note of jobs that were ended for the sake of more workers, and of where they stood."""
        before, self._seen = self._seen, state
        if before is None or state.starts == before.starts:
            return
        if len(state.losses) == self._n_losses and before.workers:
            say(
                f"{state.workers} workers in place of {before.workers}; what runs goes on from its newest "
                "epoch"
            )
            self._stood = progress_of(self._work, before.doing & state.left)
        self._n_losses = len(state.losses)

    def _worth_it(self, state: State) -> bool:
        """Whether every job that more workers have cost its epoch has got further since."""
        stood = {n: at for n, at in self._stood.items() if n in state.left}
        now = progress_of(self._work, frozenset(stood))
        return all(now[n] > at for n, at in stood.items())

    def _demand(self, state: State, wanted: int) -> None:
        missing = wanted - self._count()
        if state.workers:
            self._claims.ask(missing if state.waiting else 0, HOLD)
        elif state.asked:  # what is free is for workers that start
            self._claims.ask(0 if self._there else missing, hold=0)

    def _wait(self, state: State) -> None:
        """Say what is waited for while nothing works, and give up in time."""
        if state.workers or not state.left:
            self._since = time.monotonic()
            self._patience.over()
            return
        if not self._there:
            self._patience.look(expected=not state.losses or self._grown)
        elif time.monotonic() - self._since > STARTING:
            self._patience.look()
