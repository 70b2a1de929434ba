"""The forward passes that a gene needs for some tests, each once, neighbours together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation
from raycre.creme.rows import Predicted
from raycre.creme.settings import Settings
from raycre.creme.tests import find_test
from raycre.errors import ConfigError, RaycreError

Predict = Callable[[Sequence[Perturbation]], Predicted]
"""Passes, each once -> their activities, by key."""

NOTHING: dict[str, NDArray[np.float64]] = {}
MAX_STEPS = 10_000  # a test that never has enough is broken


def passes(tests: Sequence[str], settings: Settings, predictions: Predicted = NOTHING) -> list[Perturbation]:
    """Return the distinct passes of all tests, as far as `predictions` lets the tests see.

    The wild type comes first and then what starts from it, tile by tile; then one background after another,
    each with the TSS tile alone before any further tile. So a worker meets each trunk to cache once.

    Raises:
        ConfigError: a test that does not exist.
    """
    return sorted(set(_perturbations(tests, settings, predictions)), key=_locality)


def missing(tests: Sequence[str], settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the passes of `passes` that are not known."""
    return [p for p in passes(tests, settings, predictions) if p.key not in predictions]


def complete(
    tests: Sequence[str], settings: Settings, predict: Predict, predictions: Predicted = NOTHING
) -> dict[str, NDArray[np.float64]]:
    """Predict until no test asks for more; a test that searches takes one step for each of its rounds.

    Args:
        tests: names.
        settings: the run's.
        predict: gives the activities of the passes that it gets.
        predictions: what needs no prediction any more; stays as it is.

    Returns:
        pass key -> float64 (tracks,), `predictions` included.

    Raises:
        RaycreError: a test that goes on for ever.
    """
    activity = dict(predictions)
    for _ in range(MAX_STEPS):
        needed = missing(tests, settings, activity)
        if not needed:
            return activity
        activity.update(predict(needed))
    raise RaycreError(f"{', '.join(tests)} asked for more passes {MAX_STEPS:,} times over")


def n_before(tests: Sequence[str], settings: Settings, predictions: Predicted = NOTHING) -> int:
    """Count forward passes of the tests run one by one, as they are without de-duplication."""
    return len(_perturbations(tests, settings, predictions))


def n_after(tests: Sequence[str], settings: Settings, predictions: Predicted = NOTHING) -> int:
    """Count forward passes of the tests run together."""
    return len(set(_perturbations(tests, settings, predictions)))


def chunks(planned: Sequence[object], size: int) -> list[tuple[int, int]]:
    """Cut a plan into runs of `size` passes, the last one shorter.

    Returns:
        Half-open (i, j) into `planned`, in order and without gaps.

    Raises:
        ConfigError: a size below 1.
    """
    if size < 1:
        raise ConfigError("a chunk holds 1 pass or more", value=size)
    return [(i, min(i + size, len(planned))) for i in range(0, len(planned), size)]


def _perturbations(tests: Sequence[str], settings: Settings, predictions: Predicted) -> list[Perturbation]:
    return [p for test in tests for p in find_test(test).perturbations(settings, predictions)]


def _locality(p: Perturbation) -> tuple[object, ...]:
    # Shared backgrounds sort before those of a tile: no tile starts below 0.
    owner, k = p.background if p.background is not None else (None, -1)
    return (
        p.background is not None,
        owner or (-1, -1),
        k,
        len(p.edited),
        p.shuffled,
        p.donors,
        p.kept,
        p.placed,
    )
