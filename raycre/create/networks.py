"""How each model that can be trained is built, by name: CREATE and its baselines.

A new one is a module with a subclass of Network, a row in `BUILDERS` and one in `kinds.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from raycre.create.baselines import danq, deepicsh, deepsea, es_transition
from raycre.create.model import Create
from raycre.create.network import Network
from raycre.create.sizes import SIZES
from raycre.errors import CheckpointError


class Builder(NamedTuple):
    """A row of the table.

    Attributes:
        rebuild: a network from what its `describe` gave.
        make: a fresh one of a named size ("paper", "small", "tiny") for a set of modalities.
    """

    rebuild: Callable[[dict[str, Any]], Network]
    make: Callable[[str, Sequence[str]], Network]


BUILDERS: dict[str, Builder] = {
    Create.kind: Builder(Create.from_description, lambda size, modalities: Create(SIZES[size], modalities)),
    deepsea.DeepSea.kind: Builder(
        lambda facts: deepsea.DeepSea(**facts),
        lambda size, modalities: deepsea.DeepSea(modalities, **deepsea.SIZES[size]),
    ),
    danq.DanQ.kind: Builder(
        lambda facts: danq.DanQ(**facts),
        lambda size, modalities: danq.DanQ(modalities, **danq.SIZES[size]),
    ),
    es_transition.EsTransition.kind: Builder(
        lambda facts: es_transition.EsTransition(**facts),
        lambda size, modalities: es_transition.EsTransition(modalities, **es_transition.SIZES[size]),
    ),
    deepicsh.DeepIcsh.kind: Builder(
        lambda facts: deepicsh.DeepIcsh(**facts),
        lambda size, modalities: deepicsh.DeepIcsh(modalities, **deepicsh.SIZES[size]),
    ),
}


def rebuild(kind: str, facts: dict[str, Any]) -> Network:
    """Build a network from its kind and what `Network.describe` said of it; weights are random.

    Raises:
        CheckpointError: a kind that this version does not know, or facts that do not describe it.
    """
    if kind not in BUILDERS:
        raise CheckpointError(f"weights of a model that is not one of {', '.join(BUILDERS)}", value=kind)
    try:
        return BUILDERS[kind].rebuild(facts)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the description of the model is damaged ({error!r})") from error
