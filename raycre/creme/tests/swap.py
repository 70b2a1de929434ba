"""Context swap: how active is the TSS tile of one gene in the context of another?

CREME Methods, "Context swap test". The passes are those of the gene whose context it is.
"""

from __future__ import annotations

import numpy as np

from raycre.creme.declaration import Test
from raycre.creme.formulas import MUTANT_OVER_WT, fold_change
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings


def wt_of(gene: str) -> str:
    """Return the key under which `effects` finds the wild-type activity of another gene.

    It is that gene's own pass, so whoever runs the test puts it there.
    """
    return f"wt/of={gene}"


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type, by which others divide, and the TSS tile of every partner in its place."""
    return [WT, *(_swapped(settings, gene) for gene in settings.partners)]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return one row per partner and track: MUT / WT, both of the partner, whose key is in `gene`.

    The activity of a TSS in this gene's context, over that in its own: 1 where the gene is its own partner.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`, and the wild type's of every partner
            under `wt_of`.
    """
    table: list[Row] = []
    for gene in settings.partners:
        mutant = gather(predictions, [_swapped(settings, gene)])
        wt = np.asarray(predictions[wt_of(gene)], dtype=np.float64)
        effect = fold_change(mutant[0], wt)
        table += [
            row(settings.tss_tile, t, wt[t], mutant[:, t], effect[t], MUTANT_OVER_WT, gene=gene)
            for t in range(len(wt))
        ]
    return table


def _swapped(settings: Settings, gene: str) -> Perturbation:
    return Perturbation(donors=((gene, *settings.tss_tile),))


TEST = Test(
    name="swap",
    summary="how active is the TSS tile of one gene in the context of another?",
    perturbations=perturbations,
    effects=effects,
    tiled=False,
    swaps=True,
    figure="swaps",
    row="a TSS tile in another gene's context",
    metrics="`mutant/wt`, both of the TSS's gene",
    columns="`gene_id`: whose TSS; `context_gene_id`, `context_tss`: whose context",
)
