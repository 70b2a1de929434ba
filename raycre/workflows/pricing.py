"""What a plan costs on machines of a table of prices, and how many of them finish it before a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from raycre.config.resources import NodeRow, read_node_rows
from raycre.engine.resources import Share, fits
from raycre.errors import ConfigError

FOR_REPLICAS = 0.7  # of a node's memory; Ray keeps the rest for its object store
MANY = 100_000  # nodes of a type that has no limit


@dataclass(frozen=True)
class NodePrice:
    """A type of node.

    Attributes:
        name: of the type, as the provider calls it.
        price: of an hour, in whatever money.
        cpus, gpus: that a node has.
        memory: bytes of it; 0 where it does not matter.
        speed: how many times as fast as here a replica works on it.
        start: seconds until a node that is asked for works.
        most: nodes of it that there may be; None for any number.
    """

    name: str
    price: float
    cpus: float
    gpus: float = 0
    memory: int = 0
    speed: float = 1.0
    start: float = 180.0
    most: int | None = None

    def holds(self, share: Share) -> int:
        """Return how many replicas a node holds."""
        given = {"CPU": self.cpus, "GPU": self.gpus}
        return fits(given | ({"memory": FOR_REPLICAS * self.memory} if self.memory else {}), share)


@dataclass(frozen=True)
class Offer:
    """So many nodes of a type: replicas on them, hours, and what these cost."""

    node: str
    nodes: int
    replicas: int
    hours: float
    cost: float

    def __str__(self) -> str:
        return f"{self.nodes} x {self.node}, {self.replicas} replicas: {self.hours:.2f} h, {self.cost:.2f}"


def offers_of(
    node: NodePrice, share: Share, *, units: int, seconds: float, startup: float
) -> Iterator[Offer]:
    """Yield 1, 2, 4, … nodes of a type, up to as many as there is work for.

    Args:
        node: the type.
        share: what a replica takes, and how many there may be.
        units: pieces that the work comes in.
        seconds: that one of them takes a replica here.
        startup: seconds until replicas work, on nodes that are there.
    """
    most = _most(node, share, units)
    n = 1
    while n < most:
        yield _offer(node, n, share, units, seconds, startup)
        n *= 2
    if most:
        yield _offer(node, most, share, units, seconds, startup)


def cheapest_by(
    nodes: Sequence[NodePrice], share: Share, deadline: float, *, units: int, seconds: float, startup: float
) -> Offer | None:
    """Return what costs least of all that is done within `deadline` seconds; None where nothing is.

    Fewer nodes win where two cost the same.
    """
    found = []
    for node in nodes:
        low, high = 1, _most(node, share, units)
        if not high or 3600 * _offer(node, high, share, units, seconds, startup).hours > deadline:
            continue
        while low < high:  # more nodes are never slower
            middle = (low + high) // 2
            in_time = 3600 * _offer(node, middle, share, units, seconds, startup).hours <= deadline
            low, high = (low, middle) if in_time else (middle + 1, high)
        found.append(_offer(node, low, share, units, seconds, startup))
    return min(found, key=lambda offer: (offer.cost, offer.nodes), default=None)


def priced(
    cost: Mapping[str, Any], share: Share, units: int, table: tuple[list[dict[str, Any]], float | None]
) -> dict[str, Any]:
    """Return what a dry run says of prices, ready for JSON; nothing without a table of nodes.

    Args:
        cost: of the dry run: `cpu_seconds` and `startup_seconds`.
        share: what a replica takes (training: a group of workers).
        units: that are to do.
        table: rows of the types of nodes, and the seconds of the deadline or None.
    """
    nodes, deadline = [NodePrice(**row) for row in table[0]], table[1]
    if not nodes or not units:
        return {}
    work = {
        "units": units,
        "seconds": float(cost["cpu_seconds"]) / units / max(1, share.cpus),
        "startup": float(cost["startup_seconds"]),
    }
    unfit = [node.name for node in nodes if not node.holds(share)]
    every = [offer for node in nodes for offer in offers_of(node, share, **work)]  # type: ignore[arg-type]
    said: dict[str, Any] = {
        "prices": [
            {"node": o.node, "nodes": o.nodes, "replicas": o.replicas, "hours": round(o.hours, 3),
             "cost": round(o.cost, 2)}
            for o in every
        ]
    }  # fmt: skip
    if unfit:
        said["nodes_too_small"] = unfit
    if not every:
        said["recommended"] = f"none: no type of node holds a replica of {share}"
    elif deadline is None:
        said["recommended"] = f"{min(every, key=lambda offer: (offer.cost, offer.nodes))}, which costs least"
    else:
        best = cheapest_by(nodes, share, deadline, **work)  # type: ignore[arg-type]
        fastest = min(every, key=lambda offer: (offer.hours, offer.cost))
        said["recommended"] = (
            f"{best}, which costs least of what is done within {deadline / 3600:g} h"
            if best is not None
            else f"none: no number of these nodes is done within {deadline / 3600:g} h; fastest is {fastest}"
        )
    if share.gpus and all(node.speed == 1 for node in nodes):
        said["prices_are"] = "as if a replica were as slow on a GPU as here; give each type its speed"
    return said


def replica_price(
    resources: Mapping[str, Any], nodes: Sequence[NodePrice] | None
) -> tuple[float, str] | None:
    """Return what an hour of a replica costs on the type that holds it for least, and that type's name.

    Args:
        resources: of a configuration, as run.json holds it.
        nodes: the table; None for the configuration's own.
    """
    table = table_of(resources.get("nodes")) if nodes is None else nodes
    share = _share_in(resources)
    prices = [(node.price / held, node.name) for node in table if (held := node.holds(share))]
    return min(prices, default=None)


def table_of(rows: object) -> list[NodePrice]:
    """Return the types of nodes of a configuration, as run.json holds it; what is not whole is left out."""
    found = []
    for row in rows if isinstance(rows, list | tuple) else ():
        with suppress(TypeError, ValueError, KeyError):
            found.append(NodePrice(**NodeRow(**row).fields()))
    return found


def read_prices(path: Path) -> list[NodePrice]:
    """Read a table of types of nodes.

    Raises:
        ConfigError: no such file, or a row that cannot be.
    """
    try:
        return [NodePrice(**NodeRow(**row).fields()) for row in read_node_rows(path)]
    except (ValueError, TypeError) as error:
        said = getattr(error, "errors", None)
        first = said()[0] if said is not None else None
        why = str(error) if first is None else f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ConfigError(f"no table of types of nodes: {why}; see docs/scale.md", path=path) from None


def _share_in(resources: Mapping[str, Any]) -> Share:
    size = int(resources.get("workers_per_fold") or 1)
    cpus = resources.get("cpus_per_replica") or resources.get("cpus_per_worker") or 1
    gpus = resources.get("gpus_per_replica") or resources.get("gpus_per_worker") or 0
    return Share(cpus=int(cpus), gpus=float(gpus)).times(size)


def _most(node: NodePrice, share: Share, units: int) -> int:
    """Nodes of a type that there is work for."""
    held = node.holds(share)
    wanted = units if share.most is None else min(units, share.most)
    return min(ceil(wanted / held), node.most or MANY) if held else 0


def _offer(node: NodePrice, n: int, share: Share, units: int, seconds: float, startup: float) -> Offer:
    replicas = min(n * node.holds(share), units, share.most or units)
    rounds = ceil(units / replicas)
    hours = (node.start + startup + rounds * seconds / node.speed) / 3600
    return Offer(node.name, n, replicas, hours, n * node.price * hours)
