"""Multiplicity: how does TSS activity scale with copies of an element, when all else is shuffled?

CREME Methods, "Multiplicity test". Elements are those that the sufficiency test finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from raycre.creme.backgrounds import controls, inserted, places, with_copy
from raycre.creme.declaration import Test
from raycre.creme.formulas import MUTANT_OVER_CONTROL, MUTANT_OVER_ORIGINAL, fold_change
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tests import distance, sufficiency
from raycre.creme.tests.sufficiency import Element, elements
from raycre.creme.tiles import Interval, overlap

Round: TypeAlias = dict[Interval, list[Perturbation]]
"""Place of one more copy -> its passes, one for each background."""


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return what tells the elements; with that known, every element's rounds up to the first unknown one."""
    table = sufficiency.perturbations(settings, predictions)
    for element in elements(settings, predictions):
        table += controls(settings, element.tile, "multiplicity")
        table += inserted(settings, element.tile, "multiplicity")
        for tried in rounds(settings, predictions, element):
            table += [p for passes in tried.values() for p in passes]
    return table


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return two rows per element and number of copies, 0 included, on the element's track.

    One has MUT / CONTROL, one MUT over the activity with the element at its own place (DIVERGENCES 32). The
    offsets say where the newest copy went; without a copy they are those of the TSS tile, all that is there.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    return [r for element in elements(settings, predictions) for r in _rows(settings, predictions, element)]


def rounds(settings: Settings, predictions: Predicted, element: Element) -> Iterator[Round]:
    """Yield what is tried for each further copy, up to the first round that is not all known.

    A round tries every place that no copy stands on, on top of the best of the round before. The backgrounds
    are the same in all of them (DIVERGENCES 34). The search ends early where no place is left.
    """
    taken: list[Interval] = []
    best_so_far = controls(settings, element.tile, "multiplicity")
    for _ in range(settings.copies):
        free = [at for at in places(settings, element.tile) if not any(overlap(at, t) for t in taken)]
        if not free:
            return
        tried = {place: [with_copy(p, element.tile, place) for p in best_so_far] for place in free}
        yield tried
        if any(p.key not in predictions for passes in tried.values() for p in passes):
            return
        place = best(tried, predictions, element)
        taken.append(place)
        best_so_far = tried[place]


def best(tried: Round, predictions: Predicted, element: Element) -> Interval:
    """Return the place of the highest mean activity, for a silencer of the lowest; the first of equals."""
    means = [gather(predictions, passes).mean(axis=0)[element.track] for passes in tried.values()]
    pick = np.argmin(means) if element.kind == "silencer" else np.argmax(means)
    return list(tried)[pick]


def _rows(settings: Settings, predictions: Predicted, element: Element) -> list[Row]:
    tile, t, kind = element
    wt = gather(predictions, [WT])[0]
    none = gather(predictions, controls(settings, tile, "multiplicity"))
    original = gather(predictions, inserted(settings, tile, "multiplicity")).mean(axis=0)
    chosen = [(settings.tss_tile, none)]
    for tried in rounds(settings, predictions, element):
        place = best(tried, predictions, element)
        chosen.append((place, gather(predictions, tried[place])))

    control = none.mean(axis=0)
    table = []
    for n, (place, mutants) in enumerate(chosen):
        for over, metric, recorded in (
            (control, MUTANT_OVER_CONTROL, control[t]),
            (original, MUTANT_OVER_ORIGINAL, None),
        ):
            effect = fold_change(mutants.mean(axis=0), over)[t]
            table.append(
                row(
                    place,
                    t,
                    wt[t],
                    mutants[:, t],
                    effect,
                    metric,
                    kind,
                    control=recorded,
                    round=n,
                    copies=n,
                    tile=tile,
                )
            )
    return table


TEST = Test(
    name="multiplicity",
    summary="how does activity scale with copies of an element, when all else is shuffled?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,
    needs=(sufficiency.TEST.name,),
    adaptive=distance.TEST.adaptive,  # the first copies are the distance test
    figure="placements",
    row="a number of copies",
    metrics="`mutant/control`, `mutant/original`",
    calls="kind of the element",
    columns="`copies` from 0; `offset_*`: the newest copy",
)
