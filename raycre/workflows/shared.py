"""Before work goes to several nodes: see that each has the folder and the inputs that the driver has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raycre.engine.nodes import on_every_node
from raycre.errors import ChangedInputError, InputError, UnsharedPathError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import say
from raycre.store.lease import join_epoch


@dataclass(frozen=True)
class SharedPaths:
    """What a node must see.

    Attributes:
        out: the run folder, absolute.
        epoch: of the driver's lease, whose claim lies there.
        inputs: files that were hashed, by their key in the configuration.
    """

    out: Path
    epoch: str
    inputs: Mapping[str, Fingerprint]


Ask = Callable[[Callable[[SharedPaths], None], SharedPaths], Mapping[str, object]]


def see(asked: SharedPaths) -> None:
    """Look at the run's folder and inputs from this process.

    Raises:
        UnsharedPathError: the first that is not what the driver saw.
    """
    join_epoch(asked.out, asked.epoch)
    for key, each in asked.inputs.items():
        if not each.path.is_file():
            raise UnsharedPathError(f"{key}: no such file on this node; {_REMEDY}", path=each.path)
        try:
            check_unchanged([each])
        except ChangedInputError as error:
            raise UnsharedPathError(
                f"{key}: another file than the driver's (its SHA-256 is not {each.sha256[:12]}…); {_REMEDY}",
                path=each.path,
            ) from error


_REMEDY = "put it where all nodes see it, at the same path, or a copy of it at that path on every node"


def check_shared(asked: SharedPaths, ask: Ask = on_every_node) -> None:
    """Let every node look, at once; a node that joins later looks when its first replica starts.

    Raises:
        UnsharedPathError: one sees something else; it is named by its address.
    """
    for node, error in ask(see, asked).items():
        if isinstance(error, InputError):
            raise type(error)(f"on node {node}: {error.message}", path=error.path)
        if isinstance(error, Exception):
            say(f"note: node {node} was not asked whether it sees run.out and the inputs: {error!r:.200}")
