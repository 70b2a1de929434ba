"""Which nodes a cluster may grow to. Ray has no public word for it; whatever fails here means "unknown".

Two sources: what an autoscaler has reported to the head (`ray._private`), and the file that the autoscaler of
`ray up` and `ray start --autoscaling-config` was started with, where it runs on this machine, as it does for
a submitted job, whose driver is on the head.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any

import yaml
from ray._private.state import state

_FILE = b"--autoscaling-config="
_HEAD = b"--gcs-address="


@dataclass(frozen=True)
class NodeType:
    """Resources of a kind of node, as Ray names them, and how many of it there can be (`math.inf`: any)."""

    resources: Mapping[str, float]
    most: float


def node_types(address: str) -> list[NodeType] | None:
    """Return the kinds of nodes that the cluster of a head may have; None where nobody says.

    Args:
        address: HOST:PORT of the head that this process is connected to.
    """
    try:
        return _reported() or _configured(address)
    except Exception:  # neither has a promise: without them a run goes by the nodes that are there
        return None


def _reported() -> list[NodeType]:
    config = state.get_cluster_config()
    groups = [] if config is None else [g for g in config.node_group_configs if g.max_count]
    return [NodeType(dict(g.resources), inf if g.max_count < 0 else g.max_count) for g in groups]


def _configured(address: str, processes: Path = Path("/proc")) -> list[NodeType] | None:
    for words in _commands(processes):
        files = [word.removeprefix(_FILE) for word in words if word.startswith(_FILE)]
        if files and _HEAD + address.encode() in words:
            return read_types(Path(files[0].decode()).expanduser())
    return None


def _commands(processes: Path) -> Iterator[list[bytes]]:
    """Words of each process's command line."""
    for folder in processes.iterdir():
        if folder.name.isdigit():
            try:
                yield (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it ended, or is another user's


@lru_cache(maxsize=4)  # an autoscaler keeps what it was started with, and a training asks each second
def read_types(path: Path) -> list[NodeType]:
    """Read the kinds of nodes from a configuration of Ray's autoscaler; the head's own is none of them."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    every, head = config["available_node_types"], config.get("head_node_type")
    most = config.get("max_workers", inf)
    return [
        NodeType(each.get("resources", {}), min(most, each.get("max_workers", most)))
        for name, each in every.items()
        if name != head
    ]
