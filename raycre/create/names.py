"""Names of the models of regions, and where each is declared, without loading any (nor PyTorch)."""

from __future__ import annotations

from raycre.packages import Installed

BUILT_IN = {
    "create": "raycre.create.model.create",
    "deepsea": "raycre.create.baselines.deepsea",
    "danq": "raycre.create.baselines.danq",
    "es-transition": "raycre.create.baselines.es_transition",
    "deepicsh": "raycre.create.baselines.deepicsh",
}
"""Modules that end with `MODEL`, the declaration of the model of this name."""

INSTALLED = Installed("raycre.models", "a model of regions")


def known() -> list[str]:
    """Every model's name: those of this package, then those that installed packages register."""
    return list(INSTALLED.names(BUILT_IN))
