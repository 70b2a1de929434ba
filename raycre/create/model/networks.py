"""How each model that can be trained is built, by name: CREATE and its baselines.

A new one is a module with a subclass of Network, a row in `BUILDERS` and one in `kinds.KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from raycre.create.baselines import danq, deepicsh, deepsea, es_transition
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.network import Network
from raycre.create.model.sizes import SIZES
from raycre.errors import CheckpointError
from raycre.genome.classes import trained_classes

N = len(CLASSES)  # logits where nothing else is said


class Builder(NamedTuple):
    """A row of the table.

    Attributes:
        rebuild: a network from what its `describe` gave.
        make: a fresh one of a named size ("paper", "small", "tiny") for a set of modalities, with so many
            logits; five where nothing is said.
    """

    rebuild: Callable[[dict[str, Any]], Network]
    make: Callable[..., Network]


BUILDERS: dict[str, Builder] = {
    Create.kind: Builder(
        Create.from_description,
        lambda size, modalities, n=N: Create(replace(SIZES[size], classes=n), modalities),
    ),
    deepsea.DeepSea.kind: Builder(
        lambda facts: deepsea.DeepSea(**facts),
        lambda size, modalities, n=N: deepsea.DeepSea(modalities, outputs=n, **deepsea.SIZES[size]),
    ),
    danq.DanQ.kind: Builder(
        lambda facts: danq.DanQ(**facts),
        lambda size, modalities, n=N: danq.DanQ(modalities, outputs=n, **danq.SIZES[size]),
    ),
    es_transition.EsTransition.kind: Builder(
        lambda facts: es_transition.EsTransition(**facts),
        lambda size, modalities, n=N: es_transition.EsTransition(
            modalities, outputs=n, **es_transition.SIZES[size]
        ),
    ),
    deepicsh.DeepIcsh.kind: Builder(
        lambda facts: deepicsh.DeepIcsh(**facts),
        lambda size, modalities, n=N: deepicsh.DeepIcsh(modalities, outputs=n, **deepicsh.SIZES[size]),
    ),
}


def make(kind: str, size: str, modalities: Sequence[str], classes: Sequence[str] = CLASSES) -> Network:
    """Build a fresh network for `classes`, in the order of `CLASSES`."""
    model = BUILDERS[kind].make(size, modalities, len(classes))
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
    if kind not in BUILDERS:
        raise CheckpointError(f"weights of a model that is not one of {', '.join(BUILDERS)}", value=kind)
    try:
        facts = dict(facts)
        classes = trained_classes(facts.pop("classes", CLASSES))
        model = BUILDERS[kind].rebuild(facts)
        model.classes = classes
        return model
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the description of the model is damaged ({error!r})") from error
