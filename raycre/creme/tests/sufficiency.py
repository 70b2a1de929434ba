"""Sufficiency: what does one tile add to the TSS tile when all else is shuffled?

CREME Methods, "Sufficiency test". Knows other tests only by the context class of the gene.
"""

from __future__ import annotations

from raycre.creme.backgrounds import classes_of_gene, controls, inserted
from raycre.creme.formulas import THRESHOLDS, cre_calls, insertion_effect
from raycre.creme.perturbation import WT, Pass
from raycre.creme.rows import Known, Row, gather, rows
from raycre.creme.settings import Settings


def expand(settings: Settings, known: Known) -> list[Pass]:
    """Return the wild type, and for every tile its `n` controls and `n` mutants, background by background."""
    return [
        WT,
        *(p for tile in settings.tiles for p in (*controls(settings, tile), *inserted(settings, tile))),
    ]


def effects(settings: Settings, known: Known) -> list[Row]:
    """Return one row per tile and track: (MUT - CONTROL) / WT or / CONTROL as the context asks, and the call.

    Args:
        settings: those of `expand`.
        known: TSS activity of every pass of `expand`.
    """
    contexts = classes_of_gene(settings, known)
    wt = gather(known, [WT])[0]
    table: list[Row] = []
    for tile in settings.tiles:
        control = gather(known, controls(settings, tile)).mean(axis=0)
        mutants = gather(known, inserted(settings, tile))
        effect, metric = insertion_effect(mutants.mean(axis=0), control, wt, contexts)
        call = cre_calls(effect, contexts, THRESHOLDS[settings.thresholds])
        table += rows(tile, wt, mutants, effect, metric, call, control)
    return table
