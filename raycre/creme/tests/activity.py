"""Activity: how active is the TSS of the wild type? What genes are ranked by before any test.

CREME Methods, "Transcription start site selection".
"""

from __future__ import annotations

from raycre.creme.declaration import Test
from raycre.creme.formulas import ACTIVITY
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, rows
from raycre.creme.settings import Settings


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type."""
    return [WT]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return one row per track for the TSS tile: its activity."""
    wt = gather(predictions, [WT])
    return rows(settings.tss_tile, wt[0], wt, wt[0], [ACTIVITY] * wt.shape[1], [None] * wt.shape[1])


TEST = Test(
    name="activity",
    summary="how active is the TSS of the wild type?",
    perturbations=perturbations,
    effects=effects,
    tiled=False,
    pipeline=False,  # it is what genes are ranked by before any test
    figure=None,
    row="a gene",
    metrics="`wt`",
)
