"""Activities of tiles by hand, and what CREME's tests read from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation
from raycre.creme.plan import complete
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS

A, B, C, TSS = (0, 10), (10, 20), (30, 40), (20, 30)
Activity = Callable[[Perturbation], Sequence[float]]
Predicted = dict[str, NDArray[np.float64]]


def settings_of(
    tiles: tuple[tuple[int, int], ...] = (A, B, C),
    n: int = 1,
    searches: tuple[str, ...] = ("min",),
    **other: Any,
) -> Settings:
    return Settings(50, 10, tiles, {"interaction": n, "sets": n, "necessity": n}, searches=searches, **other)


def run(settings: Settings, activity: Activity, *tests: str) -> tuple[Predicted, list[Row]]:
    """Predict and read `tests`; return what is known and the rows of the last."""
    known = complete(
        tests, settings, lambda asked: {p.key: np.array(activity(p), dtype=np.float64) for p in asked}
    )
    return known, TESTS[tests[-1]].effects(settings, known)


def levels(table: dict[frozenset[tuple[int, int]], float]) -> Activity:
    """Activity by which tiles are shuffled, whatever the shuffle."""
    return lambda p: [table[frozenset((start, end) for start, end, _ in p.shuffled)]]


def effects(rows: list[Row], metric: str, track: int = 0, search: str = "min") -> list[float]:
    return [r.effect for r in rows if (r.metric, r.track, r.search) == (metric, track, search)]


def call(rows: list[Row], metric: str) -> str | None:
    (row,) = (r for r in rows if r.metric == metric)
    return row.call


# The two enhancers of the Methods: 100, E1 (tile B) alone leaves 50, E2 (tile C) 70; tile A does nothing.
PAPER = {
    frozenset(()): 100.0,
    frozenset((A,)): 100.0,
    frozenset((B,)): 50.0,
    frozenset((C,)): 70.0,
    frozenset((A, B)): 50.0,
    frozenset((A, C)): 70.0,
    frozenset((B, C)): 20.0,
    frozenset((A, B, C)): 20.0,
}
