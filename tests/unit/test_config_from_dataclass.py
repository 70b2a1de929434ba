"""pydantic reads the fields of a dataclass: types, bounds and defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest
from pydantic import ValidationError

from raycre.bounds import NotNegativeNumber, Positive, PositiveNumber
from raycre.config.from_dataclass import as_dataclass, keys
from raycre.config.models import Frozen
from raycre.config.words import Problem


@dataclass(frozen=True)
class Weights:
    beta: NotNegativeNumber = 0.1


@dataclass(frozen=True)
class Recipe:
    epochs: Positive = 300
    rate: PositiveNumber | None = None
    shifts: tuple[Positive, ...] = field(default_factory=lambda: (1, 2))
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        if self.epochs == 13:
            raise ValueError("never made of a configuration's own values")


@keys(first=("preset",), without=("weights",))
class RecipeConfig(Frozen, Weights, Recipe):
    preset: Literal["reference", "paper"] = "reference"


def test_keys_are_the_fields_of_the_dataclasses_in_the_order_asked_for() -> None:
    assert list(RecipeConfig.model_fields) == ["preset", "epochs", "rate", "shifts", "beta"]
    assert RecipeConfig().model_dump(mode="json") == {
        "preset": "reference",
        "epochs": 300,
        "rate": None,
        "shifts": [1, 2],
        "beta": 0.1,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs: takes a whole number of 1 or more"),
        ({"rate": 0}, "rate: takes a number above 0 or null"),
        ({"beta": -1}, "beta: takes a number of 0 or more"),
        ({"shifts": [0]}, "shifts[0]: takes a whole number of 1 or more"),
        (
            {"epoch": 3},
            "unknown key epoch; did you mean epochs? (keys here: preset, epochs, rate, shifts, beta)",
        ),
        ({"weights": {}}, "unknown key weights (keys here: preset, epochs, rate, shifts, beta)"),
    ],
)
def test_bounds_of_the_dataclass_are_checked_and_said(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        RecipeConfig.model_validate(values)
    assert Problem(caught.value, RecipeConfig).message == message


def test_a_dataclass_is_made_of_the_checked_values() -> None:
    config = RecipeConfig.model_validate({"epochs": 7, "beta": 2})
    recipe = as_dataclass(Recipe, config, weights=as_dataclass(Weights, config))
    assert recipe == Recipe(epochs=7, weights=Weights(beta=2))
    assert hash(config) == hash(RecipeConfig.model_validate({"epochs": 7, "beta": 2}))
