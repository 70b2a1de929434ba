"""A CREME run's part of the report: one family of figures after another, each only where the run has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from raycre.figures.blocks import Block
from raycre.figures.choices import read_choices
from raycre.figures.comparisons import read_comparisons
from raycre.figures.effects import read_effects
from raycre.figures.elements import read_elements
from raycre.figures.finetiles import read_finetiles
from raycre.figures.placements import read_placements
from raycre.figures.searches import read_searches
from raycre.figures.swaps import read_swaps

_FAMILIES: tuple[Callable[[Path], list[Block]], ...] = (
    read_choices,
    read_effects,
    read_elements,
    read_swaps,
    read_searches,
    read_placements,
    read_finetiles,
    read_comparisons,
)


def read_perturbation(run: Path) -> list[Block]:
    """Read a CREME run and return its part of the report.

    Raises:
        FormatError: a damaged part.
    """
    return [block for read in _FAMILIES for block in read(run)]
