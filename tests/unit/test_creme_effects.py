"""Formulas, classes and calls of CREME on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycre.creme.formulas import (
    THRESHOLDS,
    context_classes,
    cre_calls,
    fold_change,
    fold_over_max,
    insertion_effect,
    recovered,
    shuffle_effect,
)

ENFORMER, BORZOI = THRESHOLDS["enformer"], THRESHOLDS["borzoi"]


def row(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def test_shuffle_effect_is_the_share_of_wild_type_lost() -> None:
    # Methods: WT 10, mutant 5 gives 0.5.
    np.testing.assert_array_equal(shuffle_effect(row(10, 10, 10), row(5, 10, 13)), [0.5, 0.0, -0.3])


def test_insertion_effect_is_over_wt_in_enhancing_contexts_and_over_control_elsewhere() -> None:
    # Methods: WT 10, control 2, mutant 12 gives 1 (enhancing); control 20, mutant 10 gives -0.5 (silencing).
    effect, metric = insertion_effect(
        row(12, 10, 3), row(2, 20, 2), row(10, 10, 10), ["enhancing", "silencing", None]
    )
    np.testing.assert_array_equal(effect, [1.0, -0.5, 0.5])
    assert metric == ["(mutant-control)/wt", "(mutant-control)/control", "(mutant-control)/control"]


def test_fold_over_max_is_one_at_the_most_active_position() -> None:
    # The example of Methods, "TSS-CRE distance test", and a track whose largest activity is 0.
    mutant = np.stack([row(2, 5, 10, 5, 2), row(-1, 0, 0, -2, -1)], axis=1)
    fold = fold_over_max(mutant)
    np.testing.assert_array_equal(fold[:, 0], row(0.2, 0.5, 1, 0.5, 0.2))
    assert np.isnan(fold[:, 1]).all()


def test_fold_change_is_one_where_nothing_changes() -> None:
    # 10 without and 20 with the first copy: the example of Methods, "Multiplicity test".
    np.testing.assert_array_equal(
        fold_change(row(20, 10, 5, 5), row(10, 10, 0, -1)), row(2, 1, np.nan, np.nan)
    )


def test_effect_over_no_activity_is_null() -> None:
    np.testing.assert_array_equal(shuffle_effect(row(0, -1, 2), row(1, 1, 1)), [np.nan, np.nan, 0.5])
    assert np.isnan(shuffle_effect(row(5e-324), row(1)))  # 1 / 5e-324 is past float64
    effect, _ = insertion_effect(row(1, 1), row(0, 0), row(0, 2), ["other", "enhancing"])
    np.testing.assert_array_equal(effect, [np.nan, 0.5])


def test_recovered_is_the_part_of_an_elements_effect_that_a_part_of_it_has() -> None:
    # Of an enhancer that lifts 2 to 10, a part lifts it to 8; of a silencer that takes 10 to 2, to 4: 6 of 8.
    assert recovered(8, 2, 10) == recovered(4, 10, 2) == 0.75
    assert recovered(0, 2, 10) == -0.25  # the part does the opposite
    assert np.isnan(recovered(8, 2, 2))  # the whole does nothing


@given(wt=st.floats(-1e3, 1e3), mutant=st.floats(-1e3, 1e3))
def test_effect_is_a_number_or_null_and_never_infinite(wt: float, mutant: float) -> None:
    effect = shuffle_effect(row(wt), row(mutant))[0]
    assert not np.isinf(effect)
    assert np.isnan(effect) == (wt <= 0) or wt < 1e-300


def test_contexts_of_enformer() -> None:
    effect = row(0.951, 0.95, 0.051, 0.05, 0.049, -0.049, -0.05, -0.051, -0.3, -0.301, np.nan)
    assert context_classes(effect, ENFORMER, "fixed") == [
        "enhancing",
        "other",  # 0.95
        "other",
        "other",  # 0.05
        "neutral",
        "neutral",
        "other",  # -0.05
        "other",
        "other",  # -0.3
        "silencing",
        None,
    ]


def test_reference_closes_neutral_and_silencing_on_the_right() -> None:
    effect = row(0.95, 0.05, -0.05, -0.3)
    assert context_classes(effect, ENFORMER, "reference") == ["other", "neutral", "other", "silencing"]


def test_contexts_of_borzoi() -> None:
    effect = row(0.91, 0.9, 0.04, -0.2, -0.21)
    assert context_classes(effect, BORZOI, "fixed") == ["enhancing", "other", "neutral", "other", "silencing"]


@pytest.mark.parametrize(
    ("effect", "context", "enformer", "borzoi"),
    [
        (0.31, "enhancing", "enhancer", "enhancer"),
        (0.3, "enhancing", "neither", "neither"),
        (-0.5, "enhancing", "neither", "neither"),
        (-0.31, "silencing", "silencer", "silencer"),
        (-0.3, "silencing", "neither", "silencer"),
        (-0.15, "silencing", "neither", "neither"),
        (0.5, "silencing", "neither", "neither"),
        (-0.31, "neutral", "neither", "silencer"),
        (0.5, "other", "neither", "neither"),
        (0.5, None, None, None),
        (np.nan, "enhancing", None, None),
    ],
)
def test_calls_need_effect_and_context(
    effect: float, context: str | None, enformer: str | None, borzoi: str | None
) -> None:
    assert cre_calls(row(effect), [context], ENFORMER) == [enformer]
    assert cre_calls(row(effect), [context], BORZOI) == [borzoi]
