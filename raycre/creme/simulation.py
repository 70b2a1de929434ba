"""How many passes tests take, found by running them on made-up activities.

Tests that search take as many passes as rounds ask for, whatever the activities are. What distance,
multiplicity and fine-tile search take depends on how many elements a gene has, so one is made up.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation
from raycre.creme.plan import complete, n_before
from raycre.creme.settings import Settings
from raycre.creme.tests import find_test
from raycre.creme.tiles import Interval, overlap

ACTIVE, SILENT = 100.0, 1.0  # of a wild type, and of a background: an enhancing context
WOBBLE = 0.001  # of every activity, so that searches have something to choose
ELEMENTS_PER_CONTEXT = 296 / 600  # sufficient CREs of K562 in the contexts of the paper's published tables


class Passes(NamedTuple):
    """Passes of one gene: of the tests run one by one, and run together, each once.

    `planned` holds the passes themselves by key, with their made-up activities.
    """

    before: int
    after: int
    planned: dict[str, Perturbation]


def simulate(tests: Sequence[str], settings: Settings, n_tracks: int, *, element: bool) -> Passes:
    """Count the passes of one gene that has no element, or one enhancer.

    Args:
        tests: names.
        settings: of the run.
        n_tracks: queried tracks; the element, if any, is one on the first that is searched.
        element: whether the first tile is an element. With none, `settings.elements` "all" counts no tile
            either.
    """
    settings = replace(settings, elements="called", replicates=1)
    track = next(iter(settings.tracks(n_tracks)), 0)
    tile = settings.tiles[0] if element and settings.tiles else None
    seen: dict[str, Perturbation] = {}

    def predict(asked: Sequence[Perturbation]) -> dict[str, NDArray[np.float64]]:
        seen.update((p.key, p) for p in asked)
        return {p.key: _activity(p, tile, track, n_tracks) for p in asked}

    predictions = complete(tests, settings, predict)

    # One by one, a test reads what those that it needs have found, and predicts the rest itself.
    def alone(test: str) -> int:
        return n_before([test], settings, predictions)

    before = sum(alone(test) - sum(alone(need) for need in find_test(test).needs) for test in tests)
    return Passes(before, len(predictions), seen)


def _activity(p: Perturbation, tile: Interval | None, track: int, n_tracks: int) -> NDArray[np.float64]:
    wobble = 1 + WOBBLE * (zlib.crc32(p.key.encode()) / 2**32 - 0.5)
    level = np.full(n_tracks, ACTIVE if p.background is None else SILENT)
    if p.background is not None and tile is not None and _holds(p, tile):
        level[track] = ACTIVE / 2
    return level * wobble


def _holds(p: Perturbation, tile: Interval) -> bool:
    """Say whether a background holds any of the element."""
    kept = any(overlap(tile, interval) for interval in p.kept)
    return kept or any((start, end) == tile for start, end, _ in p.placed)
