"""A group of actors of one kind, as many as there is work for and the cluster holds: started, lost, replaced.

Those that no node holds yet are pending, which is what an autoscaler brings nodes for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import ray
from ray.exceptions import RayError

from raycre.engine.capacity import Patience, fit_now, may_grow, target
from raycre.engine.cluster import one_line
from raycre.engine.resources import Share
from raycre.engine.worker import Hosted
from raycre.errors import InputError, RaycreError
from raycre.events import LOST, REPLICAS, emit
from raycre.log import log_state, say

STARTS = 5  # of actors in a row, each lost before any of them did anything
LONGEST_PAUSE = 10.0  # seconds before the next start after several losses

T = TypeVar("T")


@dataclass(eq=False)
class Member(Generic[T]):
    """An actor, and what it has been given: one after the other, in this order.

    Attributes:
        actor: Ray's handle.
        ready: whether it lives, as far as is known.
        flying: what it has been given, by the reference of what will come of it.
        since: when it began with the first of these, by `time.monotonic`.
    """

    actor: Any
    ready: bool = False
    flying: dict[ray.ObjectRef[Any], T] = field(default_factory=dict)
    since: float = 0.0

    def give(self, method: str, task: T, *arguments: object) -> None:
        """Call a method of the actor's replica."""
        if not self.flying:
            self.since = time.monotonic()
        self.flying[self.actor.call.remote(method, *arguments)] = task

    def take(self, ref: ray.ObjectRef[Any]) -> tuple[T, float]:
        """Return what a finished call was about, and the seconds that it took."""
        now = time.monotonic()
        seconds, self.since = now - self.since, now
        return self.flying.pop(ref), seconds


class Actors(Generic[T]):
    """The group.

    Args:
        kind: class of the replicas, made with `spec` and a function that gets what is `stored`.
        spec: what every replica must know; small.
        share: how many, and what each takes.
        stored: reference of what they share.
    """

    def __init__(self, kind: type, spec: object, share: Share, stored: ray.ObjectRef[Any]) -> None:
        hosted = type(kind.__name__, (Hosted,), {})  # by which Ray names its process
        self._remote: Any = ray.remote(hosted).options(
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            memory=share.memory or None,
            max_restarts=0,  # another is started in its place, and the units are not bound to it
            max_task_retries=0,
        )
        self._arguments = kind, spec, partial(ray.get, stored), log_state()
        self._share = share
        self._starting: dict[ray.ObjectRef[Any], Member[T]] = {}
        self._patience = Patience(share, "replica")
        self._lost_in_a_row = 0
        self._have_lost, self._told = False, 0
        self.members: list[Member[T]] = []

    @property
    def refs(self) -> list[ray.ObjectRef[Any]]:
        """What can be waited for."""
        return [*self._starting, *(ref for member in self.members for ref in member.flying)]

    def ready(self) -> Iterator[Member[T]]:
        """Yield the members that live, as far as is known."""
        return (member for member in self.members if member.ready)

    def aim_at(self, units: int, *, grow: bool = True) -> None:
        """Start actors for so many units, as far as the cluster's limits allow; withdraw idle claims."""
        if grow:
            for _ in range(target(self._share, units) - len(self.members)):
                member = Member[T](self._remote.remote(*self._arguments))
                self.members.append(member)
                self._starting[member.actor.ready.remote()] = member
        waiting = [member for member in self.members if not member.ready]
        for member in waiting[: max(0, len(self.members) - units)]:
            self._drop(member)

    def holder(self, ref: ray.ObjectRef[Any]) -> Member[T] | None:
        """Return who has been given what will come as `ref`; None of one that is lost."""
        return next((member for member in self.members if ref in member.flying), None)

    def started(self, ref: ray.ObjectRef[Any]) -> bool:
        """Take note of an actor that has started or failed to; False where `ref` is not about a start.

        Raises:
            InputError: from the making of a replica, and what the next would raise as well.
            RaycreError: too many were lost in a row.
        """
        member = self._starting.get(ref)
        if member is None:
            return False
        try:
            problem = ray.get(ref)
        except RayError as error:
            problem = error
        del self._starting[ref]
        member.ready = problem is None
        if problem is not None:
            self.lost(member, problem)
        self._tell()
        return True

    def worked(self) -> None:
        """Take note that one of them has done something."""
        self._lost_in_a_row = 0

    def lost(self, member: Member[T], error: Exception) -> list[T]:
        """Forget an actor; return what it had been given, in order.

        Raises:
            InputError: `error`, where it is one: it would be raised again.
            RaycreError: too many were lost in a row.
        """
        tasks = list(member.flying.values())
        self._drop(member)
        self._have_lost, self._lost_in_a_row = True, self._lost_in_a_row + 1
        if isinstance(error, InputError):
            raise error
        emit(LOST, why=one_line(error))
        if self._lost_in_a_row >= STARTS:
            raise RaycreError(
                f"{STARTS} replicas in a row were lost before any of them did a unit ({one_line(error)}); "
                "finished parts are whole, run again to go on"
            ) from error
        say(f"a replica was lost ({one_line(error)}); another takes its place")
        time.sleep(min(LONGEST_PAUSE, 2.0**self._lost_in_a_row - 2))
        return tasks

    def check_alive(self) -> None:
        """Say what is waited for while no member lives.

        Raises:
            RaycreError: none has for so long that none is to be expected.
        """
        if any(self.ready()):
            self._patience.over()
            return
        room = fit_now(self._share) > 0
        self._patience.look(expected=room or may_grow() or not self._have_lost, starting=room)

    def end(self) -> None:
        """End all of them."""
        for member in list(self.members):
            self._drop(member)

    def _drop(self, member: Member[T]) -> None:
        self.members.remove(member)
        self._starting = {ref: other for ref, other in self._starting.items() if other is not member}
        self._tell()
        ray.kill(member.actor)

    def _tell(self) -> None:
        """Say how many live, where that has changed."""
        now = sum(member.ready for member in self.members)
        if now != self._told:
            self._told = now
            emit(REPLICAS, n=now)
