"""What a driver does while Ray Train works: it asks for nodes, and says what is lost and waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from raycre.engine.capacity import Patience, check_fits, fit_now, may_grow, target
from raycre.engine.jobs import Losses, State, Work, progress_of
from raycre.engine.resources import Share
from raycre.errors import RaycreError
from raycre.log import say

WHAT = "group of workers"
LOOK_EVERY = 1.0
SETTLE = 10.0  # seconds without a new node, once there are enough of them to begin
ALONE = 45.0  # seconds without a node, one having been lost, until a run ends that no autoscaler serves
STARTING = 90.0  # seconds that Ray Train may take to start workers before something is said of it

Job = TypeVar("Job")


class Claims:
    """Room that is asked for so that an autoscaler brings nodes, and given free as soon as it is there.

    Args:
        group: what one claim is for.
    """

    def __init__(self, group: Share) -> None:
        bundle = {"CPU": group.cpus, "GPU": group.gpus, "memory": group.memory}
        self._bundle = {name: float(n) for name, n in bundle.items() if n}
        self._pending: list[PlacementGroup] = []

    def ask(self, n: int) -> None:
        """Let so many claims be pending."""
        for claim in [claim for claim in self._pending if claim.wait(0)]:
            self._withdraw(claim)
        while len(self._pending) > max(0, n):
            self._withdraw(self._pending[-1])
        while len(self._pending) < n:
            self._pending.append(placement_group([self._bundle], strategy="PACK"))

    def _withdraw(self, claim: PlacementGroup) -> None:
        self._pending.remove(claim)
        remove_placement_group(claim)


class Watch(Generic[Job]):
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
        self._patience = Patience(self._group, WHAT)
        self._since = time.monotonic()  # without workers
        self._starts = self._n_losses = 0
        self._stood: Mapping[int, int] = {}  # jobs that were ended for the sake of more workers
        self._seen: State | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="raycre-train", daemon=True)

    def gather(self) -> None:
        """Return once there are nodes to begin with: all that are wanted, or enough when no more come.

        Raises:
            RaycreError: not enough can ever fit, or did within `share.wait` seconds.
        """
        group, units = self._group, len(self._work.jobs)
        check_fits(group, WHAT)
        there, came = -1, 0.0
        while True:
            now, wanted = fit_now(group), max(target(group, units), group.least)
            self._claims.ask(wanted - now if may_grow() else 0)
            if now > there:
                there, came = now, time.monotonic()
            enough = now >= group.least
            if now >= wanted or (enough and not (may_grow() and time.monotonic() - came < SETTLE)):
                self._queue.aim.remote(wanted, True)
                self._patience.over()
                return
            if not enough:
                self._patience.look(group.wait)
            time.sleep(LOOK_EVERY)

    def __enter__(self) -> Watch[Job]:
        self._since = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=5 * LOOK_EVERY)
        with suppress(Exception):  # the head may be gone
            self._claims.ask(0)

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
        lines, given_up = self._losses.judge(state)
        for line in lines:
            say(line)
        for number in given_up:
            self._work.give_up(self._work.jobs[number], state.losses[-1].why)
            self._queue.give_up.remote(number)
        self._note_growth(state)
        wanted = target(self._group, max(1, len(state.left)))
        self._queue.aim.remote(wanted, self._worth_it(state))
        self._demand(state, wanted)
        self._wait(state)

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
        there = fit_now(self._group)
        missing = wanted - there if may_grow() else 0
        # While workers start, what is free is theirs.
        self._claims.ask(missing if (state.waiting and state.workers) or not there else 0)

    def _wait(self, state: State) -> None:
        """Say what is waited for while nothing works, and give up in time."""
        if state.workers or not state.left:
            self._since = time.monotonic()
            self._patience.over()
            return
        if fit_now(self._group) == 0:
            expected = not state.losses or may_grow()
            self._patience.look(self._group.wait if expected else min(self._group.wait, ALONE))
        elif time.monotonic() - self._since > STARTING:
            self._patience.look(self._group.wait)
