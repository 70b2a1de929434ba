"""Fine-tile search: which few short stretches of an element do what the whole of it does?

CREME Methods, "Fine-tile search". Sub-tiles of the element go, the least missed first, until too much of
its activity is gone; the last step is taken back, and what is left goes on in shorter sub-tiles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.creme.declaration import Adaptive, Test
from raycre.creme.formulas import (
    MUTANT_OVER_WHOLE,
    RECOVERED_OF_WHOLE,
    fold_change,
    recovered,
)
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tests import sufficiency
from raycre.creme.tests.sufficiency import Element, elements
from raycre.creme.tiles import Interval

REMOVED, REVERTED, KEPT = "removed", "reverted", "kept"


class FineStep(NamedTuple):
    """One step of a search.

    Attributes:
        removed: the sub-tiles that went, by the activity without each of them, ascending.
        left: the sub-tiles without them, left to right.
        score: activity with `left` over activity with the whole element.
        reverted: the score fell to the threshold or below (for a silencer: rose), and they came back.
    """

    removed: tuple[Interval, ...]
    left: tuple[Interval, ...]
    score: float
    reverted: bool


class FineSearch(NamedTuple):
    """A search as far as it can be seen.

    Attributes:
        passes: every pass read so far, and those that the next step needs.
        steps: through all stages, in order.
        survivors: sub-tiles of the last stage that are left; None as long as a pass is missing.
    """

    passes: list[Perturbation]
    steps: list[FineStep]
    survivors: tuple[Interval, ...] | None


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return what names the elements, and for each of them what its search needs as far as it got."""
    searched = (
        p
        for element in elements(settings, predictions)
        for p in search(settings, element, predictions).passes
    )
    return [*sufficiency.perturbations(settings, predictions), *searched]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return the rows of every element's search, one after another; see `rows_of`."""
    return [
        row for element in elements(settings, predictions) for row in rows_of(settings, element, predictions)
    ]


def embedded(settings: Settings, element: Element, kept: Iterable[Interval]) -> list[Perturbation]:
    """Return the passes with `kept` and the TSS tile in each background of the search.

    Neighbours are merged, so that equal sequences are one pass: the whole element is the sufficiency test's
    mutant, nothing of it that test's control. The backgrounds are the gene's, or those drawn for the element
    (`reference`), and the same in every step.
    """
    owner = element.tile if settings.compat == "reference" else None
    intervals = (settings.tss_tile, *merged(kept))
    return [Perturbation(background=(owner, k), kept=intervals) for k in range(settings.n("finemap"))]


def search(settings: Settings, element: Element, predictions: Predicted) -> FineSearch:
    """Replay the search of one element on what is known.

    A step tries every sub-tile that is left, ranks them by the mean activity without each (the first of
    equals first; the authors' sort leaves that to chance, DIVERGENCES 40), and removes the `batch` best, or
    all if there are no more. The stage ends when the score falls to the threshold or below, and that step is
    taken back. Silencers go the other way: the lowest activity is the best, and the stage ends when the score
    rises to their own threshold or above (`FineStage.silencer_threshold`).

    A search that never gets to the threshold ends when everything is removed, and nothing survives: the TSS
    tile alone passes, so the score cannot tell which part of the element matters (where the authors' code
    stops with an error, DIVERGENCES 39). An element without activity to divide by has no score and no steps,
    and nothing survives.

    Args:
        settings: the run's; its stages.
        element: whose.
        predictions: TSS activities.
    """
    sign = -1.0 if element.kind == "silencer" else 1.0
    whole = embedded(settings, element, [element.tile])
    passes = [*embedded(settings, element, []), *whole]
    steps: list[FineStep] = []
    if not _all_known(passes, predictions):
        return FineSearch(passes, steps, None)
    reference = _mean(predictions, whole, element.track)
    if np.isnan(fold_change(reference, reference)):
        return FineSearch(passes, steps, ())

    left: tuple[Interval, ...] = (element.tile,)
    for stage in settings.fine:
        left = cut(left, stage.window)
        while left:
            trials = [embedded(settings, element, _without(left, [sub])) for sub in left]
            passes += [p for trial in trials for p in trial]
            if not _all_known(passes, predictions):
                return FineSearch(passes, steps, None)
            activity = np.array([_mean(predictions, trial, element.track) for trial in trials])
            best = np.argsort(-sign * activity, kind="stable")[: stage.batch]
            removed = tuple(left[i] for i in sorted(best, key=lambda i: activity[i]))
            fewer = _without(left, removed)
            rest = embedded(settings, element, fewer)
            passes += rest
            if not _all_known(rest, predictions):
                return FineSearch(passes, steps, None)
            score = float(fold_change(_mean(predictions, rest, element.track), reference))
            # Written so that a score without a value ends the stage.
            stays = sign * score > sign * stage.threshold_of(element.kind)
            steps.append(FineStep(removed, fewer, score, not stays))
            if not stays:
                break
            left = fewer
    return FineSearch(passes, steps, left)


def rows_of(settings: Settings, element: Element, predictions: Predicted) -> list[Row]:
    """Return the rows of one finished search; all have the element in `tile` and TSS alone in `control`.

    - Round 0 is the whole element: its kind as the call, and a score of 1; null, and the only row, where it
      has no activity to divide by.
    - Rounds 1, 2, ... count through all stages: a row for each sub-tile that went, called "removed", or
      "reverted" if the step was taken back. The effect is the score after the step; bp still embedded are
      those of the element less all that was removed so far. A stage ends with the round that is reverted.
    - Survivors of the last stage, "kept" and without a round: each once with the score of all of them as the
      authors count it, MUT / WHOLE, and once as the text speaks of it, the part of the element's effect that
      is recovered (DIVERGENCES 35). None if nothing survived.
    """
    finished = search(settings, element, predictions)
    track = element.track
    wt = gather(predictions, [WT])[0, track]
    control = _of(predictions, embedded(settings, element, []), track).mean()

    def rows(subs: Iterable[Interval], left: Iterable[Interval], round_: int | None, call: str) -> list[Row]:
        mutants = _of(predictions, embedded(settings, element, left), track)
        scores = {MUTANT_OVER_WHOLE: float(fold_change(mutants.mean(), whole))}
        if call == KEPT:
            scores[RECOVERED_OF_WHOLE] = recovered(mutants.mean(), control, whole)
        return [
            row(
                sub,
                track,
                wt,
                mutants,
                effect,
                metric,
                call,
                control=control,
                round=round_,
                tile=element.tile,
            )
            for metric, effect in scores.items()
            for sub in subs
        ]

    whole = _mean(predictions, embedded(settings, element, [element.tile]), track)
    table = rows([element.tile], [element.tile], 0, element.kind)
    for i, step in enumerate(finished.steps, start=1):
        table += rows(step.removed, step.left, i, REVERTED if step.reverted else REMOVED)
    survivors = finished.survivors or ()
    return table + rows(survivors, survivors, None, KEPT)


def cut(intervals: Iterable[Interval], window: int) -> tuple[Interval, ...]:
    """Cut every interval into sub-tiles of `window` bp from its start on, its last one shorter if need be."""
    return tuple(
        (start, min(start + window, end)) for first, end in intervals for start in range(first, end, window)
    )


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Join ascending intervals where one ends as the next begins."""
    runs: list[Interval] = []
    for start, end in intervals:
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _without(subs: tuple[Interval, ...], gone: Iterable[Interval]) -> tuple[Interval, ...]:
    absent = set(gone)
    return tuple(sub for sub in subs if sub not in absent)


def _all_known(passes: Iterable[Perturbation], predictions: Predicted) -> bool:
    return all(p.key in predictions for p in passes)


def _of(predictions: Predicted, passes: list[Perturbation], track: int) -> NDArray[np.float64]:
    return gather(predictions, passes)[:, track]


def _mean(predictions: Predicted, passes: list[Perturbation], track: int) -> float:
    return float(_of(predictions, passes, track).mean())


TEST = Test(
    name="finemap",
    summary="which few short stretches of an element do what the whole of it does?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,
    needs=(sufficiency.TEST.name,),
    adaptive=Adaptive("sub-tiles"),
    figure="finetiles",
    row="a sub-tile of an element",
    metrics="`mutant/whole`; of survivors also `(mutant-control)/(whole-control)`",
    calls="removed, reverted, kept; round 0: kind of the element",
    columns="`round`: step; `offset_*`: the sub-tile; tile: the element",
)
