"""Curves of the fine-tile search against the published table of K562 (creme_published/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from raycre.creme.presets import paper_shuffles
from raycre.creme.recovery import Curve, bp_at_score, mean_recovery, recovery_curve
from raycre.creme.rows import Row, row
from raycre.creme.tests.finemap import KEPT, REMOVED, REVERTED


@pytest.fixture(scope="module")
def table(shared: Path) -> pd.DataFrame:
    return pd.read_csv(shared / "golden" / "creme_published" / "fine_tile_comparison.csv.gz")


def curves_of(table: pd.DataFrame, column: str) -> list[Curve]:
    """Return the curve of each CRE; the table counts bp pruned, of a tile that its id names."""
    curves = []
    for name, rows in table.sort_values("step").groupby("seq_id"):
        start, end = map(int, str(name).split("_")[-2:])
        step_bp = float((table["CREME bps"] / table["step"]).dropna().unique().item())
        known = rows.dropna(subset=[column])
        curves.append(Curve(end - start - step_bp * known["step"].to_numpy(), known[column].to_numpy()))
    return curves


def pruned(table: pd.DataFrame) -> NDArray[np.float64]:
    return np.sort(table["CREME bps"].dropna().unique())


def test_mean_scores_of_the_74_enhancers(table: pd.DataFrame) -> None:
    creme = curves_of(table, "CREME score")
    assert len(creme) == 74
    assert pruned(table).tolist() == list(range(0, 5_001, 500))
    np.testing.assert_array_equal(
        mean_recovery(creme, pruned(table)).round(4),
        [1.0, 1.0838, 1.1238, 1.1527, 1.2072, 1.2654, 1.2516, 1.1427, 0.9328, 0.6992, 0.066],
    )
    saliency = mean_recovery(curves_of(table, "Saliency score"), pruned(table))
    np.testing.assert_array_equal(saliency[:4].round(4), [1.0, 1.2309, 0.9935, 0.8084])


@pytest.mark.parametrize(
    ("column", "mean", "median"), [("CREME score", 1522.4, 1253.4), ("Saliency score", 3862.8, 4029.2)]
)
def test_bp_left_at_80_percent_between_the_nearest_scores(
    table: pd.DataFrame, column: str, mean: float, median: float
) -> None:
    # The README's numbers interpolate between points sorted by score, not neighbours on the curve.
    bp = [bp_at_score(c, by_score=True) for c in curves_of(table, column)]
    assert (round(float(np.mean(bp)), 1), round(float(np.median(bp)), 1)) == (mean, median)


@pytest.mark.parametrize("column", ["CREME score", "Saliency score"])
def test_bp_left_at_80_percent_lies_on_the_curve(table: pd.DataFrame, column: str) -> None:
    curves = curves_of(table, column)
    bp = np.array([bp_at_score(c) for c in curves])
    for left, (points, score) in zip(bp, curves, strict=True):
        assert np.interp(left, points[::-1], score[::-1]) == pytest.approx(0.8)
        assert (score[points < left] < 0.8).all()  # nothing shorter recovers as much
    # Along the curve the search comes down to fewer bp than the sorted points say.
    assert (bp <= [bp_at_score(c, by_score=True) for c in curves]).mean() > 0.5


def test_a_published_curve_comes_back_from_rows(table: pd.DataFrame) -> None:
    for points in curves_of(table, "CREME score"):
        again = recovery_curve(as_rows(points))
        np.testing.assert_array_equal(again.bp, points.bp)
        np.testing.assert_array_equal(again.score, points.score)


def as_rows(points: Curve) -> list[Row]:
    """Write a curve as a search leaves it: the last step taken back, and a step before it too."""
    size = int(points.bp[0])
    steps = [(0, 0, size, points.score[0], "enhancer")]
    for before, after, score in zip(points.bp, points.bp[1:], points.score[1:], strict=False):
        steps.append((len(steps), int(after), int(before), score, REMOVED))
    number, start, end, score, _ = steps.pop()
    steps.append((number, start, end, 0.5, REVERTED))  # of the first stage: not on the curve
    steps.append((number + 1, start, end, score, REVERTED))
    none = np.zeros(paper_shuffles()["finemap"])
    rows = [row((s, e), 0, 1.0, none, score, "mutant/whole", call, round=i) for i, s, e, score, call in steps]
    return [*rows, row((start, end), 0, 1.0, none, 1.0, "mutant/whole", KEPT)]
