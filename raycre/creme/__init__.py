"""CREME (Toneyan et al., Nat. Genet. 2024): perturbation tests as functions of arrays.

A test is a module and a row of the table below. Knows no model and nothing of Ray.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from raycre.creme import context, necessity, sufficiency
from raycre.creme.edits import Pass
from raycre.creme.rows import Row
from raycre.creme.settings import Settings


class PerturbationTest(Protocol):
    """What a test offers; a module with these two functions is one."""

    def expand(self, settings: Settings) -> list[Pass]:
        """Return every pass that the test reads, as often as it reads it."""
        ...

    def effects(self, settings: Settings, activity: Mapping[str, NDArray[np.float64]]) -> list[Row]:
        """Return the rows, from pass key -> float64 (tracks,)."""
        ...


TESTS: dict[str, PerturbationTest] = {
    "context": context,
    "necessity": necessity,
    "sufficiency": sufficiency,
}
"""The perturbation tests by name, in the order of the paper."""
