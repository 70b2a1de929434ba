"""A configuration's keys from dataclasses of the science: names, types, bounds and defaults are written once.

@dataclass(frozen=True)
class Recipe:                       # of the science, in raycre/create
    epochs: Positive = 300          # a bound of raycre/bounds.py
    weights: Weights = Weights()

@keys(first=("preset",), without=("weights",))
class RecipeConfig(Frozen, Weights, Recipe):  # the model first, then dataclasses from the last to the first
    preset: Literal["reference", "paper"] = "reference"  # keys of the configuration alone

recipe = as_dataclass(Recipe, config.recipe, weights=as_dataclass(Weights, config.recipe))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


def keys(
    *, first: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> Callable[[type[Model]], type[Model]]:
    """Make a model of the fields of the dataclasses that it inherits from; its own fields come after theirs.

    Args:
        first: keys that come before all others, in this order.
        without: fields of the dataclasses that are no keys.
    """

    def make(model: type[Model]) -> type[Model]:
        found = model.model_fields
        for base in filter(is_dataclass, model.__mro__[1:]):
            for each in fields(base):
                if each.default_factory is not MISSING and found[each.name].is_required():
                    found[each.name].default_factory = each.default_factory
        ordered = {name: found[name] for name in dict.fromkeys((*first, *found)) if name not in without}
        found.clear()
        found.update(ordered)
        model.model_rebuild(force=True)
        return model

    return make


def as_dataclass(kind: Callable[..., T], model: BaseModel, **others: Any) -> T:
    """Return the dataclass with the values that a model has for its fields.

    Args:
        kind: the dataclass.
        model: whose fields of the same name are taken.
        others: values of the other fields; they win.
    """
    names = [each.name for each in fields(kind) if each.name in type(model).model_fields]  # type: ignore[arg-type]
    return kind(**{name: getattr(model, name) for name in names} | others)
