"""How many processes share the work, and what each of them takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Share:
    """Of a cluster.

    Attributes:
        count: number of replicas (or groups of workers), or "auto" for as many as fit.
        cpus: of one of them.
        gpus: of one of them, or its share of one; 0 for the CPU.
    """

    count: int | Literal["auto"] = "auto"
    cpus: int = 1
    gpus: float = 0
