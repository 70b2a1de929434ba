"""How many processes share the work, and what each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import floor, inf

EPSILON = 1e-6  # of shares of a GPU: three of 0.3333 fit
WAIT = 900.0  # seconds for nodes to come, where nobody can say whether any will


@dataclass(frozen=True)
class Share:
    """Of a cluster.

    Attributes:
        most: replicas (or groups of workers) at most; None for as many as the cluster holds or may grow to.
        cpus: of one of them.
        gpus: of one of them, or its share of one; 0 for the CPU.
        memory: bytes of one of them; 0 asks for none.
        estimated: `memory` is what one was measured to take, and not what a person asked for.
        least: with fewer of them no work begins.
        wait: seconds for nodes to come, until `least` of them are there.
    """

    most: int | None = None
    cpus: int = 1
    gpus: float = 0
    memory: int = 0
    estimated: bool = False
    least: int = 1
    wait: float = WAIT

    def times(self, n: int) -> Share:
        """Return the share of groups of n."""
        return replace(self, cpus=n * self.cpus, gpus=n * self.gpus, memory=n * self.memory)

    def bundle(self) -> dict[str, float]:
        """Return what one of them asks for, by Ray's names."""
        asked = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return {name: float(amount) for name, amount in asked.items() if amount}

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU" if self.gpus else ""
        memory = f" and {self.memory / 2**30:.1f} GiB of memory" if self.memory else ""
        return f"{self.cpus} CPU{gpus}{memory}"


def fits(node: Mapping[str, float], share: Share) -> int:
    """Return how many replicas a node of these resources holds; none lies on two nodes."""
    most: float = node.get("CPU", 0) // share.cpus if share.cpus else inf
    gpus = node.get("GPU", 0)
    if 0 < share.gpus < 1:
        most = min(most, floor(gpus) * floor(1 / share.gpus + EPSILON))
    elif share.gpus:
        most = min(most, gpus // share.gpus)
    if share.memory:
        most = min(most, node.get("memory", inf) // share.memory)
    return int(most)
