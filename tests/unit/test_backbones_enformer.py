"""Enformer's parts against arithmetic that can be checked by hand, at toy sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.backbones.enformer import relative
from raycre.backbones.enformer.layers import AttentionPool
from raycre.backbones.enformer.model import Enformer, tower_widths
from raycre.backbones.enformer.relative import attend, distance_features
from raycre.backbones.tracks import plain_table
from raycre.backbones.weights import load_into, random_state
from raycre.errors import ConfigError, InputError, TrackError

TOY = {
    "seq_len": 4096,
    "n_bins": 16,
    "channels": 24,
    "n_blocks": 1,
    "n_heads": 2,
    "key_size": 4,
    "channel_step": 4,
    "n_human": 5,
    "n_mouse": 3,
}


def toy(**other: object) -> Enformer:
    model = Enformer(**{**TOY, **other})  # type: ignore[arg-type]
    load_into(model, random_state(model, 0), Path("random:0"))
    return model.eval()


MODEL = toy()
CODES = torch.randint(0, 5, (2, 4096), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
FULL = MODEL.read(CODES, range(16), range(5))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Toy layers are faster without a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@given(
    bins=st.lists(st.integers(0, 15), min_size=1, max_size=4),
    tracks=st.lists(st.integers(0, 4), min_size=1, max_size=6),
)
@settings(max_examples=15)
def test_read_is_a_slice_of_the_full_output_in_the_order_asked_for(
    bins: list[int], tracks: list[int]
) -> None:
    wanted = MODEL.read(CODES, bins, tracks)
    assert wanted.shape == (2, len(bins), len(tracks))
    torch.testing.assert_close(wanted, FULL[:, bins][:, :, tracks], rtol=0, atol=1e-6)


def test_head_chooses_tracks_and_outputs() -> None:
    mouse = toy(head="mouse")
    assert len(mouse.tracks) == 3
    assert not torch.allclose(mouse.read(CODES, [3], range(3)), FULL[:, [3], :3])


def test_output_covers_the_middle_and_the_tss_lies_between_the_two_tss_bins() -> None:
    assert MODEL.crop == 8  # 32 rows of 128 bp, 16 bins: 8 rows are cut off on either side
    assert MODEL.tss_bins == (7, 8)
    with torch.device("meta"):
        published = Enformer()
    assert (published.crop, published.tss_bins) == (320, (447, 448))


@pytest.mark.parametrize(("n_value", "column"), [(0.25, [0.25] * 4), (0.0, [0.0] * 4)])
def test_n_puts_its_value_in_every_channel(n_value: float, column: list[float]) -> None:
    model = toy(n_value=n_value)
    seen: list[torch.Tensor] = []
    model.stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    codes = torch.zeros((1, 4096), dtype=torch.uint8)
    codes[0, :5] = torch.tensor([0, 1, 2, 3, 4])
    model.read(codes, [0], [0])
    assert seen[0].shape == (1, 4, 4096)
    assert seen[0][0, :, :5].T.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], column]


def test_n_is_a_quarter_unless_said_otherwise() -> None:
    assert MODEL.letters[4].tolist() == [0.25, 0.25, 0.25, 0.25]


@given(position=st.integers(0, 4095))
@settings(max_examples=40)
def test_a_base_changes_the_trunk_only_within_259_bp(position: int) -> None:
    assert MODEL.reaches == (259,) * 4
    assert MODEL.strides == (128,) * 4
    edited = CODES[:1].clone()
    edited[0, position] = (edited[0, position] + 1) % 4
    with torch.no_grad():
        changed = (MODEL.trunk(CODES[:1])[0] != MODEL.trunk(edited)[0])[0].any(1)
    first = max(0, (position - 259) // 128)
    last = min(31, (position + 259) // 128)
    assert not changed[:first].any()
    assert not changed[last + 1 :].any()
    assert changed[first + 1 : last].all()


def test_a_base_at_the_edge_reaches_the_middle_through_attention() -> None:
    edited = CODES.clone()
    edited[:, 0] = (edited[:, 0] + 1) % 4
    assert (MODEL.read(edited, MODEL.tss_bins, range(5)) != FULL[:, 7:9]).any()


def test_read_leaves_no_gradient_behind() -> None:
    assert not MODEL.read(CODES, [0], [0]).requires_grad


def test_meta_device_keeps_the_features_that_no_checkpoint_holds() -> None:
    with torch.device("meta"):
        model = Enformer(**TOY)  # type: ignore[arg-type]
    load_into(model, random_state(model, 0), Path("random:0"))
    torch.testing.assert_close(model.eval().read(CODES, range(16), range(5)), FULL, rtol=0, atol=1e-6)


def test_published_tower_widths() -> None:
    assert tower_widths(1536, 128) == [768, 768, 896, 1024, 1152, 1280, 1536]


def test_exponential_and_central_features_by_hand() -> None:
    features = distance_features(8, 6, "function")  # one of each: half-life 2^3 rows, window |d| < 1
    assert features.shape == (15, 6)
    assert features[7].tolist() == pytest.approx([1, 1, 0, 0, 0, 0], abs=1e-6)  # distance 0
    for row, sign in ((3, -1), (11, 1)):  # distance -4 and 4: half of a half-life is sqrt(1/2)
        assert features[row, [0, 1, 3, 4]].tolist() == pytest.approx(
            [math.sqrt(0.5), 0, sign * math.sqrt(0.5), 0]
        )


def test_gamma_feature_by_hand() -> None:
    # One function: mean 8, s.d. 8/2 = 4, so shape 4 and rate 1/2; x^3 exp(-x/2) has its maximum at 6.
    features = distance_features(8, 6, "function")
    assert features[7 + 6, 2] == 1
    assert float(features[7 + 3, 2]) == pytest.approx(0.5**3 * math.exp(1.5), rel=1e-5)
    assert float(features[7 - 3, 5]) == pytest.approx(-(0.5**3) * math.exp(1.5), rel=1e-5)


def test_gamma_peak_says_what_is_scaled_to_one() -> None:
    gamma = slice(4, 6)  # 12 features: 2 exponential, 2 central, 2 gamma, then the signed ones
    per_function = distance_features(64, 12, "function")[:, gamma]
    per_distance = distance_features(64, 12, "distance")[:, gamma]
    assert per_function.amax(0).tolist() == [1, 1]
    assert (per_distance.amax(1) == 1).all()
    assert per_function.amax(1).min() < 0.1


@pytest.mark.parametrize(
    ("function", "distance", "published"),
    # Where plain float32 rounds another way than TensorFlow did: off by 6e-5, 5e-4 and three times 2e-3.
    [
        (6, 335, 0.999633849),
        (16, 816, 0.999511838),
        (24, 1199, 0.998048842),
        (28, 1385, 0.963570714),
        (31, 1534, 1.0),
        (0, 47, 0.88978076),
        (0, 0, 5.35614e-7),
    ],
)
def test_gamma_features_are_those_that_the_published_weights_were_trained_with(
    function: int, distance: int, published: float
) -> None:
    # Values of the table that enformer-pytorch took from TensorFlow (precomputed/tf_gammas.pt).
    features = distance_features(1536, 192, "function")
    for ours in (features[1535 + distance, 64 + function], features[1535 - distance, 64 + function]):
        assert float(ours) == pytest.approx(published, abs=5e-7)


def test_gamma_features_differ_from_exact_ones_by_rounding_alone() -> None:
    # Logarithms near 3e4 in float32 are 2e-3 apart; rounded a few times, densities are off by as much.
    mean = torch.linspace(48, 1536, 32, dtype=torch.float64)
    shape, rate = (mean / 24) ** 2, mean / 24**2
    x = torch.arange(1536, dtype=torch.float64)[:, None]
    log_density = torch.xlogy(shape - 1, x) - rate * x - (torch.lgamma(shape) - shape * rate.log())
    density = log_density.exp() + 1e-8
    ours = distance_features(1536, 192, "function")[1535:, 64:96]
    assert float((ours - density / density.amax(0)).abs().max()) < 3e-3


@pytest.mark.parametrize("at_once", [1, 128, 299, 300, 1000])
def test_attention_equals_its_definition_however_many_queries_go_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    length, key_size, value_size = 300, 3, 5
    monkeypatch.setattr(relative, "LOGITS", at_once * length)
    rng = torch.Generator().manual_seed(0)
    content, position, keys = (torch.randn(2, 2, length, key_size, generator=rng) for _ in range(3))
    distance_keys = torch.randn(2, 2 * length - 1, key_size, generator=rng)
    values = torch.randn(2, 2, length, value_size, generator=rng)
    rows = torch.arange(length)
    apart = rows[None, :] - rows[:, None] + length - 1  # row i, key j: j - i, counted from -(length - 1)
    logits = torch.einsum("nhik,nhjk->nhij", content, keys)
    logits += torch.einsum("nhik,hijk->nhij", position, distance_keys[:, apart])
    expected = torch.einsum("nhij,nhjv->nhiv", logits.softmax(-1), values)
    torch.testing.assert_close(
        attend(content, position, keys, distance_keys, values), expected, rtol=1e-4, atol=1e-5
    )


def test_pooling_weighs_pairs_by_a_softmax_over_their_logits() -> None:
    pool = AttentionPool(2)
    with torch.no_grad():
        pool.to_attn_logits.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]])[:, :, None, None])
        pooled = pool(torch.tensor([[[math.log(3), 0.0], [4.0, 8.0]]]))
    # Channel 0: logits log 3 and 0, weights 3/4 and 1/4. Channel 1: no logits, the mean.
    assert pooled.shape == (1, 2, 1)
    assert pooled.flatten().tolist() == pytest.approx([0.75 * math.log(3), 6.0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seq_len": 4100}, "multiple of 128 bp"),
        ({"n_bins": 15}, "same number of bins at both ends"),
        ({"n_bins": 34}, "same number of bins at both ends"),
        ({"channels": 20}, "multiple of 6"),
        ({"head": "rat"}, "'rat'"),
    ],
)
def test_impossible_sizes_are_named(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        toy(**wrong)


def test_a_table_of_another_head_is_refused() -> None:
    with pytest.raises(TrackError, match="human head has 5 tracks, the table 3"):
        toy(tracks=plain_table(3))


def test_read_refuses_what_it_cannot_answer() -> None:
    with pytest.raises(InputError, match="4,096 bp"):
        MODEL.read(CODES[:, :128], [0], [0])
    with pytest.raises(InputError, match="bins 0-15"):
        MODEL.read(CODES, [16], [0])
    with pytest.raises(TrackError, match="tracks 0-4"):
        MODEL.read(CODES, [0], [5])
