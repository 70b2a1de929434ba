"""The table of models that can be trained: CREATE and its baselines, each built by name.

A new one is a module with a subclass of Network and a row in KINDS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from raycre.create.baselines import danq, deepicsh, deepsea, es_transition
from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model import Create
from raycre.create.network import Network
from raycre.create.sizes import SIZES
from raycre.errors import CheckpointError
from raycre.genome.classes import trained_classes


@dataclass(frozen=True)
class Kind:
    """A row of the table.

    Attributes:
        rebuild: a network from what its `describe` gave.
        make: a fresh one of a named size ("paper", "small", "tiny") for a set of modalities, with so many
            logits; five where nothing is said.
        reads: modalities that it can read.
        needs: groups of modalities; it takes at least one of each group.
        warmup_epochs: of its recipe where nothing else is said; CREATE's own is a preset's business.
        original: settings of the recipe as its authors had it, by name in `fold.Recipe`.
    """

    rebuild: Callable[[dict[str, Any]], Network]
    make: Callable[..., Network]
    reads: tuple[str, ...] = MODALITIES
    needs: tuple[tuple[str, ...], ...] = (MODALITIES,)
    warmup_epochs: int = 0
    original: Mapping[str, Any] = field(default_factory=dict)


N = len(CLASSES)  # logits where nothing else is said

KINDS: dict[str, Kind] = {
    Create.kind: Kind(
        Create.from_description,
        lambda size, modalities, n=N: Create(replace(SIZES[size], classes=n), modalities),
    ),
    deepsea.DeepSea.kind: Kind(
        lambda facts: deepsea.DeepSea(**facts),
        lambda size, modalities, n=N: deepsea.DeepSea(modalities, outputs=n, **deepsea.SIZES[size]),
        reads=("sequence",),
        original=deepsea.ORIGINAL,
    ),
    danq.DanQ.kind: Kind(
        lambda facts: danq.DanQ(**facts),
        lambda size, modalities, n=N: danq.DanQ(modalities, outputs=n, **danq.SIZES[size]),
        reads=("sequence",),
        original=danq.ORIGINAL,
    ),
    es_transition.EsTransition.kind: Kind(
        lambda facts: es_transition.EsTransition(**facts),
        lambda size, modalities, n=N: es_transition.EsTransition(
            modalities, outputs=n, **es_transition.SIZES[size]
        ),
        reads=("sequence",),
        original=es_transition.ORIGINAL,
    ),
    deepicsh.DeepIcsh.kind: Kind(
        lambda facts: deepicsh.DeepIcsh(**facts),
        lambda size, modalities, n=N: deepicsh.DeepIcsh(modalities, outputs=n, **deepicsh.SIZES[size]),
        needs=(("sequence",), ("openness", "loops")),
        warmup_epochs=deepicsh.WARMUP_EPOCHS,
        original=deepicsh.ORIGINAL,
    ),
}


def make(kind: str, size: str, modalities: Sequence[str], classes: Sequence[str] = CLASSES) -> Network:
    """Build a fresh network for `classes`, in the order of `CLASSES`."""
    model = KINDS[kind].make(size, modalities, len(classes))
    model.classes = tuple(classes)
    return model


def describe(model: Network) -> dict[str, Any]:
    """Say what `rebuild` needs, ready for JSON; classes are named where they are not all five."""
    classes = {} if model.classes == CLASSES else {"classes": list(model.classes)}
    return {"kind": model.kind, **model.describe(), **classes}


def rebuild(kind: str, facts: dict[str, Any]) -> Network:
    """Build a network from its kind and the rest of what `describe` said of it; weights are random.

    Raises:
        CheckpointError: a kind that this version does not know, or facts that do not describe it.
    """
    if kind not in KINDS:
        raise CheckpointError(f"weights of a model that is not one of {', '.join(KINDS)}", value=kind)
    try:
        facts = dict(facts)
        classes = trained_classes(facts.pop("classes", CLASSES))
        model = KINDS[kind].rebuild(facts)
        model.classes = classes
        return model
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the description of the model is damaged ({error!r})") from error
