"""Curves of the fine-tile search, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from raycre.creme.recovery import Curve, bp_at_score, mean_recovery, recovery_curve
from raycre.creme.rows import Row, row


def step(round_: int | None, start: int, end: int, score: float, call: str) -> Row:
    return row((start, end), 0, 1.0, np.ones(1), score, "mutant/whole", call, round=round_)


def points(bp: list[float], score: list[float]) -> Curve:
    return Curve(np.array(bp), np.array(score))


def test_curve_leaves_out_a_step_that_was_taken_back_before_the_last() -> None:
    rows = [
        step(0, 0, 100, 1.0, "enhancer"),
        step(1, 0, 20, 1.2, "removed"),
        step(2, 20, 40, 0.4, "reverted"),
        step(3, 20, 25, 1.1, "removed"),
        step(3, 60, 65, 1.1, "removed"),
        step(4, 25, 35, 0.6, "reverted"),
        step(None, 25, 60, 1.1, "kept"),
    ]
    found = recovery_curve(rows[::-1])  # a table may be in any order
    assert found.bp.tolist() == [100, 80, 70, 60]
    assert found.score.tolist() == [1.0, 1.2, 1.1, 0.6]
    assert recovery_curve([]).bp.size == 0


def test_mean_is_over_the_curves_that_reach_so_far() -> None:
    curves = [
        points([100, 50, 0], [1.0, 0.5, 0.1]),
        points([40, 0], [1.0, 0.2]),
        points([10], [float("nan")]),
    ]
    found = mean_recovery(curves, np.array([0.0, 20.0, 50.0, 100.0, 101.0]))
    # At 20 bp the first has 1 - 0.5 x 20 / 50 = 0.8 and the second 1 - 0.8 x 20 / 40 = 0.6.
    np.testing.assert_allclose(found, [1.0, 0.7, 0.5, 0.1, np.nan])


@pytest.mark.parametrize(
    ("scores", "bp"),
    [
        ([1.0, 1.2, 0.9, 0.5], 43.75),  # a quarter of the way from 50 to 25 bp
        ([1.0, 0.7, 0.9, 0.5], 43.75),  # the last time that it passes
        ([1.0, 0.9, 0.8, 0.5], 50.0),
        ([1.0, 0.7, 0.6, 0.5], 100 - 25 * 2 / 3),
        ([1.0, 0.9, 0.85, 0.8], 25.0),  # a curve that ends at the level has come down to it
        ([1.0, 1.1, 1.2, 0.9], float("nan")),
    ],
)
def test_bp_where_a_score_is_passed(scores: list[float], bp: float) -> None:
    assert bp_at_score(points([100, 75, 50, 25], scores), 0.8) == pytest.approx(bp, nan_ok=True)


def test_a_silencer_passes_its_level_on_the_way_up() -> None:
    assert bp_at_score(points([100, 75, 50], [1.0, 1.1, 1.5]), 1.2) == pytest.approx(68.75)


def test_between_the_nearest_scores_is_not_along_the_curve() -> None:
    up_and_down = points([100, 75, 50, 25], [1.0, 1.2, 1.4, 0.6])
    # 0.8 lies half-way between 0.6 (25 bp) and, by score, 1.0 (100 bp); on the curve between 1.4 and 0.6.
    assert bp_at_score(up_and_down, 0.8, by_score=True) == pytest.approx(62.5)
    assert bp_at_score(up_and_down, 0.8) == pytest.approx(25 + 25 / 4)
    assert np.isnan(bp_at_score(points([], []), 0.8, by_score=True))
