"""Folds: classes even, neighbours together, nothing lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.errors import LabelError
from raycre.genome.folds import assign_folds, by_chromosome, near_groups, split


def table(*intervals: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(intervals, columns=["chrom", "start", "end"])


def counts(labels: np.ndarray, folds: np.ndarray, n: int) -> list[list[int]]:
    return [np.bincount(folds[labels == label], minlength=n).tolist() for label in np.unique(labels)]


def test_every_class_is_spread_evenly() -> None:
    labels = np.repeat([0, 1, 4], [30, 100, 200])
    assert counts(labels, assign_folds(labels, 10, 0), 10) == [[3] * 10, [10] * 10, [20] * 10]


def test_the_seed_decides_and_nothing_else() -> None:
    labels = np.repeat([0, 1], 50)
    assert np.array_equal(assign_folds(labels, 5, 7), assign_folds(labels, 5, 7))
    assert not np.array_equal(assign_folds(labels, 5, 7), assign_folds(labels, 5, 8))


def test_groups_stay_together_and_classes_stay_even() -> None:
    labels = np.repeat([0, 1, 2, 3, 4], 40)
    groups = np.arange(200)
    groups[1::10] = groups[0::10]  # every tenth region is grouped with the one before it
    folds = assign_folds(labels, 5, 0, groups=groups)
    assert np.array_equal(folds[1::10], folds[0::10])
    assert counts(labels, folds, 5) == [[8] * 5] * 5


def test_groups_of_one_are_no_groups() -> None:
    labels = np.repeat([0, 1], 30)
    folds = assign_folds(labels, 3, 0, groups=np.arange(60))
    assert counts(labels, folds, 3) == [[10] * 3, [10] * 3]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30)), min_size=40, max_size=80), st.integers(0, 9)
)
@settings(max_examples=40)
def test_no_group_is_ever_divided(rows: list[tuple[int, int]], seed: int) -> None:
    labels, groups = np.array(rows).T
    try:
        folds = assign_folds(labels, 3, seed, groups=groups)
    except LabelError:
        return  # a class in fewer than three groups cannot be in three folds
    assert all(len(np.unique(folds[groups == group])) == 1 for group in groups)
    assert all(min(row) > 0 for row in counts(labels, folds, 3))


def test_regions_of_a_chromosome_stay_together() -> None:
    labels = np.tile([0, 1], 60)
    chrom = pd.Series(np.repeat(["chr1", "chr2", "chr3", "chr4", "chr5", "chrX"], 20))
    folds = by_chromosome(labels, chrom, 3, 0)
    assert all(len(np.unique(folds[chrom == c])) == 1 for c in chrom.unique())
    assert counts(labels, folds, 3) == [[20] * 3, [20] * 3]


def test_regions_nearer_than_the_gap_are_one_group() -> None:
    regions = table(("chr1", 0, 1000), ("chr1", 1039, 2039), ("chr1", 2079, 3079), ("chr2", 0, 1000))
    groups = near_groups(regions, gap=40)
    assert groups[0] == groups[1]  # 39 bp apart
    assert groups[1] != groups[2]  # 40 bp apart
    assert len({*groups.tolist()}) == 3


def test_chains_of_neighbours_are_one_group_in_any_order() -> None:
    groups = near_groups(table(("chr1", 200, 300), ("chr1", 0, 100), ("chr1", 110, 190)), gap=40)
    assert len(set(groups.tolist())) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 20_000)), min_size=2, max_size=25)
)
@settings(max_examples=40)
def test_shifted_windows_of_two_groups_never_overlap(starts: list[tuple[str, int]]) -> None:
    regions = table(*((c, s, s + 1000) for c, s in starts))
    groups = near_groups(regions)
    for i, (a, s) in enumerate(starts):
        for j, (b, t) in enumerate(starts[:i]):
            if groups[i] != groups[j] and a == b:
                # Shifts reach 20 bp to either side: the nearest two windows are 40 bp nearer.
                assert abs(s - t) - 1000 - 40 >= 0


def test_each_round_tests_its_fold_and_validates_on_the_next() -> None:
    folds = np.array([0, 1, 2, 3, 0, 3])
    train, validation, test = split(folds, 3, 4)
    assert test.tolist() == [False, False, False, True, False, True]
    assert validation.tolist() == [True, False, False, False, True, False]
    assert train.tolist() == [False, True, True, False, False, False]


def test_over_all_rounds_every_region_is_tested_once() -> None:
    folds = assign_folds(np.repeat([0, 1], 50), 10, 0)
    tested = np.sum([split(folds, k, 10).test for k in range(10)], axis=0)
    assert tested.tolist() == [1] * 100


def test_a_class_smaller_than_the_folds_is_an_error() -> None:
    with pytest.raises(LabelError, match="class insulator has 9 regions, fewer than 10 folds"):
        assign_folds(np.repeat([0, 3], [50, 9]), 10, 0)


def test_a_class_in_too_few_groups_is_an_error() -> None:
    labels = np.repeat([0, 1], [30, 30])
    groups = np.concatenate([np.arange(30), np.full(30, 99)])  # class 1 is one group
    with pytest.raises(LabelError, match="class enhancer lies in too few groups"):
        assign_folds(labels, 3, 0, groups=groups)


def test_fewer_than_three_folds_are_an_error() -> None:
    with pytest.raises(LabelError, match="at least 3 folds"):
        assign_folds(np.repeat([0, 1], 10), 2, 0)


def test_fewer_chromosomes_than_folds_are_an_error() -> None:
    with pytest.raises(LabelError, match="2 chromosomes cannot make 3 folds"):
        by_chromosome(np.repeat([0, 1], 10), pd.Series(["chr1", "chr2"] * 10), 3, 0)
