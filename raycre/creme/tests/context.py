"""Context dependence: how much TSS activity is left when everything outside the TSS tile is shuffled?

CREME Methods, "Context dependence test".
"""

from __future__ import annotations

from raycre.creme.backgrounds import CONTEXT, context_effect, tss_alone
from raycre.creme.declaration import Test
from raycre.creme.formulas import SHUFFLED_OVER_WT, THRESHOLDS, context_classes
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, rows
from raycre.creme.settings import Settings


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type and the TSS tile in `n` shuffles of the whole input."""
    return [WT, *tss_alone(settings, settings.n(CONTEXT))]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return one row per track: the TSS tile, effect (WT - MUT) / WT, and the context's class as its call.

    The effect of replicates that are known apart is that of `context_effect`.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    wild, *shuffled = perturbations(settings, predictions)
    wt, mutants = gather(predictions, [wild]), gather(predictions, shuffled)
    effect = context_effect(settings, predictions, shuffled)
    call = context_classes(effect, THRESHOLDS[settings.thresholds], settings.compat)
    return rows(settings.tss_tile, wt[0], mutants, effect, [SHUFFLED_OVER_WT] * len(effect), call)


TEST = Test(
    name=CONTEXT,
    summary="how much activity is left when everything outside the TSS tile is shuffled?",
    perturbations=perturbations,
    effects=effects,
    shuffles=100,  # Results: "100 independent dinucleotide shuffles"
    shuffles_of={"borzoi": 5},  # Supplementary Fig. 1
    tiled=False,
    figure="tiles",
    row="a gene; all outside the TSS tile shuffled",
    metrics="`(wt-mutant)/wt`",
    calls="enhancing, neutral, silencing, other",
    columns="tile: the TSS's",
)
