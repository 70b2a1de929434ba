"""Metrics and cutoffs on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.create.evaluation import metrics
from raycre.create.inference.cutoffs import call, cutoffs
from raycre.errors import LabelError, RaycreError

SILENCER, ENHANCER, BACKGROUND = 0, 1, 4


def values(labels: list[int], probabilities: list[list[float]]) -> dict[tuple[str, str], float]:
    table = metrics.table(np.array(labels), np.array(probabilities), classes=("a", "b", "c"))
    assert list(table.columns) == ["class", "metric", "value"]
    return {(name, metric): value for name, metric, value in table.itertuples(index=False)}


def test_metrics_by_hand() -> None:
    # Calls a, b, b, b: class a 1 of 1 called rightly, 1 of 2 found; class b 2 of 3, 2 of 2; no class c.
    found = values([0, 0, 1, 1], [[0.9, 0.1, 0], [0.4, 0.6, 0], [0.1, 0.8, 0.1], [0.3, 0.7, 0]])
    assert found["a", "precision"] == 1.0
    assert found["a", "recall"] == 0.5
    assert found["a", "f1"] == pytest.approx(2 / 3)
    assert found["b", "precision"] == pytest.approx(2 / 3)
    assert found["b", "f1"] == pytest.approx(0.8)
    assert found["macro", "f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert found["macro", "accuracy"] == 0.75
    p, r = (1 + 2 / 3) / 2, 0.75
    assert found["macro", "f1_of_macro"] == pytest.approx(2 * p * r / (p + r))
    assert found["macro", "auroc"] == 1.0


def test_absent_class_is_nan_and_left_out_of_the_mean() -> None:
    found = values([0, 1], [[1.0, 0, 0], [0, 1.0, 0]])
    assert np.isnan([found["c", metric] for metric in ("auroc", "auprc", "f1", "precision", "recall")]).all()
    assert found["macro", "auprc"] == 1.0


def test_only_one_class_has_no_area() -> None:
    found = values([0, 0], [[1.0, 0, 0], [1.0, 0, 0]])
    assert np.isnan(found["macro", "auroc"])
    assert found["macro", "accuracy"] == 1.0


def test_all_wrong_has_zero_f1() -> None:
    assert values([0, 1], [[0, 1.0, 0], [1.0, 0, 0]])["macro", "f1_of_macro"] == 0.0


def test_confusion_has_truth_in_rows() -> None:
    found = metrics.confusion_matrix(np.array([0, 0, 1]), np.array([[0.2, 0.8], [0.9, 0.1], [0.5, 0.5]]))
    assert found.tolist() == [[1, 1], [1, 0]]  # the tie goes to the first class


@pytest.mark.parametrize("labels", [[], [0, 7], [0, -1], [0]])
def test_labels_that_do_not_fit_are_refused(labels: list[int]) -> None:
    with pytest.raises(LabelError):
        metrics.table(np.array(labels, dtype=np.int64), np.ones((2 if labels else 0, 3)), ("a", "b", "c"))


def scores_of(column: int, scores: list[float]) -> np.ndarray:
    probabilities = np.zeros((len(scores), 5))
    probabilities[:, column] = scores
    return probabilities


def test_cutoff_lies_just_above_the_first_score_that_is_too_many() -> None:
    # 4 of 5 regions are not silencers; a rate of 0.25 allows one of them: 0.9, not 0.5.
    labels = np.array([SILENCER] + [ENHANCER] * 4)
    found = cutoffs(labels, scores_of(SILENCER, [0.7, 0.9, 0.5, 0.2, 0.1]), max_fpr=0.25)
    assert found.thresholds[SILENCER] == np.nextafter(np.float32(0.5), np.float32(1))
    assert found.fpr[SILENCER] == 0.25


def test_tied_scores_stay_out_together() -> None:
    labels = np.array([SILENCER] + [ENHANCER] * 4)
    found = cutoffs(labels, scores_of(SILENCER, [0.7, 0.5, 0.5, 0.2, 0.1]), max_fpr=0.25)
    assert found.thresholds[SILENCER] == np.nextafter(np.float32(0.5), np.float32(1))
    assert found.fpr[SILENCER] == 0.0


def test_exact_share_is_allowed_whatever_its_rounding() -> None:
    # 0.29 · 100 is 28.999999999999996 in floating point; 29 of 100 is still allowed.
    labels = np.array([ENHANCER] * 100)
    found = cutoffs(
        np.append(labels, SILENCER), scores_of(SILENCER, [*np.arange(100) / 100, 1.0]), max_fpr=0.29
    )
    assert found.fpr[SILENCER] == 0.29


@given(
    st.lists(st.integers(0, 8), min_size=2, max_size=40),
    st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0]),
)
def test_cutoff_is_the_smallest_that_holds_the_rate(eighths: list[int], max_fpr: float) -> None:
    labels = np.full(len(eighths), BACKGROUND)
    labels[0] = SILENCER
    scores = np.array(eighths) / 8
    threshold = cutoffs(labels, scores_of(ENHANCER, list(scores)), max_fpr).thresholds[ENHANCER]
    assert (scores >= threshold).mean() <= max_fpr
    lower = np.nextafter(threshold, np.float32(-1))
    assert threshold == 0 or (scores >= lower).mean() > max_fpr


def test_validation_of_one_class_only_has_no_cutoff() -> None:
    with pytest.raises(LabelError, match="'silencer'"):
        cutoffs(np.array([SILENCER, SILENCER]), scores_of(SILENCER, [0.1, 0.2]))


def test_call_is_the_class_furthest_above_its_cutoff() -> None:
    thresholds = np.array([0.5, 0.1, 0.5, 0.5, 0.0], dtype=np.float32)
    probabilities = np.array(
        [
            [0.55, 0.30, 0.1, 0.05, 0.0],  # enhancer is 0.20 above, silencer 0.05
            [0.20, 0.05, 0.2, 0.20, 0.9],  # none reaches its cutoff
            [0.50, 0.05, 0.5, 0.05, 0.0],  # silencer and promoter both exactly at theirs
        ],
        dtype=np.float32,
    )
    named, margin = call(probabilities, thresholds)
    assert named.tolist() == [ENHANCER, BACKGROUND, SILENCER]
    assert margin == pytest.approx([0.2, -0.05, 0.0], abs=1e-6)


def test_background_is_never_called_by_its_own_probability() -> None:
    named, _ = call(np.array([[0.6, 0.0, 0.0, 0.0, 1.0]]), np.array([0.5, 0.5, 0.5, 0.5, 0.1]))
    assert named.tolist() == [SILENCER]


def test_probability_that_is_no_number_is_refused() -> None:
    with pytest.raises(RaycreError, match="row 1 are not finite"):
        call(np.array([[0.2] * 5, [np.nan] * 5]), np.full(5, 0.5))
