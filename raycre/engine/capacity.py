"""How many replicas a cluster holds, how many it may grow to, and what a run does until the first fits.

An autoscaler brings nodes for actors that are pending. So a run asks at once for all that it has work for, up
to what the cluster's node types may become (`node_types`). Where nobody knows these, it asks for twice what
fits, and one more: so many that the cluster doubles where it can grow, and pending ones where it cannot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import ray
from ray.autoscaler.sdk import request_resources

from raycre.engine.cluster import is_own
from raycre.engine.node_types import NodeType, node_types
from raycre.engine.resources import Share, fits
from raycre.errors import RaycreError
from raycre.log import say

ALONE = 60.0  # seconds with nothing left, after a loss, before a run ends that expects no node
SAY_EVERY = 60.0  # seconds between lines about what is waited for
LOOK_EVERY = 2.0
MANY = 10**6  # nodes of a type without a limit
GIB = 2**30


def fit_now(share: Share) -> int:
    """Return how many replicas the nodes that are there hold, were they free."""
    return sum(fits(node, share) for node in _nodes())


def fit_ever(share: Share) -> int | None:
    """Return how many replicas the cluster may grow to hold; None where its limits are unknown."""
    if is_own():
        return fit_now(share)
    types = _types()
    return None if types is None else sum(int(min(t.most, MANY)) * fits(t.resources, share) for t in types)


def target(share: Share, units: int) -> int:
    """Return how many replicas to ask for: no more than there are units, than wanted, than may be."""
    limit = fit_ever(share)
    if limit is None:
        limit = 2 * fit_now(share) + 1 if share.most is None else share.most
    return max(1, min(units, limit if share.most is None else min(limit, share.most)))


def check_room(share: Share, what: str = "replica") -> None:
    """Raise where not even `least` replicas can ever fit.

    Raises:
        RaycreError: by the nodes that there can be; nothing is waited for.
    """
    ever = fit_ever(share)
    if ever is None or ever >= share.least:
        return
    asked = f"no {what} fits" if share.least == 1 else f"{share.least} {what}s do not fit"
    remedy = "lower resources.*"
    if share.estimated:
        remedy = "give resources.memory a size, or null to ask for none"
    raise RaycreError(f"{asked}: each asks for {share}, the cluster has {_there(share)}; {remedy}")


def settled(share: Share, what: str = "replica") -> Share:
    """Return what a replica asks for on this cluster, where its memory is an estimate; else the share itself.

    Nodes that have less do with one replica each, where no others are known to come. Where no type of node
    says how much it has, no autoscaler would bring one for a replica that asks for some: it asks for none.
    """
    if not share.estimated:
        return share
    types = None if is_own() else _types()
    nodes = _nodes() if types is None else [t.resources for t in types]
    able = [node for node in nodes if fits(node, replace(share, memory=0))]
    most = int(max((node.get("memory", 0) for node in able), default=share.memory))
    if most >= share.memory:
        return share
    if not most:
        _note(f"NOTE: the types of nodes do not say how much memory they have: no {what} asks for any")
        return replace(share, memory=0, estimated=False)
    if types is not None:
        return share  # which `check_room` refuses
    _note(
        f"NOTE: a {what} takes some {share.memory / GIB:.1f} GiB of memory, and Ray has {most / GIB:.1f} GiB "
        f"for them here: one {what} works at a time on a node"
    )
    return replace(share, memory=most)


@lru_cache
def _note(text: str) -> None:
    say(text)  # once, though a run asks when it is opened and when its replicas start


def wait_for(share: Share, what: str = "replica") -> None:
    """Return once `least` replicas fit, having said what is waited for, once a minute.

    Raises:
        RaycreError: none can ever fit, or none did within `share.wait` seconds.
    """
    check_room(share, what)
    if fit_now(share) >= share.least:
        return
    patience = Patience(share, what)
    request_resources(bundles=[share.bundle()] * share.least)  # else no autoscaler would bring any
    try:
        while fit_now(share) < share.least:
            patience.look()
            time.sleep(LOOK_EVERY)
    finally:
        request_resources(bundles=[])


class Patience:
    """Waits for nodes: says so at once and every minute, and gives up.

    Args:
        share: what is waited for; its `wait` is how long.
        what: that is, in words.
        alone: seconds, in place of a longer `wait`, while no node is to be expected.
    """

    def __init__(self, share: Share, what: str, alone: float = ALONE) -> None:
        self._share, self._what, self._alone = share, what, alone
        self._since: float | None = None
        self._said = 0.0

    def over(self) -> None:
        """What was waited for is there."""
        self._since = None

    def look(self, *, expected: bool = True, starting: bool = False) -> None:
        """Say what is waited for, where it is time to: not yet where it may be `starting`.

        Raises:
            RaycreError: the time is over since the first look.
        """
        limit = self._share.wait if expected else min(self._share.wait, self._alone)
        now = time.monotonic()
        if self._since is None:
            self._since, self._said = now, now - (0.0 if starting else SAY_EVERY)
        waited, share = now - self._since, self._share
        there = f"the cluster has {_there(share)}"
        if waited >= limit:
            raise RaycreError(
                f"no {self._what} of {share} came up within {limit:.0f} s: {there}; add nodes or lower "
                "resources.*, then run again: finished parts are whole"
            )
        if now - self._said >= SAY_EVERY:
            self._said = now
            of = f"{share.least} {self._what}s, each" if share.least > 1 else f"a {self._what}"
            say(f"waiting for {of} of {share}: {there}; {waited:.0f} of {limit:.0f} s")


def may_grow() -> bool:
    """Whether an autoscaler has said which nodes there can be."""
    return not is_own() and _types() is not None


def _types() -> list[NodeType] | None:
    return node_types(str(ray.get_runtime_context().gcs_address))


def _nodes() -> list[Mapping[str, float]]:
    """Resources of the nodes that are there."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _there(share: Share) -> str:
    """What is there and may come, in words; of memory where a share asks for some."""
    there = _named(ray.cluster_resources(), share)
    types = None if is_own() else _types()
    if types is None:
        return there
    kinds = ", ".join(f"{t.most:g} x {_named(t.resources, share)}" for t in types)
    return f"{there} and may grow to {kinds or 'nothing more'}"


def _named(resources: Mapping[str, float], share: Share) -> str:
    gpus = f"{resources.get('CPU', 0):g} CPU and {resources.get('GPU', 0):g} GPU"
    memory = resources.get("memory") if share.memory else None
    return gpus if memory is None else f"{gpus} and {memory / GIB:.1f} GiB of memory"
