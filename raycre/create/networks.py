"""The table of models that can be trained: CREATE and its baselines, each built by name.

A new one is a module with a subclass of Network and a row in KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raycre.create.baselines import danq, deepicsh, deepsea, es_transition
from raycre.create.layout import MODALITIES
from raycre.create.model import Create
from raycre.create.network import Network
from raycre.create.sizes import SIZES
from raycre.errors import CheckpointError


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Attributes:
        rebuild: a network from what its `describe` gave.
        make: a fresh one of a named size ("paper", "small", "tiny") for a set of modalities.
        reads: modalities that it can read.
        needs: groups of modalities; it takes at least one of each group.
        warmup_epochs: of its recipe where nothing else is said; CREATE's own is a preset's business.
        original: settings of the recipe as its authors had it, by name in `fold.Recipe`.
    """

    rebuild: Callable[[dict[str, Any]], Network]
    make: Callable[[str, Sequence[str]], Network]
    reads: tuple[str, ...] = MODALITIES
    needs: tuple[tuple[str, ...], ...] = (MODALITIES,)
    warmup_epochs: int = 0
    original: Mapping[str, Any] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    Create.kind: Kind(Create.from_description, lambda size, modalities: Create(SIZES[size], modalities)),
    deepsea.DeepSea.kind: Kind(
        lambda facts: deepsea.DeepSea(**facts),
        lambda size, modalities: deepsea.DeepSea(modalities, **deepsea.SIZES[size]),
        reads=("sequence",),
        original=deepsea.ORIGINAL,
    ),
    danq.DanQ.kind: Kind(
        lambda facts: danq.DanQ(**facts),
        lambda size, modalities: danq.DanQ(modalities, **danq.SIZES[size]),
        reads=("sequence",),
        original=danq.ORIGINAL,
    ),
    es_transition.EsTransition.kind: Kind(
        lambda facts: es_transition.EsTransition(**facts),
        lambda size, modalities: es_transition.EsTransition(modalities, **es_transition.SIZES[size]),
        reads=("sequence",),
        original=es_transition.ORIGINAL,
    ),
    deepicsh.DeepIcsh.kind: Kind(
        lambda facts: deepicsh.DeepIcsh(**facts),
        lambda size, modalities: deepicsh.DeepIcsh(modalities, **deepicsh.SIZES[size]),
        needs=(("sequence",), ("openness", "loops")),
        warmup_epochs=deepicsh.WARMUP_EPOCHS,
        original=deepicsh.ORIGINAL,
    ),
}


def rebuild(kind: str, facts: dict[str, Any]) -> Network:
    """Build a network from its kind and what `Network.describe` said of it; weights are random.

    Raises:
        CheckpointError: a kind that this version does not know, or facts that do not describe it.
    """
    if kind not in KINDS:
        raise CheckpointError(f"weights of a model that is not one of {', '.join(KINDS)}", value=kind)
    try:
        return KINDS[kind].rebuild(facts)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the description of the model is damaged ({error!r})") from error
