"""CREME (Toneyan et al., Nat. Genet. 2024): perturbation tests as functions of arrays.

A test is a module and a row of the table below. Knows no model and nothing of Ray.
"""

from __future__ import annotations

from typing import Protocol

from raycre.creme.perturbation import Pass
from raycre.creme.rows import Known, Row
from raycre.creme.settings import Settings
from raycre.creme.tests import (
    activity,
    context,
    distance,
    finemap,
    interaction,
    multiplicity,
    necessity,
    sets,
    sufficiency,
    swap,
)


class PerturbationTest(Protocol):
    """What a test offers; a module with these two functions is one.

    A test is run by asking it for passes and predicting them, again and again until it asks for none that is
    not known. One that searches looks at what is known to choose what it needs next; any other names all of
    its passes at once.
    """

    def expand(self, settings: Settings, known: Known) -> list[Pass]:
        """Return every pass that the test reads, as often as it reads it, as far as `known` lets it see.

        With nothing known these are the passes that need no earlier answer. What is returned follows from
        the arguments alone, and what was returned for less is returned for more.
        """
        ...

    def effects(self, settings: Settings, known: Known) -> list[Row]:
        """Return the rows, once `expand` asks for nothing that is not known."""
        ...


TESTS: dict[str, PerturbationTest] = {
    "activity": activity,
    "context": context,
    "swap": swap,
    "necessity": necessity,
    "sufficiency": sufficiency,
    "distance": distance,
    "interaction": interaction,
    "sets": sets,
    "multiplicity": multiplicity,
    "finemap": finemap,
}
"""The perturbation tests by name, in the order of the paper."""

NEEDS: dict[str, tuple[str, ...]] = {
    "distance": ("sufficiency",),
    "sets": ("interaction",),
    "multiplicity": ("sufficiency",),
    "finemap": ("sufficiency",),
}
"""Tests whose passes and numbers of shuffles a test reads as well, where it does."""

CHAINS: tuple[tuple[str, ...], ...] = (("interaction", "sets"), ("distance", "multiplicity"), ("finemap",))
"""Tests that choose passes by earlier ones; those that share what they choose stand together."""
