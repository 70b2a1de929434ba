"""Borzoi's sizes, weights, heads, strands and what it refuses."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.tracks import plain_table
from raycre.backbones.weights import load_into, random_state
from raycre.errors import CheckpointError, ConfigError, InputError, TrackError
from tests.toy_borzoi import CODES, TOY, both, full, model, toy


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
