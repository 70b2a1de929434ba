"""Sufficiency: what does one tile add to the TSS tile when all else is shuffled?

CREME Methods, "Sufficiency test". Calls go by the context class of the gene. The tiles
that it calls are the elements that further tests take.
"""

from __future__ import annotations

from typing import NamedTuple

from raycre.creme.backgrounds import SUFFICIENCY, classes_of_gene, controls, inserted
from raycre.creme.declaration import Test
from raycre.creme.formulas import THRESHOLDS, cre_calls, insertion_effect
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, rows
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval

ELEMENT_KINDS = ("enhancer", "silencer")


class Element(NamedTuple):
    """A tile that acts on its own on one track.

    Attributes:
        tile: 0-based half-open in the model input.
        track: position among the queried tracks.
        kind: "enhancer" or "silencer".
    """

    tile: Interval
    track: int
    kind: str


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type, and for every tile its `n` controls and `n` mutants, background by background."""
    return [
        WT,
        *(p for tile in settings.tiles for p in (*controls(settings, tile), *inserted(settings, tile))),
    ]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return one row per tile and track: (MUT - CONTROL) / WT or / CONTROL as the context asks, and the call.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    contexts = classes_of_gene(settings, predictions)
    wt = gather(predictions, [WT])[0]
    table: list[Row] = []
    for tile in settings.tiles:
        control = gather(predictions, controls(settings, tile)).mean(axis=0)
        mutants = gather(predictions, inserted(settings, tile))
        effect, metric = insertion_effect(mutants.mean(axis=0), control, wt, contexts)
        call = cre_calls(effect, contexts, THRESHOLDS[settings.thresholds])
        table += rows(tile, wt, mutants, effect, metric, call, control)
    return table


def elements(settings: Settings, predictions: Predicted) -> list[Element]:
    """Return the elements of a gene by tile and track, on the tracks that are searched.

    With `settings.elements` "called" they are what the sufficiency test calls; with "all" every tile whose
    effect there has a value, by its sign (0 counts as an enhancer). Empty as long as not all passes of
    `perturbations` are known.
    """
    if any(p.key not in predictions for p in perturbations(settings, predictions)):
        return []
    chosen = []
    for row in effects(settings, predictions):
        kind = row.call
        if settings.elements == "all" and row.effect == row.effect:  # not NaN
            kind = "silencer" if row.effect < 0 else "enhancer"
        if kind in ELEMENT_KINDS:
            chosen.append(Element((row.offset_start, row.offset_end), row.track, kind))
    if settings.searched is None:
        return chosen
    return [element for element in chosen if element.track in settings.searched]


TEST = Test(
    name=SUFFICIENCY,
    summary="what does one tile add to the TSS tile when all else is shuffled?",
    perturbations=perturbations,
    effects=effects,
    # The text has no number; the ten backgrounds of its fine-tile search are taken, which the published
    # drivers use in all other tests too.
    shuffles=10,
    shuffles_of={"borzoi": 5},  # Extended Data Fig. 2
    per_tile=True,
    figure="tiles",
    row="TSS tile and a tile in shuffled sequence",
    metrics="`(mutant-control)/wt` in enhancing contexts, else `/control`",
    calls="enhancer, silencer, neither",
    columns="`control`: TSS tile alone",
)
