"""Sufficiency of CRE sets: what do the tiles that a greedy search has found bring back, one after another?

CREME Methods, "Sufficiency of CRE sets from higher-order test". Takes the order of the interaction test.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raycre.creme.declaration import Test
from raycre.creme.formulas import MUTANT_OVER_CONTROL, MUTANT_OVER_WT, fold_change
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tests import interaction
from raycre.creme.tests.interaction import follow
from raycre.creme.tiles import Interval


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the interaction test's passes, and `n` of each set of tiles that its rounds have come to."""
    courses, searched = follow(settings, predictions)
    sets = [p for c in courses for m in range(len(c.tiles) + 1) for p in _embedded(settings, c.tiles[:m])]
    # The TSS tile alone needs no search; named at once, it is not left to every search to predict.
    alone = _embedded(settings, ()) if settings.tiles and not courses else []
    return [WT, *searched, *sets, *alone]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return two rows per search and set, MUT / WT and MUT / CONTROL; the control is the TSS tile alone.

    A row's set is the TSS tile and the tiles of all rounds up to its own (`round` + 1 of them); its offsets
    are those of the tile added last. The first has the TSS tile alone, and no round. The paper shows MUT / WT
    for the "min" search in enhancing contexts, MUT / CONTROL for "max" in silencing ones.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    table: list[Row] = []
    for course in follow(settings, predictions)[0]:
        sets = [_embedded(settings, course.tiles[:m]) for m in range(len(course.tiles) + 1)]
        mutants = np.stack(
            [gather(predictions, passes)[:, course.track] for passes in sets]
        )  # (sets, shuffles)
        means = mutants.mean(axis=1)
        for metric, activity in (
            (MUTANT_OVER_WT, np.array(course.levels[0])),
            (MUTANT_OVER_CONTROL, means[0]),
        ):
            effect = fold_change(means, activity)
            for m, tile in enumerate((settings.tss_tile, *course.tiles)):
                table.append(
                    row(
                        tile,
                        course.track,
                        course.levels[0],
                        mutants[m],
                        effect[m],
                        metric,
                        control=means[0],
                        round=m - 1 if m else None,
                        search=course.search,
                    )
                )
    return table


def _embedded(settings: Settings, tiles: Sequence[Interval]) -> list[Perturbation]:
    """The TSS tile and `tiles` in each background, which are the gene's own whatever `compat` is.

    So a set of no tiles is the context test's mutant; a set of one is the sufficiency test's, unless `compat`
    gives every tile backgrounds of its own there. Further tiles are written one after another at their own
    places, so that each set shares the activations of the one before.
    """
    first, rest = tiles[:1], tiles[1:]
    kept, placed = (settings.tss_tile, *first), tuple((*tile, tile[0]) for tile in rest)
    return [Perturbation(background=(None, k), kept=kept, placed=placed) for k in range(settings.n("sets"))]


TEST = Test(
    name="sets",
    summary="what do the tiles of a greedy search bring back, one after another?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,
    needs=(interaction.TEST.name,),
    adaptive=interaction.TEST.adaptive,
    figure="searches",
    row="TSS tile and the first tiles of a search in shuffled sequence",
    metrics="`mutant/wt`, `mutant/control`",
    columns="`round`: of the tile added last, null for none",
)
