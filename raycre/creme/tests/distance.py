"""TSS-CRE distance: what does an element do to the TSS from other places, when all else is shuffled?

CREME Methods, "TSS-CRE distance test". Elements are those that the sufficiency test
finds; the formula goes by the context class of the gene.
"""

from __future__ import annotations

import numpy as np

from raycre.creme.backgrounds import classes_of_gene, controls, places, tss_alone, with_copy
from raycre.creme.declaration import Adaptive, Test
from raycre.creme.formulas import MUTANT_OVER_MAX, fold_over_max, insertion_effect
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tests import sufficiency
from raycre.creme.tests.sufficiency import Element, elements
from raycre.creme.tiles import Interval


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return what tells the elements; with that known, also every element's controls and mutants."""
    table = sufficiency.perturbations(settings, predictions)
    for element in elements(settings, predictions):
        table += controls(settings, element.tile, "distance")
        table += [p for place in places(settings, element.tile) for p in moved(settings, element.tile, place)]
    return table


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return two rows per element and place, on the element's track; the offsets say where it stood.

    One has MUT over the largest MUT of all places, one (MUT - CONTROL) / WT or / CONTROL as the context asks.
    The control is the TSS tile alone in the test's own backgrounds, not that of an earlier sufficiency run as
    in the published tables (DIVERGENCES 24).

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    chosen = elements(settings, predictions)
    if not chosen:
        return []
    contexts = classes_of_gene(settings, predictions)
    return [r for element in chosen for r in _rows(settings, predictions, element, contexts)]


def moved(settings: Settings, tile: Interval, place: Interval) -> list[Perturbation]:
    """Return the `n` mutants with the TSS tile and `tile`, which stands at `place`.

    `reference` has a new first background for every place, as the authors' code does, where seed 0 counts
    as none (DIVERGENCES 3): that of the tile that is at home there.
    """
    backgrounds = controls(settings, tile, "distance")
    if settings.compat == "reference":
        backgrounds[0] = tss_alone(settings, 1, place)[0]
    return [with_copy(p, tile, place) for p in backgrounds]


def _rows(
    settings: Settings, predictions: Predicted, element: Element, contexts: list[str | None]
) -> list[Row]:
    tile, t, kind = element
    wt = gather(predictions, [WT])[0]
    control = gather(predictions, controls(settings, tile, "distance")).mean(axis=0)
    table = [(place, gather(predictions, moved(settings, tile, place))) for place in places(settings, tile)]
    mean = np.stack([mutants.mean(axis=0) for _, mutants in table])
    fold = fold_over_max(mean)
    effect, metric = insertion_effect(mean, control, wt, contexts)
    effects_of_places = []
    for i, (place, mutants) in enumerate(table):
        effects_of_places += [
            row(place, t, wt[t], mutants[:, t], fold[i, t], MUTANT_OVER_MAX, kind, tile=tile),
            row(place, t, wt[t], mutants[:, t], effect[i, t], metric[t], kind, control=control[t], tile=tile),
        ]
    return effects_of_places


TEST = Test(
    name="distance",
    summary="what does an element do from other places, when all else is shuffled?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,
    shuffles_of={"borzoi": 5},  # Fig. 4b
    needs=(sufficiency.TEST.name,),
    adaptive=Adaptive("places"),
    figure="placements",
    row="an element at a place",
    metrics="`mutant/max`, and the formula of sufficiency",
    calls="kind of the element",
    columns="`offset_*`, `distance`: where it stood",
)
