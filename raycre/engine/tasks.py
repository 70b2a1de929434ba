"""Work on files that the driver should not do itself: where its machine is a head without processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from raycre.engine.capacity import LOOK_EVERY, Patience, fit_ever, fit_now
from raycre.engine.resources import Share
from raycre.log import say

ONE = Share(cpus=1)  # what a task asks for

T = TypeVar("T")
R = TypeVar("R")


def as_task(function: Callable[[T], R], argument: T) -> R:
    """Call a function of a module as a task of one CPU; here where no node can have one, or the task is lost.

    Ray is connected. What the function raises is raised.

    Raises:
        RaycreError: no node came within `Share.wait`.
    """
    if fit_ever(ONE) == 0:
        return function(argument)
    ref = ray.remote(function).options(num_cpus=ONE.cpus).remote(argument)
    patience = Patience(ONE, "task")
    while not ray.wait([ref], timeout=LOOK_EVERY)[0]:
        if fit_now(ONE):
            patience.over()
        else:
            patience.look()
    try:
        found: Any = ray.get(ref)
    except RayTaskError as error:
        cause = getattr(error, "cause", None)
        raise (cause if isinstance(cause, Exception) else error) from None
    except RayError as error:
        say(f"the task of {function.__name__} was lost ({type(error).__name__}); it is done here")
        return function(argument)
    result: R = found
    return result


def own_cpus() -> float:
    """Return the processors that the driver's node has for work."""
    mine = ray.get_runtime_context().get_node_id()
    return sum(float(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["NodeID"] == mine)
