"""The fan-out of units of work over actors that each hold one replica.

The driver owns the units. It gives one only to an actor that lives, takes it back from one that is lost, and
gives it to a second one where the first is slow. Nothing of Ray's own retries is used: a unit bound by them
to an actor whose node is gone waits for ever. Units that take milliseconds travel several a call, which costs
about a millisecond itself.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from statistics import median
from types import TracebackType
from typing import Any, TypeAlias

import ray
from ray.exceptions import RayError, RayTaskError

from raycre.engine.actors import Actors, Member
from raycre.engine.capacity import check_room, settled, wait_for
from raycre.engine.cluster import connected
from raycre.engine.resources import Share
from raycre.errors import RaycreError
from raycre.events import LEFT, emit

DEPTH = 2  # calls in flight per actor: the next one waits there while one is worked on
CALL = 0.05  # seconds that a call is to take, where units are cheap enough to go together
MOST = 64  # units of a call
CALLS_LEFT = 4  # for each actor, at least, of what waits: so that all end together
LOOK_EVERY = 5.0  # seconds between looks at the cluster: nodes come and go
LATE = 1.5  # times the median of units' seconds, after which an idle actor does a unit as well
HUNG = 20.0  # times the median, after which an actor is taken for lost
SHORT, LONG = 1.0, 60.0  # seconds that count as late, as hung, whatever the median
ENOUGH = 3  # units done before their median means anything
RECENT = 101  # units whose median it is


@dataclass(eq=False)
class _Task:
    """A unit, and the actors that have been given it."""

    unit: object
    members: list[Member[_Call]] = field(default_factory=list)
    done: bool = False


_Call: TypeAlias = list[_Task]
"""Units that travel together."""


class Pool:
    """Actors that are started when there is work, and ended with the block.

    Args:
        kind: class of the replicas, made with `spec` and a function that gets `payload`.
        spec: what every replica must know; small.
        share: how many, and what each takes.
        payload: what they share, however large. It goes to the object store when the first actor starts, from
            there once to each node, and the pool lets go of its own copy.
    """

    def __init__(self, kind: type, spec: object, share: Share, payload: object = None) -> None:
        self._kind, self._spec, self._share = kind, spec, share
        self._payload = payload
        self._actors: Actors[_Call] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as last:
            last.push(lambda *_: self._stack.__exit__(kind, error, trace))  # which may know why it ended
            if self._actors is not None:
                self._actors.end()
            self._actors = None

    @property
    def started(self) -> bool:
        """Whether there has been work."""
        return self._actors is not None

    def run(self, units: Sequence[object], common: object, method: str = "work") -> Iterator[Any]:
        """Call `method(unit, common)` of a replica for every unit, yielding what it returns as it comes.

        Units are taken from `units` as replicas want them, so that they may be made on the way.
        A unit may be tried by two at once, and again where its actor was lost, so it must be safe to repeat;
        the ledger, which counts tries across processes, is what bounds them. An outcome with an `error`
        counts once no other try is under way. `DEPTH` calls an actor are in flight at most, of one unit where
        units take longer than `CALL`; `common` travels once to each node.

        Raises:
            InputError: from the making of a replica: it would be raised again.
            RaycreError: no replica fits, none could be kept alive, or all are lost and no node comes.
        """
        if not units:
            return
        if self._actors is None:
            self._stack.enter_context(connected())
            self._share = settled(self._share)
            check_room(self._share)
            if self._share.least > 1:
                wait_for(self._share)  # else that many pending actors are what nodes come for
            stored, self._payload = ray.put(self._payload), None
            self._actors = Actors(self._kind, self._spec, self._share, stored)
        yield from _FanOut(self._actors, units, ray.put(common), method).outcomes()


class _FanOut:
    """One call of `Pool.run`: which units wait, and which are where."""

    def __init__(self, actors: Actors[_Call], units: Sequence[object], common: Any, method: str) -> None:
        self._actors, self._common, self._method = actors, common, method
        self._units = iter(units)
        self._upcoming = next(self._units, None)
        self._planned, self._open = len(units), 0  # not given yet, as far as is known; given and not done
        self._again: deque[_Task] = deque()
        self._seconds: deque[float] = deque(maxlen=RECENT)

    def outcomes(self) -> Iterator[Any]:
        looked = -LOOK_EVERY
        try:
            while self._upcoming is not None or self._open:
                if (now := time.monotonic()) - looked >= LOOK_EVERY:
                    looked = now
                    self._look(now)
                self._fill()
                for ref in self._finished():
                    if not self._actors.started(ref):
                        for outcome in self._landed(ref):
                            self._open -= 1
                            emit(LEFT, units=self._left)
                            yield outcome
        finally:
            for member in self._actors.members:  # what still flies was done by others
                for call in member.flying.values():
                    for task in call:
                        task.done = True

    def _finished(self) -> Iterable[ray.ObjectRef[Any]]:
        """Wait for something, for some seconds at most."""
        refs = self._actors.refs
        if not refs:
            time.sleep(1.0)
            return ()
        ready, rest = ray.wait(refs, num_returns=1, timeout=1.0, fetch_local=False)
        if ready and rest:  # with many actors several are ready at a time
            ready += ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)[0]
        return ready

    @property
    def _left(self) -> int:
        """Units that are not done, as far as is known."""
        return self._open + max(self._planned, self._upcoming is not None)

    def _look(self, now: float) -> None:
        """See whether actors are missing, too many, or hung."""
        actors = self._actors
        # For anything but the work itself as many as there are will do.
        actors.aim_at(self._left, grow=self._method == "work" or not actors.members)
        actors.check_alive()
        for member in [m for m in actors.ready() if self._is_slow(m, now, HUNG, LONG)]:
            limit = self._limit(member, HUNG, LONG)
            self._lost(member, RaycreError(f"a unit has taken it more than {limit:.0f} s"))

    def _is_slow(self, member: Member[_Call], now: float, times: float, least: float) -> bool:
        return bool(member.flying) and now - member.since > self._limit(member, times, least)

    def _limit(self, member: Member[_Call], times: float, least: float) -> float:
        """Seconds that the call which a member is at may take."""
        if len(self._seconds) < ENOUGH:
            return float("inf")
        return max(least, times * len(next(iter(member.flying.values()))) * median(self._seconds))

    def _together(self) -> int:
        """How many units a call is given: what takes `CALL` seconds, as long as there is much to do."""
        if len(self._seconds) < ENOUGH:
            return 1
        cheap = int(CALL / max(median(self._seconds), CALL / MOST))
        fair = self._planned // (CALLS_LEFT * max(1, sum(1 for _ in self._actors.ready())))
        return max(1, min(cheap, fair))

    def _fill(self) -> None:
        """Give every actor that lives what it may hold, and to idle ones what is late with others."""
        together = self._together()
        for depth in range(1, DEPTH + 1):
            for member in self._actors.ready():
                if len(member.flying) < depth:
                    call = self._next(together)
                    if not call and not member.flying:
                        call = self._late()
                    if call:
                        for task in call:
                            task.members.append(member)
                        member.give(self._method, call, [task.unit for task in call], self._common)

    def _next(self, n: int) -> list[_Task]:
        """Return up to n units that wait; one by itself that has come back, since it may be why."""
        while self._again:
            if not (task := self._again.popleft()).done:
                return [task]
        return list(islice(iter(self._new, None), n))

    def _new(self) -> _Task | None:
        if self._upcoming is None:
            return None
        task, self._upcoming = _Task(self._upcoming), next(self._units, None)
        self._planned, self._open = self._planned - 1, self._open + 1
        return task

    def _late(self) -> list[_Task]:
        """Return a unit that its one actor, all others being busy or done, has held for too long, if any."""
        now = time.monotonic()
        for member in self._actors.ready():
            if self._is_slow(member, now, LATE, SHORT):
                for task in chain.from_iterable(member.flying.values()):
                    if not task.done and len(task.members) == 1:
                        return [task]
        return []

    def _landed(self, ref: ray.ObjectRef[Any]) -> Iterator[Any]:
        """Yield what came of a call's units, if it is the first word of each; take back what was not done."""
        member = self._actors.holder(ref)
        if member is None:
            return
        try:
            outcomes = ray.get(ref)
        except RayTaskError:  # the replica itself raised it
            raise
        except RayError as error:
            self._lost(member, error)
            return
        call, seconds = member.take(ref)
        self._actors.worked()
        if not all(task.done for task in call):
            self._seconds.append(seconds / len(outcomes))
        self._take_back(member, call[len(outcomes) :])
        for task, outcome in zip(call, outcomes, strict=False):
            task.members.remove(member)
            if not task.done and (getattr(outcome, "error", None) is None or not task.members):
                task.done = True
                yield outcome

    def _lost(self, member: Member[_Call], error: Exception) -> None:
        self._take_back(member, list(chain.from_iterable(self._actors.lost(member, error))))

    def _take_back(self, member: Member[_Call], tasks: Sequence[_Task]) -> None:
        for task in reversed(tasks):
            task.members.remove(member)
            if not task.done and not task.members:
                self._again.appendleft(task)
