"""Borzoi and Flashzoi at toy sizes against a plain evaluation, and what a wanted bin depends on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.backbones.borzoi import model as borzoi
from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.borzoi.parts import rotary_table, window_features
from raycre.backbones.enformer import relative
from raycre.backbones.enformer.relative import attend
from raycre.backbones.incremental import Incremental
from raycre.backbones.precision import lower
from raycre.backbones.tracks import plain_table
from raycre.backbones.weights import load_into, random_state
from raycre.errors import CheckpointError, ConfigError, InputError, TrackError

TOY = {
    "seq_len": 4096,
    "n_bins": 128,  # all of them: nothing is cropped, and the first and last bin meet the sequence's ends
    "widths": (4, 4, 6, 6, 8, 8),
    "channels": 12,
    "n_joined": 10,
    "n_blocks": 2,
    "n_heads": 2,
    "key_size": 4,
    "n_features": 6,
    "rotary_size": 4,
    "n_human": 5,
    "n_mouse": 3,
}
CODES = torch.randint(0, 5, (2, 4096), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def toy(**other: object) -> Borzoi:
    model = Borzoi(**{**TOY, **other})  # type: ignore[arg-type]
    load_into(model, random_state(model, 0), Path("random:0"))
    return model.eval()


@cache
def model(rotary: bool) -> Borzoi:
    return toy(rotary=rotary)


@cache
def full(rotary: bool) -> torch.Tensor:
    return plain(model(rotary), CODES)


both = pytest.mark.parametrize("rotary", [False, True], ids=["borzoi", "flashzoi"])


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Toy layers are faster without a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plain(model: Borzoi, codes: torch.Tensor) -> torch.Tensor:
    """All bins and tracks of the human head, step by step from the state dict, sparing nothing."""
    w = model.state_dict()

    def block(x: torch.Tensor, at: str) -> torch.Tensor:
        mean, var = w[f"{at}.norm.running_mean"], w[f"{at}.norm.running_var"]
        x = F.batch_norm(x, mean, var, w[f"{at}.norm.weight"], w[f"{at}.norm.bias"], eps=1e-3)
        kernel = w[f"{at}.conv_layer.weight"]
        gelu = 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return F.conv1d(gelu, kernel, w[f"{at}.conv_layer.bias"], padding=kernel.shape[-1] // 2)

    def separable(x: torch.Tensor, at: str) -> torch.Tensor:
        by_channel = F.conv1d(x, w[f"{at}.conv_layer.0.weight"], padding=1, groups=x.shape[1])
        return F.conv1d(by_channel, w[f"{at}.conv_layer.1.weight"], w[f"{at}.conv_layer.1.bias"])

    def normed(x: torch.Tensor, at: str) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], w[f"{at}.weight"], w[f"{at}.bias"], eps=1e-3)

    letters = torch.cat([torch.eye(4), torch.full((1, 4), 0.25)])
    x = letters[codes.long()].transpose(1, 2)
    x = F.max_pool1d(
        F.conv1d(x, w["conv_dna.conv_layer.weight"], w["conv_dna.conv_layer.bias"], padding=7), 2
    )
    for i in (0, 2, 4, 6):
        x = F.max_pool1d(block(x, f"res_tower.{i}"), 2)
    at_32 = block(x, "res_tower.8")
    at_64 = block(F.max_pool1d(at_32, 2), "unet1.1")
    x = F.max_pool1d(at_64, 2).transpose(1, 2)
    attend = attend_rotated if "transformer.0.0.fn.1.mha.Wqkv.weight" in w else attend_by_distance
    for i in range(2):
        attention = {k.split("fn.1.")[1]: v for k, v in w.items() if k.startswith(f"transformer.{i}.0.fn.1.")}
        x = x + attend(normed(x, f"transformer.{i}.0.fn.0"), attention)
        at = f"transformer.{i}.1.fn"
        hidden = F.linear(normed(x, f"{at}.0"), w[f"{at}.1.weight"], w[f"{at}.1.bias"]).relu()
        x = x + F.linear(hidden, w[f"{at}.4.weight"], w[f"{at}.4.bias"])
    x = x.transpose(1, 2)
    x = block(x, "upsampling_unet1.0").repeat_interleave(2, -1) + block(at_64, "horizontal_conv1")
    x = separable(x, "separable1")
    x = block(x, "upsampling_unet0.0").repeat_interleave(2, -1) + block(at_32, "horizontal_conv0")
    x = separable(x, "separable0")
    x = F.gelu(block(x, "final_joined_convs.0"), approximate="tanh")
    return F.softplus(F.conv1d(x, w["human_head.weight"], w["human_head.bias"])).transpose(1, 2)


def attend_by_distance(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two heads of key size 4, logit by logit; windows are 4,097^(k / 3) - 1 wide."""
    rows = torch.arange(x.shape[1])
    apart = (rows[None, :] - rows[:, None])[..., None]  # key minus query
    within = (apart.abs() < 4097 ** (torch.arange(1, 4) / 3) - 1).float()
    features = torch.cat([within, apart.sign() * within], dim=-1)
    heads = []
    for h, (k, v) in enumerate(((slice(0, 4), slice(0, 6)), (slice(4, 8), slice(6, 12)))):
        query = x @ w["to_q.weight"][k].T / 2
        by_content = (query + w["rel_content_bias"][0, h]) @ (x @ w["to_k.weight"][k].T).transpose(1, 2)
        by_distance = torch.einsum(
            "nid,ijd->nij", query + w["rel_pos_bias"][0, h], features @ w["to_rel_k.weight"][k].T
        )
        heads.append((by_content + by_distance).softmax(-1) @ (x @ w["to_v.weight"][v].T))
    return F.linear(torch.cat(heads, -1), w["to_out.weight"], w["to_out.bias"])


def attend_rotated(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two heads of 6 channels on one of keys; channels 0 and 2, 1 and 3 are complex numbers that turn."""
    projected = F.linear(x, w["mha.Wqkv.weight"], w["mha.Wqkv.bias"])
    first, second, keys, values = projected.split(6, dim=-1)

    def turned(x: torch.Tensor) -> torch.Tensor:
        angle = torch.arange(x.shape[1])[:, None] * torch.tensor([1, 20_000**-0.5])
        pairs = torch.complex(x[..., :2], x[..., 2:4]) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([pairs.real, pairs.imag, x[..., 4:]], dim=-1)

    logits = [turned(q) @ turned(keys).transpose(1, 2) / math.sqrt(6) for q in (first, second)]
    read = torch.cat([one.softmax(-1) @ values for one in logits], dim=-1)
    return F.linear(read, w["mha.out_proj.weight"], w["mha.out_proj.bias"])


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


@both
def test_meta_device_keeps_what_no_checkpoint_holds(rotary: bool) -> None:
    with torch.device("meta"):
        small = Borzoi(**TOY, rotary=rotary)  # type: ignore[arg-type]
    load_into(small, random_state(small, 0), Path("random:0"))
    torch.testing.assert_close(
        small.eval().read(CODES, range(128), range(5)), full(rotary), rtol=0, atol=2e-6
    )


@pytest.mark.parametrize(
    ("rotary", "head", "n", "n_bytes", "digest"),
    [  # of the state dicts of borzoi-pytorch 0.5.1, with flash-attn 2.7.4's names
        (
            False,
            "human",
            215,
            743_670_980,
            "8c622d75df25c68875cdbe973492bf0a20b1cdc4505664bd74746dfe37a24d8d",
        ),
        (
            False,
            "mouse",
            215,
            705_227_928,
            "63d6184cb96997998150752db4347d233bb223f47927e4d0b60bea248b7767e4",
        ),
        (True, "human", 183, 768_378_052, "75646c40218aed339372cb2434d01f1a75b199e9abc443683a34a99fb8893ef0"),
        (True, "mouse", 183, 729_935_000, "871892a199530c8d60fa8b31fb495355312abbaa1fccfdda14f5543cc774ca7d"),
    ],
)
def test_published_size_has_the_published_names_and_shapes(
    rotary: bool, head: str, n: int, n_bytes: int, digest: str
) -> None:
    absent = {"human": "n_mouse", "mouse": "n_human"}[head]
    with torch.device("meta"):
        state = Borzoi(rotary=rotary, head=head, **{absent: 0}).state_dict()  # type: ignore[arg-type]
    assert len(state) == n
    assert sum(tensor.nbytes for tensor in state.values()) == n_bytes
    names = "\n".join(f"{name} {tuple(tensor.shape)}" for name, tensor in sorted(state.items()))
    assert hashlib.sha256(names.encode()).hexdigest() == digest


def test_head_chooses_tracks_and_outputs() -> None:
    mouse = toy(head="mouse")
    assert len(mouse.tracks) == 3
    assert not torch.allclose(mouse.read(CODES, [3], range(3)), full(False)[:, [3], :3])


@pytest.mark.parametrize(("n_value", "column"), [(None, [0.25] * 4), (0.0, [0.0] * 4)])
def test_n_puts_its_value_in_every_channel(n_value: float | None, column: list[float]) -> None:
    small = toy() if n_value is None else toy(n_value=n_value)
    assert small.letters.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], column]


def stranded_table(pairs: list[int]) -> pd.DataFrame:
    identifiers = pd.Series(["A+", "A-", "B", "C+", "C-"], dtype="string")
    return plain_table(5).assign(identifier=identifiers, strand_pair=pd.Series(pairs, dtype="Int64"))


def test_summed_strands_are_the_track_and_its_pair() -> None:
    summed = toy(strands="summed", tracks=stranded_table([1, 0, 2, 4, 3]))
    human = full(False)[:, [70]]
    expected = human + human[..., [1, 0, 2, 4, 3]] * torch.tensor([1, 1, 0, 1, 1])
    torch.testing.assert_close(summed.read(CODES, [70], range(5)), expected, rtol=0, atol=4e-6)
    torch.testing.assert_close(summed.read(CODES, [70], [2, 4]), expected[..., [2, 4]], rtol=0, atol=4e-6)
    assert summed.tracks["identifier"].tolist() == ["A", "A", "B", "C", "C"]


def test_summing_strands_needs_a_table_that_pairs_them() -> None:
    with pytest.raises(TrackError, match=r"strands: separate"):
        toy(strands="summed")
    with pytest.raises(TrackError, match=r"two by two \(2 such rows\)"):
        toy(strands="summed", tracks=stranded_table([1, 0, 2, 4, 2]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seq_len": 4000}, "multiple of 128 bp"),
        ({"n_bins": 63}, "even number of bins"),
        ({"n_bins": 6}, "at least 8"),
        ({"n_bins": 130}, "4,096 bp and 130 bins"),
        ({"channels": 15}, "heads"),
        ({"rotary": True, "rotary_size": 8}, "heads"),
        ({"rotary": True, "n_heads": 3}, "heads"),
        ({"head": "rat"}, "'rat'"),
        ({"head": "mouse", "n_mouse": 0}, "'mouse': borzoi has here the heads human"),
    ],
)
def test_impossible_sizes_are_named(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        toy(**wrong)


def test_a_table_of_another_head_is_refused() -> None:
    with pytest.raises(TrackError, match="human head has 5 tracks, the table 3"):
        toy(tracks=plain_table(3))


def test_read_refuses_what_it_cannot_answer() -> None:
    small = model(False)
    with pytest.raises(InputError, match="4,096 bp"):
        small.read(CODES[:, :128], [0], [0])
    with pytest.raises(InputError, match="codes 0-4"):
        small.read(CODES + 1, [0], [0])
    with pytest.raises(InputError, match="bins 0-127"):
        small.read(CODES, [128], [0])
    with pytest.raises(InputError, match="bins 0-127"):
        small.read(CODES, [-1], [0])
    with pytest.raises(TrackError, match="tracks 0-4"):
        small.read(CODES, [0], [5])


def test_weights_of_the_variant_of_another_shape_or_not_finite_are_refused() -> None:
    state = random_state(model(False), 0)
    with pytest.raises(CheckpointError, match=r"\d+ missing \(transformer\.0\.0\.fn\.1\.mha.*\d+ unexpected"):
        load_into(toy(rotary=True), state, Path("w"))
    with pytest.raises(CheckpointError, match=r"1 of another shape .*human_head\.bias \(4,\) .*\(5,\)"):
        load_into(toy(), {**state, "human_head.bias": torch.zeros(4)}, Path("w"))
    state["unet1.1.norm.weight"][0] = math.nan
    with pytest.raises(CheckpointError, match=r"1 not finite .*unet1\.1\.norm\.weight"):
        load_into(toy(), state, Path("w"))


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
