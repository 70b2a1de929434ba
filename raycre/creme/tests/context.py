"""Context dependence: how much TSS activity is left when everything outside the TSS tile is shuffled?

CREME Methods, "Context dependence test".
"""

from __future__ import annotations

from raycre.creme.backgrounds import CONTEXT, context_effect, tss_alone
from raycre.creme.declaration import Test
from raycre.creme.formulas import SHUFFLED_OVER_WT, THRESHOLDS, context_classes
from raycre.creme.perturbation import WT, Pass
from raycre.creme.rows import Known, Row, gather, rows
from raycre.creme.settings import Settings


def expand(settings: Settings, known: Known) -> list[Pass]:
    """Return the wild type and the TSS tile in `n` shuffles of the whole input."""
    return [WT, *tss_alone(settings, settings.n(CONTEXT))]


def effects(settings: Settings, known: Known) -> list[Row]:
    """Return one row per track: the TSS tile, effect (WT - MUT) / WT, and the context's class as its call.

    The effect of replicates that are known apart is that of `context_effect`.

    Args:
        settings: those of `expand`.
        known: TSS activity of every pass of `expand`.
    """
    wild, *shuffled = expand(settings, known)
    wt, mutants = gather(known, [wild]), gather(known, shuffled)
    effect = context_effect(settings, known, shuffled)
    call = context_classes(effect, THRESHOLDS[settings.thresholds], settings.compat)
    return rows(settings.tss_tile, wt[0], mutants, effect, [SHUFFLED_OVER_WT] * len(effect), call)


TEST = Test(
    name=CONTEXT,
    summary="how much activity is left when everything outside the TSS tile is shuffled?",
    expand=expand,
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
