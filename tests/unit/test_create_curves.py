"""Curves by hand, their areas against the metrics, and what becomes of a class without regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.create.evaluation import metrics
from raycre.create.evaluation.curves import MOST_POINTS, confusion, curves, thin
from raycre.create.layout import CLASSES


def points(table: pd.DataFrame, name: str, curve: str) -> pd.DataFrame:
    return table[(table["class"] == name) & (table["curve"] == curve)]


def random_set(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, len(CLASSES), n)
    scores = rng.normal(size=(n, len(CLASSES)))
    scores[np.arange(n), labels] += 1.5
    odds = np.exp(scores)
    return labels, odds / odds.sum(axis=1, keepdims=True)


def test_curves_of_four_regions_by_hand() -> None:
    # Of class "a" the probabilities are .9 (a), .6 (b), .4 (a), .1 (b).
    p = np.array([0.9, 0.6, 0.4, 0.1])
    table = curves(np.array([0, 1, 0, 1]), np.stack([p, 1 - p], axis=1), ("a", "b"))
    roc, pr = points(table, "a", "roc"), points(table, "a", "pr")
    assert roc[["x", "y"]].to_numpy().tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    np.testing.assert_array_equal(roc["threshold"], [np.nan, 0.9, 0.6, 0.4, 0.1])
    assert pr["x"].tolist() == [0, 0.5, 0.5, 1, 1]
    assert pr["y"].tolist() == [1, 1, 0.5, pytest.approx(2 / 3), 0.5]
    np.testing.assert_array_equal(pr["threshold"], [np.nan, 0.9, 0.6, 0.4, 0.1])


def test_thinned_curves_keep_their_ends_and_their_areas() -> None:
    labels, probabilities = random_set()
    thinned, whole = curves(labels, probabilities), curves(labels, probabilities, most=10**9)
    auroc, auprc = metrics.auroc(labels, probabilities), metrics.auprc(labels, probabilities)
    for i, name in enumerate(CLASSES):
        for curve in ("roc", "pr"):
            kept, every = points(thinned, name, curve), points(whole, name, curve)
            assert 100 < len(kept) <= MOST_POINTS < len(every)
            np.testing.assert_array_equal(kept.iloc[[0, -1], 2:], every.iloc[[0, -1], 2:])
        roc, pr = points(thinned, name, "roc"), points(thinned, name, "pr")
        assert np.trapezoid(roc["y"], roc["x"]) == pytest.approx(auroc[i], abs=0.002)
        assert (np.diff(pr["x"]) * pr["y"][1:]).sum() == pytest.approx(auprc[i], abs=0.01)
        whole_pr = points(whole, name, "pr")
        assert (np.diff(whole_pr["x"]) * whole_pr["y"][1:]).sum() == pytest.approx(auprc[i], abs=1e-9)


def test_a_class_without_regions_has_no_curve_and_an_empty_row_of_the_confusion() -> None:
    labels, probabilities = random_set(50)
    labels[labels == 2] = 1
    found = curves(labels, probabilities)
    assert set(found["class"]) == set(CLASSES) - {CLASSES[2]}
    assert found[["x", "y"]].notna().all(axis=None)
    cells = confusion(labels, probabilities)
    assert len(cells) == len(CLASSES) ** 2
    assert cells["n"].sum() == 50
    assert (cells.loc[cells["truth"] == CLASSES[2], "n"] == 0).all()


def test_a_set_of_one_class_has_no_curves_but_the_same_columns() -> None:
    _, probabilities = random_set(5)
    found = curves(np.zeros(5, np.int64), probabilities)
    assert len(found) == 0
    assert found.columns.tolist() == ["class", "curve", "x", "y", "threshold"]


def test_the_confusion_counts_truth_by_most_probable_class() -> None:
    cells = confusion(np.array([0, 0, 1]), np.array([[0.5, 0.5], [0.1, 0.9], [0.2, 0.8]]), ("a", "b"))
    assert cells.to_numpy().tolist() == [["a", "a", 1], ["a", "b", 1], ["b", "a", 0], ["b", "b", 1]]


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60), st.integers(2, 40))
def test_thinning_keeps_the_ends_and_no_more_than_it_may(xy: list[tuple[float, float]], most: int) -> None:
    x, y = np.array(xy).T
    kept = thin(np.sort(x), y, most)
    assert kept[0] == 0
    assert kept[-1] == len(x) - 1
    assert len(kept) <= most or len(x) <= most
    assert (np.diff(kept) > 0).all()
