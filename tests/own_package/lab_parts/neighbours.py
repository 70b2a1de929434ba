"""A perturbation test of one's own, whole in one file: tiles that lie side by side are shuffled together.

To give it to raycre, name its declaration in the `pyproject.toml` of your package and install that:

    [project.entry-points."raycre.tests"]
    neighbours = "lab_parts.neighbours:TEST"

From then on `raycre creme neighbours` runs it, and `tests: [necessity, neighbours]` beside others.
"""

from __future__ import annotations

from raycre.creme.declaration import Test
from raycre.creme.formulas import SHUFFLED_OVER_WT, shuffle_effect
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, rows
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval


def pairs(settings: Settings) -> list[tuple[Interval, Interval]]:
    """Tiles of the run with the tile that begins where they end."""
    starts = {tile[0]: tile for tile in settings.tiles}
    return [(tile, starts[tile[1]]) for tile in settings.tiles if tile[1] in starts]


def mutants(settings: Settings, left: Interval, right: Interval) -> list[Perturbation]:
    """1. The sequences of one pair: both tiles are shuffled, `n` times."""
    return [Perturbation(shuffled=((*left, k), (*right, k))) for k in range(settings.n("neighbours"))]


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """2. All that is to be predicted: the wild type, and every pair's sequences."""
    return [WT, *(p for pair in pairs(settings) for p in mutants(settings, *pair))]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """3. From their activities to rows: one for each pair and track."""
    wt = gather(predictions, [WT])[0]  # float64 (tracks,)
    table: list[Row] = []
    for left, right in pairs(settings):
        activity = gather(predictions, mutants(settings, left, right))  # float64 (shuffles, tracks)
        effect = shuffle_effect(wt, activity.mean(axis=0))
        both = (left[0], right[1])
        table += rows(both, wt, activity, effect, [SHUFFLED_OVER_WT] * len(wt), [None] * len(wt))
    return table


# 4. Its declaration. Without a `figure` the report draws its rows by the distance from the TSS.
TEST = Test(
    name="neighbours",
    summary="how much activity is lost when two tiles side by side are shuffled together?",
    perturbations=perturbations,
    effects=effects,
    shuffles=5,
)
