"""Borzoi and Flashzoi at toy sizes against a plain evaluation, and what a wanted bin depends on."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.backbones.borzoi import model as borzoi
from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.borzoi.parts import rotary_table, window_features
from raycre.backbones.enformer import relative
from raycre.backbones.enformer.relative import attend
from raycre.backbones.incremental import Incremental
from raycre.backbones.precision import lower
from tests.toy_borzoi import CODES, both, full, model, plain, toy


@both
def test_every_bin_and_track_equals_the_plain_evaluation(rotary: bool) -> None:
    predicted = model(rotary).read(CODES, range(128), range(5))
    assert full(rotary).std() > 0.01  # so that the tolerance means something
    torch.testing.assert_close(predicted, full(rotary), rtol=0, atol=2e-6)


@both
@given(
    bins=st.lists(st.integers(0, 127), min_size=1, max_size=4) | st.sampled_from([[0], [127], [127, 0], [1]]),
    tracks=st.lists(st.integers(0, 4), min_size=1, max_size=6),
)
@settings(max_examples=40)
def test_few_bins_equal_the_plain_evaluation_in_the_order_asked_for(
    rotary: bool, bins: list[int], tracks: list[int]
) -> None:
    wanted = model(rotary).read(CODES, bins, tracks)
    assert wanted.shape == (2, len(bins), len(tracks))
    torch.testing.assert_close(wanted, full(rotary)[:, bins][:, :, tracks], rtol=0, atol=2e-6)


def test_each_single_bin_equals_the_plain_evaluation() -> None:
    for b in range(128):
        torch.testing.assert_close(
            model(False).read(CODES, [b], range(5)), full(False)[:, [b]], rtol=0, atol=2e-6
        )


def test_no_bins_are_no_prediction() -> None:
    assert model(False).read(CODES, [], [0, 1]).shape == (2, 0, 2)


@pytest.mark.parametrize("layer", ["separable0", "separable1"])
def test_a_row_less_on_either_side_would_be_seen(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = getattr(model(False), layer)
    honest = borzoi.seen_by

    def seen_by(asked: torch.nn.Module, rows: range, length: int) -> range:
        return rows if asked is narrow else honest(asked, rows, length)

    monkeypatch.setattr(borzoi, "seen_by", seen_by)
    wrong = model(False).read(CODES, [67, 68], range(5)) - full(False)[:, [67, 68]]
    assert wrong.abs().max() > 1e-3 * full(False).std()


def test_only_rows_that_the_tss_bins_depend_on_are_computed() -> None:
    small = toy()
    seen: dict[str, int] = {}
    counted = ("separable0", "separable1", "horizontal_conv0", "horizontal_conv1", "final_joined_convs")
    for name in counted:
        small.get_submodule(name).register_forward_pre_hook(
            lambda _, inputs, name=name: seen.update({name: inputs[0].shape[2]})
        )
    for i in range(len(small.transformer)):
        small.get_submodule(f"transformer.{i}.1").register_forward_pre_hook(
            lambda _, inputs, i=i: seen.update({str(i): inputs[0].shape[1]})
        )
    small.read(CODES, small.tss_bins, [0])
    # 8 bins, 60 … 67 of 128: 10 rows at 32 bp with one on either side; 6 and then 8 at 64 bp; 4 at 128 bp.
    assert seen == {
        "final_joined_convs": 8,
        "separable0": 10,
        "horizontal_conv0": 10,
        "separable1": 8,
        "horizontal_conv1": 8,
        "1": 4,
        "0": 32,
    }


def test_output_covers_the_middle_and_the_tss_lies_between_the_eight_tss_bins() -> None:
    cropped = toy(n_bins=64)
    assert cropped.crop == 32
    torch.testing.assert_close(
        cropped.read(CODES, range(64), range(5)), full(False)[:, 32:96], rtol=0, atol=2e-6
    )
    with torch.device("meta"):
        published = Borzoi()
    assert (published.crop, published.tss_bins) == (5120, (3068, 3069, 3070, 3071, 3072, 3073, 3074, 3075))


@both
def test_a_base_changes_the_trunk_only_within_its_reaches(rotary: bool) -> None:
    # Width 15 at 1 bp and 5 at 2 … 32 bp: 7 + 2 (2 + 4 + 8 + 16 + 32); then 5 at 64 bp.
    small = model(rotary)
    assert (small.strides, small.reaches) == ((32, 64, *[128] * 4), (131, *[259] * 5))
    with torch.no_grad():
        before = small.trunk(CODES[:1])
    farthest = [0] * 6
    for position in (0, 131, 1000, 2047, 2048, 2178, 2179, 2307, 4095):
        edited = CODES[:1].clone()
        edited[0, position] = (edited[0, position] + 1) % 4
        with torch.no_grad():
            after = small.trunk(edited)
        for i, (a, b) in enumerate(zip(before, after, strict=True)):
            stride, reach = small.strides[i], small.reaches[i]
            changed = (a != b)[0].any(1).nonzero().flatten()
            assert int(changed.min()) >= (position - reach) // stride
            assert int(changed.max()) <= (position + reach) // stride
            ends = torch.stack([changed * stride - position, position - (changed + 1) * stride + 1])
            farthest[i] = max(farthest[i], int(ends.max()))
    assert farthest == [131] + [259] * 5  # and reach as far as that


@given(start=st.integers(0, 31), length=st.integers(1, 32))
@settings(max_examples=20)
def test_rows_of_a_crop_equal_the_wholes_save_near_its_cuts(start: int, length: int) -> None:
    small = model(False)
    end = min(32, start + length)
    with torch.no_grad():
        whole, crop = small.trunk(CODES), small.trunk(CODES[:, 128 * start : 128 * end])
    for stride, reach, a, b in zip(small.strides, small.reaches, whole, crop, strict=True):
        n, lost = 128 // stride, -(-reach // stride)
        low = 0 if start == 0 else lost
        high = (end - start) * n - (0 if end == 32 else lost)
        if low < high:
            torch.testing.assert_close(
                b[:, low:high], a[:, start * n + low : start * n + high], rtol=0, atol=1e-6
            )


@both
def test_a_base_at_the_edge_reaches_the_middle_through_attention(rotary: bool) -> None:
    edited = CODES.clone()
    edited[:, 0] = (edited[:, 0] + 1) % 4
    small = model(rotary)
    assert (small.read(edited, small.tss_bins, range(5)) != full(rotary)[:, 60:68]).any()


def test_keys_of_distances_kept_once_change_nothing() -> None:
    kept = toy()
    kept.precompute()
    names = set(kept.state_dict())
    torch.testing.assert_close(kept.read(CODES, range(128), range(5)), full(False), rtol=0, atol=2e-6)
    kept.positions.zero_()  # not looked at any more
    torch.testing.assert_close(kept.read(CODES, range(128), range(5)), full(False), rtol=0, atol=2e-6)
    assert names == set(model(False).state_dict())


def test_one_query_left_over_from_the_blocks_of_queries_attends_like_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    length = 129
    monkeypatch.setattr(relative, "LOGITS", 128 * length)
    rng = torch.Generator().manual_seed(0)
    content, distance, keys = (torch.randn(1, 2, length, 3, generator=rng) for _ in range(3))
    distance_keys = torch.randn(2, 2 * length - 1, 3, generator=rng)
    values = torch.randn(1, 2, length, 5, generator=rng)
    last = distance_keys[:, :length]  # the last row's distances to all rows are -(length - 1) … 0
    logits = content[:, :, -1:] @ keys.transpose(-1, -2) + distance[:, :, -1:] @ last.transpose(-1, -2)
    expected = logits.softmax(-1) @ values
    read = attend(content, distance, keys, distance_keys, values)
    torch.testing.assert_close(read[:, :, -1:], expected, rtol=1e-4, atol=1e-5)


def test_window_features_by_hand() -> None:
    # Two windows: 4,097^(1/2) - 1 = 63.008 and 4,096 rows.
    features = window_features(100, 4)
    assert features.shape == (199, 4)
    assert features[99 + 63].tolist() == [1, 1, 1, 1]
    assert features[99 + 64].tolist() == [0, 1, 0, 1]
    assert features[99 - 63].tolist() == [1, 1, -1, -1]
    assert features[99].tolist() == [1, 1, 0, 0]


def test_rotary_table_by_hand() -> None:
    table = rotary_table(3, 4)
    assert table.shape == (2, 3, 2)
    assert table[0, 2].tolist() == pytest.approx([math.cos(2), math.cos(2 / math.sqrt(20_000))])
    assert table[1, 2].tolist() == pytest.approx([math.sin(2), math.sin(2 / math.sqrt(20_000))])


def test_read_leaves_no_gradient_behind() -> None:
    assert not model(False).read(CODES, [0], [0]).requires_grad


@both
@given(
    edits=st.lists(st.tuples(st.integers(0, 4095), st.integers(1, 300)), max_size=3),
    bins=st.lists(st.integers(0, 127), min_size=1, max_size=3),
)
@settings(max_examples=40)
def test_reusing_the_wild_types_trunk_changes_nothing(
    rotary: bool, edits: list[tuple[int, int]], bins: list[int]
) -> None:
    edited = CODES[0].clone()
    for start, length in edits:
        edited[start : start + length] = (edited[start : start + length] + 1) % 4
    reused = Incremental(model(rotary)).read("wild type", CODES[0], edited[None], bins, range(5))
    expected = plain(model(rotary), edited[None])[:, bins]
    torch.testing.assert_close(reused, expected, rtol=0, atol=2e-6)


@both
def test_bfloat16_weights_move_predictions_by_their_rounding_alone(rotary: bool) -> None:
    lowered = toy(rotary=rotary)
    lowered.precompute()
    lower(lowered, torch.bfloat16)
    predicted = lowered.read(CODES, range(128), range(5))
    off = (predicted - full(rotary)).abs().max()
    assert predicted.dtype == torch.float32
    assert 0 < off < 0.05 * full(rotary).abs().max()
