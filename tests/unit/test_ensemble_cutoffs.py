"""Cutoffs of a mean over folds: worked out by hand, within their limits, and true to their rate."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.create.inference.cutoffs import call, cutoffs, ensemble_cutoffs
from raycre.create.layout import BACKGROUND, CLASSES
from raycre.errors import LabelError

SILENCER, ENHANCER = range(2)


def not_silencers(n: int) -> np.ndarray:
    """Labels of n regions, none of them a silencer, of two classes."""
    return np.where(np.arange(n) % 2, BACKGROUND, 3)


def pairs_of(column: int, scores: list[tuple[float, float]]) -> np.ndarray:
    """Probabilities (n, 2, 5) that are 0 but for one class."""
    probabilities = np.zeros((len(scores), 2, len(CLASSES)))
    probabilities[:, :, column] = scores
    return probabilities


# Eight regions that are no silencers, as two folds see them. At a rate of 0.25, 4 of the 16 single
# probabilities may pass, all above 0.6, and 2 of the 8 means, both above 0.5. The mean of means is 0.3125.
EIGHT = [(0.8, 0.4), (0.4, 0.8), (0.8, 0.2), (0.1, 0.7), (0.6, 0.2), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0)]


@pytest.mark.parametrize(
    ("n_folds", "expected"),
    [
        (2, 0.5),  # what was measured
        (4, 0.45),  # 0.5 - (1 - 2/4) (0.6 - 0.5)
        (10, 0.42),  # 0.5 - (1 - 2/10) (0.6 - 0.5)
    ],
)
def test_the_cutoff_of_a_mean_falls_with_folds_as_it_does_from_one_to_two(
    n_folds: int, expected: float
) -> None:
    found = ensemble_cutoffs(not_silencers(8), pairs_of(SILENCER, EIGHT), n_folds, max_fpr=0.25)
    assert found.thresholds[SILENCER] == pytest.approx(expected, abs=1e-6)
    assert found.fpr[SILENCER] == 0.25  # 2 of 8 means


def test_the_cutoff_falls_no_further_than_that_of_independent_folds() -> None:
    # c1 = 0.7 and c2 = 0.5 would give 0.5 - 0.8 · 0.2 = 0.34; but above the mean of 0.4 what is left of
    # 0.5 - 0.4 is at least sqrt(2/10) of it.
    four = [(0.9, 0.3), (0.2, 0.8), (0.7, 0.1), (0.1, 0.1)]
    found = ensemble_cutoffs(not_silencers(4), pairs_of(SILENCER, four), 10, max_fpr=0.25)
    assert found.thresholds[SILENCER] == pytest.approx(0.4 + 0.1 * np.sqrt(0.2), abs=1e-6)


def test_the_cutoff_never_rises_with_folds() -> None:
    # The third largest of 8 single probabilities is 0.4, the second largest mean 0.5: c1 < c2.
    four = [(0.9, 0.8), (0.4, 0.6), (0.2, 0.2), (0.1, 0.1)]
    labels, pairs = not_silencers(4), pairs_of(SILENCER, four)
    pairs[1, :, SILENCER] = 0.5, 0.5
    found = ensemble_cutoffs(labels, pairs, 10, max_fpr=0.25)
    assert found.thresholds[SILENCER] == np.nextafter(np.float32(0.5), np.float32(1))


def test_regions_of_the_class_itself_do_not_count() -> None:
    labels = np.array([*not_silencers(8), SILENCER, SILENCER])
    more = [*EIGHT, (1.0, 1.0), (0.9, 0.0)]
    alone = ensemble_cutoffs(not_silencers(8), pairs_of(SILENCER, EIGHT), 10, max_fpr=0.25)
    found = ensemble_cutoffs(labels, pairs_of(SILENCER, more), 10, max_fpr=0.25)
    assert found.thresholds[SILENCER] == alone.thresholds[SILENCER]


def test_a_class_that_was_not_trained_has_no_cutoff_and_is_never_called() -> None:
    pairs = pairs_of(ENHANCER, EIGHT)
    pairs[:, :, SILENCER] = np.nan
    found = ensemble_cutoffs(not_silencers(8), pairs, 10, max_fpr=0.25)
    assert np.isnan([found.thresholds[SILENCER], found.fpr[SILENCER]]).all()
    assert found.thresholds[ENHANCER] == pytest.approx(0.42, abs=1e-6)
    named, margin = call(pairs.mean(axis=1), found.thresholds)
    assert named.tolist() == [ENHANCER] * 3 + [BACKGROUND] * 5
    assert margin[0] == pytest.approx(0.6 - 0.42, abs=1e-6)


def test_regions_of_one_class_only_have_no_cutoff() -> None:
    with pytest.raises(LabelError, match="'silencer'"):
        ensemble_cutoffs(np.array([SILENCER]), pairs_of(SILENCER, [(0.5, 0.5)]), 10)


SCORES = st.floats(0, 1, width=32)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=2, max_size=60), st.integers(2, 30), st.randoms())
def test_a_cutoff_lies_between_what_other_classes_have_on_average_and_that_of_two_folds(
    scores: list[tuple[float, float]], n_folds: int, random: Random
) -> None:
    labels, pairs = not_silencers(len(scores)), pairs_of(SILENCER, scores)
    found = ensemble_cutoffs(labels, pairs, n_folds, max_fpr=0.1)
    of_two = cutoffs(labels, pairs.mean(axis=1), max_fpr=0.1)
    assert found.thresholds[SILENCER] <= of_two.thresholds[SILENCER]
    typical = pairs[:, :, SILENCER].mean()
    assert found.thresholds[SILENCER] >= min(typical, of_two.thresholds[SILENCER]) - 1e-6
    order = list(range(len(scores)))
    random.shuffle(order)
    swapped = pairs[order][:, ::-1]
    again = ensemble_cutoffs(labels, swapped, n_folds, max_fpr=0.1)
    np.testing.assert_allclose(again.thresholds, found.thresholds, atol=1e-6)  # nor does a sum's order count


@pytest.mark.parametrize("shared", [0.5, 0.8, 0.95])
def test_correlated_folds_keep_the_stated_rate_where_averaged_cutoffs_do_not(shared: float) -> None:
    """Ten folds whose scores share a part of their variance; nothing about it is told to the rule.

    20,000 labelled regions of other classes set the cutoff; 200,000 new ones measure it. A rate of 0.01 set
    on 20,000 has a standard error of 0.0007, and carrying it on to ten folds about doubles that: ± 0.003 is
    two of these. Averaged cutoffs have about P(z > 2.326 / sqrt(0.5 + 0.5 / 10)) = 0.0009 at a share of 0.5.
    """
    rng = np.random.default_rng(0)

    def scores(n: int, k: int) -> np.ndarray:
        common, own = rng.standard_normal((n, 1)), rng.standard_normal((n, k))
        z = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
        return 1 / (1 + np.exp(2 - z))  # logits of mean -2 and s.d. 1

    labelled, new = scores(20_000, 2), scores(200_000, 10).mean(axis=1)
    pairs = np.zeros((20_000, 2, 5))
    pairs[:, :, SILENCER] = labelled
    labels = not_silencers(20_000)
    found = ensemble_cutoffs(labels, pairs, 10)
    assert (new >= found.thresholds[SILENCER]).mean() == pytest.approx(0.01, abs=0.003)
    averaged = np.mean([cutoffs(labels, pairs[:, k]).thresholds[SILENCER] for k in (0, 1)])
    if shared == 0.5:
        assert (new >= averaged).mean() < 0.003
