"""Necessity: how much TSS activity is lost when one tile is shuffled and all else stays?

CREME Methods, "Necessity test". Calls go by the context class of the gene.
"""

from __future__ import annotations

from raycre.creme.backgrounds import classes_of_gene
from raycre.creme.declaration import Test
from raycre.creme.formulas import SHUFFLED_OVER_WT, THRESHOLDS, cre_calls, shuffle_effect
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, rows
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type and `n` shuffles of every tile."""
    return [WT, *(p for tile in settings.tiles for p in _mutants(settings, tile))]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return one row per tile and track: effect (WT - MUT) / WT, and the call if the context is known.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`; calls are null unless
            it also has those of the context or sufficiency test.
    """
    contexts = classes_of_gene(settings, predictions)
    wt = gather(predictions, [WT])[0]
    table: list[Row] = []
    for tile in settings.tiles:
        mutants = gather(predictions, _mutants(settings, tile))
        effect = shuffle_effect(wt, mutants.mean(axis=0))
        call = cre_calls(effect, contexts, THRESHOLDS[settings.thresholds])
        table += rows(tile, wt, mutants, effect, [SHUFFLED_OVER_WT] * len(effect), call)
    return table


def _mutants(settings: Settings, tile: Interval) -> list[Perturbation]:
    return [Perturbation(shuffled=((*tile, k),)) for k in range(settings.n("necessity"))]


TEST = Test(
    name="necessity",
    summary="how much activity is lost when one tile is shuffled?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,  # Results: "ten shuffles per tile perturbation"
    per_tile=True,
    figure="tiles",
    row="a tile, shuffled",
    metrics="`(wt-mutant)/wt`",
    calls="enhancer, silencer, neither",
)
