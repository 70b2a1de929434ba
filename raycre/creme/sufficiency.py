"""Sufficiency: what does one tile add to the TSS tile when all else is shuffled?

CREME Methods, "Sufficiency test". Knows other tests only by the context class of the gene.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from raycre.creme.backgrounds import classes_of_gene, controls
from raycre.creme.edits import WT, Pass
from raycre.creme.effects import THRESHOLDS, cre_calls, insertion_effect
from raycre.creme.rows import Row, gather, rows
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval


def expand(settings: Settings) -> list[Pass]:
    """Return the wild type, and for every tile its `n` controls and `n` mutants, background by background."""
    return [
        WT,
        *(p for tile in settings.tiles for p in (*controls(settings, tile), *_mutants(settings, tile))),
    ]


def effects(settings: Settings, activity: Mapping[str, NDArray[np.float64]]) -> list[Row]:
    """Return one row per tile and track: (MUT - CONTROL) / WT or / CONTROL as the context asks, and the call.

    Args:
        settings: those of `expand`.
        activity: pass key -> float64 (tracks,), TSS activity of every pass of `expand`.
    """
    contexts = classes_of_gene(settings, activity)
    wt = gather(activity, [WT])[0]
    table: list[Row] = []
    for tile in settings.tiles:
        control = gather(activity, controls(settings, tile)).mean(axis=0)
        mutants = gather(activity, _mutants(settings, tile))
        effect, metric = insertion_effect(mutants.mean(axis=0), control, wt, contexts)
        call = cre_calls(effect, contexts, THRESHOLDS[settings.thresholds])
        table += rows(tile, wt, mutants, effect, metric, call, control)
    return table


def _mutants(settings: Settings, tile: Interval) -> list[Pass]:
    return [replace(p, kept=(*p.kept, tile)) for p in controls(settings, tile)]
