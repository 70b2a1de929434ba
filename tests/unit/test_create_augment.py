"""Views of a region: which shifts there are, what they cut, and what the model is given."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raycre.create import inputs
from raycre.create import views as region_views
from raycre.create.views import Views
from raycre.errors import ConfigError


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1, [0]), (2, [-5, 5]), (3, [0, -10, 10]), (4, [-5, 5, -15, 15]), (5, [0, -10, 10, -20, 20])],
)
def test_shifts_of_each_ratio(ratio: int, expected: list[int]) -> None:
    shifts = region_views.offsets(ratio)
    assert shifts.tolist() == expected
    assert shifts.dtype == np.int64


@given(st.integers(1, 12), st.integers(1, 30).map(lambda n: 2 * n))
def test_shifts_are_symmetric_a_stride_apart_and_within_the_flank(ratio: int, stride: int) -> None:
    shifts = np.sort(region_views.offsets(ratio, stride))
    assert len(shifts) == ratio
    assert (np.diff(shifts) == stride).all()
    assert (shifts == -shifts[::-1]).all()
    assert np.abs(shifts).max() == region_views.flank(ratio, stride)


@pytest.mark.parametrize(("ratio", "expected"), [(1, 0), (2, 5), (4, 15), (5, 20), (6, 25)])
def test_flank_of_each_ratio(ratio: int, expected: int) -> None:
    assert region_views.flank(ratio) == expected


@pytest.mark.parametrize(
    ("ratio", "stride", "said"), [(0, 10, "at least 1"), (3, 0, "at least 1"), (2, 5, "even stride")]
)
def test_impossible_shifts_are_refused(ratio: int, stride: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        region_views.offsets(ratio, stride)


def one(offset: int, is_rc: bool) -> Views:
    return Views(np.array([offset]), np.array([is_rc]))


@pytest.mark.parametrize(
    ("offset", "is_rc", "expected"),
    [
        (0, False, [2, 3, 4]),
        (-2, False, [0, 1, 2]),
        (2, False, [4, 5, 6]),
        (0, True, [4, 3, 2]),
        (2, True, [6, 5, 4]),
    ],
)
def test_view_is_a_slice_of_the_wide_window(offset: int, is_rc: bool, expected: list[int]) -> None:
    wide = torch.arange(7).unsqueeze(0)
    assert inputs.cut_views(wide, 3, *one(offset, is_rc)).tolist() == [expected]


def test_each_row_has_its_own_view() -> None:
    wide = torch.arange(10).view(2, 5)
    found = inputs.cut_views(wide, 3, np.array([-1, 1]), np.array([True, False]))
    assert found.tolist() == [[2, 1, 0], [7, 8, 9]]


@pytest.mark.parametrize("offset", [-3, 3])
def test_shift_past_the_wide_window_is_refused(offset: int) -> None:
    with pytest.raises(ConfigError, match="past the window of 7 bp"):
        inputs.cut_views(torch.zeros(1, 7), 3, *one(offset, False))


def test_complement_swaps_bases_and_keeps_n() -> None:
    codes = torch.tensor([[0, 1, 2, 3, 4]] * 2, dtype=torch.uint8)
    found = inputs.complement(codes, np.array([True, False]))
    assert found.tolist() == [[3, 2, 1, 0, 4], [0, 1, 2, 3, 4]]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30))
def test_reverse_complement_twice_is_the_sequence(codes: list[int]) -> None:
    there = torch.tensor([codes], dtype=torch.uint8)
    other = one(0, True)
    for _ in range(2):
        there = inputs.complement(inputs.cut_views(there, len(codes), *other), other.is_rc)
    assert there.tolist() == [codes]


def test_ratios_give_10_10_6_6_2_views_by_class() -> None:
    labels = np.array([4, 3, 2, 1, 0])
    samples = region_views.training_samples(labels, np.arange(5))
    assert np.bincount(labels[samples.rows]).tolist() == [10, 10, 6, 6, 2]
    assert samples.views.is_rc.sum() == 17


def test_only_the_rows_asked_for_are_sampled() -> None:
    samples = region_views.training_samples(np.array([0, 4, 4]), np.array([2]))
    assert samples.rows.tolist() == [2, 2]


def test_model_input_by_hand() -> None:
    codes = torch.tensor([[0, 4, 3]], dtype=torch.uint8)
    openness = torch.tensor([[0.0, 9.0, 99.0]])
    loops = torch.tensor([[0, 9, 99]], dtype=torch.int32)
    x = inputs.region_input(codes, openness, loops, ("sequence", "openness", "loops"))
    assert x.dtype == torch.float32
    assert x[0, :4].tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]  # N is a zero column
    assert x[0, 4].tolist() == [0.0, 1.0, 2.0]
    # log10(1 + 1e-8) = 1e-8 / ln 10, which float32 arithmetic would round to zero.
    assert x[0, 5].tolist() == pytest.approx([1e-8 / math.log(10), 1.0, 2.0], rel=1e-6)


def test_tracks_of_the_other_strand_are_flipped_only() -> None:
    codes = torch.tensor([[0, 0, 1]], dtype=torch.uint8)
    track = torch.tensor([[0.0, 9.0, 99.0]])
    x = inputs.view_input(codes, track, None, one(0, True), ("sequence", "openness"), width=3)
    assert x[0].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 1], [2, 1, 0]]


def test_missing_track_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'loops'.*no loops track"):
        inputs.region_input(torch.zeros(1, 3, dtype=torch.uint8), None, None, ("sequence", "loops"))
