"""What the paper ran with each of its backbones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from raycre.creme.tests import TESTS, find_test


class Preset(NamedTuple):
    """What the paper ran with one backbone; numbers of shuffles are the tests' own (`Test.shuffles_of`).

    Attributes:
        name: that backbones and tests call it by.
        thresholds: row of `formulas.THRESHOLDS`.
        replicates: how the context effect of an ensemble is made of its members': "ratio_of_means" or
            "mean_of_ratios".
    """

    name: str
    thresholds: str
    replicates: str

    def shuffles(self, test: str) -> int | None:
        """Return the shuffles of a test; None for one without any."""
        declared = find_test(test)
        return declared.shuffles_of.get(self.name, declared.shuffles)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("enformer", "enformer", "ratio_of_means"),
        # The mean over the four models of each one's ratio, for contexts alone, is the authors' code's
        # (DIVERGENCES 14).
        Preset("borzoi", "borzoi", "mean_of_ratios"),
    )
}
DEFAULT_PRESET = "enformer"


def paper_shuffles(preset: str = DEFAULT_PRESET) -> Mapping[str, int]:
    """Return the shuffles of every test of the paper that has any, in its order."""
    numbers = {test: PRESETS[preset].shuffles(test) for test in TESTS}
    return {test: n for test, n in numbers.items() if n is not None}
