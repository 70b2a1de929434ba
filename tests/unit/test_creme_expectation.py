"""Curves that are expected of tiles that add or multiply, and the classes by their distance."""

from __future__ import annotations

import numpy as np
import pytest

from raycre.creme import expectation
from raycre.creme.settings import SEARCHES


@pytest.mark.parametrize(
    ("mse", "difference", "expected"),
    [
        (0.0499, 1.0, "additive"),
        (0.05, 1.0, "ambiguous"),
        (0.1, 1.0, "ambiguous"),
        (0.1001, 1.0, "superadditive"),
        (0.1001, -1.0, "subadditive"),
        (np.nan, np.nan, None),
    ],
)
def test_cuts_of_the_additive_classes_are_exclusive(
    mse: float, difference: float, expected: str | None
) -> None:
    assert expectation.additive_class(mse, difference) == expected


def test_curves_of_many_searches_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    wt, first, last = rng.uniform(2, 9, 3), rng.uniform(2, 9, (3, 4, 5)), rng.uniform(2, 9, (3, 5))
    starts = np.concatenate([wt[:, None], first[:, 1:, 0]], axis=1)
    mean, tiles = last.mean(axis=-1), first[..., 0]
    for together, each in (
        (expectation.trace(starts, mean), lambda i: expectation.trace(starts[i], mean[i])),
        (expectation.log_trace(starts, last), lambda i: expectation.log_trace(starts[i], last[i])),
        (expectation.additive(wt, tiles), lambda i: expectation.additive(wt[i], tiles[i])),
        (expectation.multiplicative(wt, tiles), lambda i: expectation.multiplicative(wt[i], tiles[i])),
        (
            expectation.log_multiplicative(wt, first),
            lambda i: expectation.log_multiplicative(wt[i], first[i]),
        ),
    ):
        assert together.shape == (3, 5)
        np.testing.assert_array_equal(together, [each(i) for i in range(3)])
    curves = expectation.trace(starts, mean), expectation.additive(wt, tiles)
    for distance in (expectation.mean_squared_error, expectation.mean_difference):
        each_alone = [distance(curve, expected) for curve, expected in zip(*curves, strict=True)]
        np.testing.assert_allclose(distance(*curves), each_alone, rtol=1e-12)


def test_silencers_have_a_stricter_cut_of_their_own() -> None:
    classes = {
        search: [expectation.multiplicative_class(mse, search) for mse in (0.009, 0.02, 0.04)]
        for search in SEARCHES
    }
    assert classes == {
        "min": ["multiplicative", "multiplicative", "nonmultiplicative"],
        "max": ["multiplicative", "nonmultiplicative", "nonmultiplicative"],
    }
    assert expectation.multiplicative_class(np.nan, "min") is None


def test_curves_past_float64_are_null() -> None:
    wt, first = np.array(1e-200), np.array([1e90, 1e90])
    assert np.isfinite(expectation.multiplicative(wt, first)[:2]).all()
    assert np.isnan(expectation.multiplicative(wt, first)[2])
    curve = expectation.additive(wt, first)
    assert np.isnan(expectation.mean_squared_error(curve, np.zeros(3)))
