"""Fan-out of units over actors that each hold one replica. Knows nothing of what a unit does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import ray
from ray.exceptions import RayActorError

from raycre.errors import RaycreError
from raycre.store.ledger import Outcome

MAX_RESTARTS = (
    20  # of one actor: spot nodes come and go, but one that dies at every start must not go on for ever
)
DEPTH = 2  # units in flight per actor: the next one waits there while one is worked on


def fan_out(
    actor: Any, n: int, units: Iterable[tuple[Any, ...]], *, cpus: float, gpus: float
) -> Iterator[Outcome]:
    """Run `actor.work.remote(*unit)` for every unit on `n` actors, yielding outcomes as they come.

    A lost actor is started again, and its units are tried again: the ledger, which counts tries across
    processes, is what bounds those. The driver holds `DEPTH * n` units at most.

    Args:
        actor: a function without arguments that starts one actor, given its Ray options.
        n: how many.
        units: arguments of `work`, one tuple a unit.
        cpus: CPUs of each actor.
        gpus: GPUs of each actor.

    Raises:
        RaycreError: an actor could not be kept alive.
    """
    options = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": MAX_RESTARTS, "max_task_retries": -1}
    actors = [actor(options) for _ in range(n)]
    queue = iter(units)
    flying: dict[ray.ObjectRef, Any] = {}

    def send(to: Any) -> None:
        unit = next(queue, None)
        if unit is not None:
            flying[to.work.remote(*unit)] = to

    try:
        for _ in range(DEPTH):
            for each in actors:
                send(each)
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
    finally:
        for each in actors:
            ray.kill(each)
