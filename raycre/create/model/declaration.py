"""What a model of regions says of itself. A model is one file that ends with its declaration, `MODEL`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model.network import Network
from raycre.create.names import BUILT_IN, INSTALLED, known
from raycre.errors import CheckpointError, ConfigError, near
from raycre.genome.classes import trained_classes


@dataclass(frozen=True)
class RegionModel:
    """A model of regions.

    Attributes:
        name: in configurations and in the description of its weights; `Network.kind` of its networks.
        summary: one line for people: what it is. note: what else is to be said of it, for docs.
        make: (size, modalities, n) -> a fresh network of a named size ("paper", "small", "tiny") that reads
            these modalities and has n logits.
        rebuild: a network from what its `describe_network` gave; weights are random.
        reads: modalities that it can read.
        needs: groups of modalities; it takes at least one of each group.
        warmup_epochs: of its recipe where nothing else is said.
        original: settings of the recipe as its authors had it, by name in `Recipe`.
    """

    name: str
    summary: str
    make: Callable[[str, Sequence[str], int], Network]
    rebuild: Callable[[dict[str, Any]], Network]
    note: str = ""
    reads: tuple[str, ...] = MODALITIES
    needs: tuple[tuple[str, ...], ...] = (MODALITIES,)
    warmup_epochs: int = 0
    original: Mapping[str, Any] = field(default_factory=dict)


def declared(name: str) -> RegionModel:
    """Return the declaration of a model: of this package, or of the entry-point group `raycre.models`.

    Raises:
        ConfigError: no such model; a package's that cannot be imported, is no `RegionModel`, or has the name
            of one of this package.
    """
    point = INSTALLED.find(name, BUILT_IN)
    if name in BUILT_IN:
        found: RegionModel = import_module(BUILT_IN[name]).MODEL
        return found
    if point is None:
        names = known()
        raise ConfigError(f"no such model{near(name, names)}; there are {', '.join(names)}", value=name)
    return INSTALLED.load(point, RegionModel, "RegionModel")


def table_of_models() -> str:
    """Return the models of this package as a Markdown table; docs/create.md holds it."""
    rows = ["| kind | reads | what it is |", "|---|---|---|"]
    for name in BUILT_IN:
        model = declared(name)
        groups = ([each for each in group if each in model.reads] for group in model.needs)
        reads = " and ".join(" or ".join(group) for group in groups)
        note = f". {model.note[0].upper()}{model.note[1:]}" if model.note else ""
        rows.append(f"| `{name}` | {reads} | {model.summary}{note} |")
    return "\n".join(rows)


def make(kind: str, size: str, modalities: Sequence[str], classes: Sequence[str] = CLASSES) -> Network:
    """Build a fresh network for `classes`, in the order of `CLASSES`."""
    model = declared(kind).make(size, modalities, len(classes))
    if model.kind != kind:
        raise ConfigError(f"the model {kind} makes networks of the kind {model.kind}; give both one name")
    model.classes = tuple(classes)
    return model


def describe_network(model: Network) -> dict[str, Any]:
    """Say what `rebuild` needs, ready for JSON; classes are named where they are not all five."""
    classes = {} if model.classes == CLASSES else {"classes": list(model.classes)}
    return {"kind": model.kind, **model.describe(), **classes}


def rebuild(kind: str, facts: dict[str, Any]) -> Network:
    """Build a network from its kind and the rest of what `describe_network` said of it; weights are random.

    Raises:
        CheckpointError: a kind that nothing here declares, or facts that do not describe it.
    """
    try:
        rebuilt = declared(kind).rebuild
    except ConfigError as error:
        if kind in known():
            raise
        names = ", ".join(known())
        raise CheckpointError(f"weights of a model that is not one of {names}", value=kind) from error
    try:
        facts = dict(facts)
        classes = trained_classes(facts.pop("classes", CLASSES))
        model = rebuilt(facts)
        model.classes = classes
        return model
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"the description of the model is damaged ({error!r})") from error
