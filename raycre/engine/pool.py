"""Actors that each hold one replica, and the fan-out of units over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Any

import ray
from ray.exceptions import RayActorError

from raycre.engine.cluster import connected, replicas
from raycre.engine.resources import Share
from raycre.errors import RaycreError

MAX_RESTARTS = (
    20  # of one actor: spot nodes come and go, but one that dies at every start must not go on for ever
)
DEPTH = 2  # units in flight per actor: the next one waits there while one is worked on


class Pool:
    """As many actors as fit or as are asked for, started when there is work and ended with the block.

    Args:
        kind: class of the actors, made with `order` and a function that gets `parcel`.
        order: what every actor must know; small.
        share: how many, and what each takes.
        parcel: what they share, however large. It goes to the object store when the first actor starts, from
            there once to each node, and the pool lets go of its own copy.
    """

    def __init__(self, kind: type, order: object, share: Share, parcel: object = None) -> None:
        self._kind, self._order, self._share = kind, order, share
        self._parcel = parcel
        self._stored: Any = None
        self._actors: list[Any] = []
        self._stack = ExitStack()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as last:
            last.push(lambda *_: self._stack.__exit__(kind, error, trace))  # which may know why it ended
            for actor in self._actors:
                ray.kill(actor)
            self._actors.clear()
            self._stored = None

    @property
    def started(self) -> bool:
        """Whether there has been work."""
        return bool(self._actors)

    def run(self, units: Sequence[object], common: object, method: str = "work") -> Iterator[Any]:
        """Call `method(unit, common)` of an actor for every unit, yielding what it returns as it comes.

        A lost actor is started again, and its units are tried again: the ledger, which counts tries across
        processes, is what bounds those. `DEPTH` units an actor are in flight at most; `common` travels once
        to each node.

        Raises:
            RaycreError: an actor could not be kept alive, or none fits.
        """
        if not units:
            return
        if method == "work" or not self._actors:  # for anything else as many as there are will do
            self._start(len(units))
        shared = ray.put(common)
        queue = iter(units)
        flying: dict[ray.ObjectRef[Any], Any] = {}

        def send(to: Any) -> None:
            unit = next(queue, None)
            if unit is not None:
                flying[getattr(to, method).remote(unit, shared)] = to

        for _ in range(DEPTH):
            for actor in self._actors:
                send(actor)
        while flying:
            ready, _ = ray.wait(list(flying), num_returns=1)
            free = flying.pop(ready[0])
            try:
                outcome = ray.get(ready[0])
            except RayActorError as error:
                raise RaycreError(
                    f"a replica could not be kept alive: {error}; finished parts are whole, run again"
                ) from error
            yield outcome
            send(free)

    def _start(self, most: int) -> None:
        if self._stored is None:
            self._stack.enter_context(connected())
            self._stored, self._parcel = ray.put(self._parcel), None
        share = self._share
        n = replicas(share.count, cpus=share.cpus, gpus=share.gpus, most=most)
        remote: Any = ray.remote(self._kind).options(
            num_cpus=share.cpus, num_gpus=share.gpus, max_restarts=MAX_RESTARTS, max_task_retries=-1
        )
        while len(self._actors) < n:
            # Fetched by the actor itself, which need not know from where; also when it is started again.
            self._actors.append(remote.remote(self._order, partial(ray.get, self._stored)))
