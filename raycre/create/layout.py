"""What a region looks like to CREATE: its width, its classes, the rows of the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from raycre.errors import ConfigError, near
from raycre.genome.classes import CLASSES as CLASSES

WIDTH = 1000  # bp of a region (L in CREATE Methods, "The CREATE framework")
BACKGROUND = CLASSES.index("background")
ROWS = {"sequence": 4, "openness": 1, "loops": 1}  # rows of the input per modality, in input order
Modality = Literal["sequence", "openness", "loops"]
MODALITIES: tuple[Modality, ...] = get_args(Modality)


def check_modalities(chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen modalities in the order of the input's rows.

    Raises:
        ConfigError: none chosen, one chosen twice, or an unknown name.
    """
    for name in chosen:
        if name not in ROWS:
            raise ConfigError(
                f"no such modality; choose from {', '.join(MODALITIES)}{near(name, MODALITIES)}", value=name
            )
    if not chosen or len(set(chosen)) < len(chosen):
        raise ConfigError(f"choose each of {', '.join(MODALITIES)} at most once, at least one", value=chosen)
    return tuple(name for name in MODALITIES if name in chosen)
