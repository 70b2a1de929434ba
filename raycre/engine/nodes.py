"""Ask every node of a cluster something, before work is sent there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycre.engine.cluster import is_own

ANSWERS_WITHIN = 60.0  # seconds; a node's first task starts a process

T = TypeVar("T")
R = TypeVar("R")


def on_every_node(function: Callable[[T], R], argument: T) -> dict[str, R | Exception]:
    """Call a function on each node but the driver's own; return by address what came of it, or its error.

    One that has not answered within `ANSWERS_WITHIN`, or is lost meanwhile, gives a TimeoutError or one of
    Ray's. Nobody is asked where Ray is the run's own, or not connected.
    """
    if not ray.is_initialized() or is_own():
        return {}
    mine = ray.get_runtime_context().get_node_id()
    asked: dict[str, ray.ObjectRef[Any]] = {}
    for node in ray.nodes():
        if node["Alive"] and node["NodeID"] != mine:
            task = ray.remote(function).options(
                num_cpus=0,  # a head has none, and work of other runs may hold all
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            )
            asked[f"{node['NodeManagerAddress']} ({node['NodeID'][:8]})"] = task.remote(argument)
    if asked:
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=ANSWERS_WITHIN)
    return {address: _answer(ref) for address, ref in asked.items()}


def _answer(ref: ray.ObjectRef[Any]) -> Any:
    try:
        return ray.get(ref, timeout=0)
    except RayTaskError as error:  # the function itself raised it
        cause = getattr(error, "cause", None)
        return cause if isinstance(cause, Exception) else error
    except RayError as error:
        ray.cancel(ref, force=True)
        return error
