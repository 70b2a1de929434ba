"""Gradient times input of models whose gradient is known, and against small steps of Enformer and Borzoi."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.planted import Planted
from raycre.backbones.replicates import Replicates
from raycre.backbones.saliency import gradient_times_input, tile_sums
from raycre.backbones.tracks import plain_table
from raycre.backbones.weights import load_into, random_state
from raycre.errors import ConfigError, InputError, TrackError
from tests.own_package.lab_parts.gata_counter import GataCounter

STEP = 0.002  # small, since each maximum over neighbours (Borzoi) has a kink; of 1e-7 round-off 5e-5 is left
SIZES = {"channels": 24, "n_blocks": 2, "n_heads": 2, "key_size": 4, "n_human": 4, "n_mouse": 2}
ENFORMER = {"seq_len": 4_096, "n_bins": 16, "channel_step": 4, **SIZES}
BORZOI = {
    "seq_len": 4_096,
    "n_bins": 32,
    "widths": (8, 8, 12, 12, 16, 16),
    "n_joined": 12,
    "n_features": 8,
    **SIZES,
}


def ready(model: Enformer | Borzoi, seed: int = 0) -> Enformer | Borzoi:
    load_into(model, random_state(model, seed), Path(f"random:{seed}"))
    model.weights_sha256 = str(seed)
    model.eval().requires_grad_(False).precompute()
    return model


def codes_of(n: int, length: int = 4_096) -> Tensor:
    return torch.randint(0, 5, (n, length), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


class Weighted(Backbone):
    """Activity of track t is t + 1 times the sum of weights of the bases that stand, squared."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.seq_len, self.bin_size, self.n_bins = "weighted", 8, 4, 2
        self.tracks, self.trained, self.weights_sha256 = plain_table(2), True, ""
        self.weight = torch.arange(32, dtype=torch.float32).reshape(4, 8)

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        check_read(self, codes, bins, tracks)
        return self.read_one_hot(self.one_hot(codes), bins, tracks)

    def read_one_hot(self, one_hot: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        total = (one_hot * self.weight).sum(dim=(1, 2)) ** 2
        scale = torch.tensor([t + 1.0 for t in tracks])
        return (total[:, None, None] * scale).expand(-1, len(bins), -1)


def test_the_gradient_is_that_of_the_base_which_stands_there() -> None:
    codes = torch.tensor([[0, 1, 2, 3, 4, 0, 0, 0], [4] * 8], dtype=torch.uint8)
    found = gradient_times_input(Weighted(), codes, [0, 1])
    # A 0, C 9, G 18, T 27, N nothing, A 5 6 7: their sum is 72, the derivative of its square 144 w.
    expected = 144.0 * torch.tensor([0, 9, 18, 27, 0, 5, 6, 7])
    assert torch.equal(found[0], torch.stack([expected, 2 * expected]))
    assert torch.equal(found[1], torch.zeros(2, 8))


@pytest.mark.parametrize(
    "model",
    [
        ready(Enformer(**ENFORMER)),  # type: ignore[arg-type]
        ready(Borzoi(**BORZOI)),  # type: ignore[arg-type]
        ready(Borzoi(**BORZOI, rotary=True, rotary_size=8)),  # type: ignore[arg-type]
    ],
    ids=["enformer", "borzoi", "flashzoi"],
)
def test_gradients_predict_what_a_small_step_does(model: Enformer | Borzoi) -> None:
    codes = codes_of(1)
    one_hot = model.one_hot(codes)

    def activity(x: Tensor) -> Tensor:
        return model.read_one_hot(x, model.tss_bins, [1]).double().mean(1)[0, 0]

    assert torch.allclose(
        activity(one_hot), model.read(codes, model.tss_bins, [1]).double().mean(), rtol=1e-6
    )
    # Scaling what stands at some positions moves the activity by the sum of their gradient times input.
    found = gradient_times_input(model, codes, [1], piece=1_024)[0, 0].double()
    for chosen in (found > found.quantile(0.9), found < found.quantile(0.1)):
        step = STEP * chosen.float() * one_hot
        measured = float(activity(one_hot + step) - activity(one_hot - step)) / (2 * STEP)
        assert measured == pytest.approx(float(found[chosen].sum()), rel=0.02)


@pytest.mark.parametrize("piece", [128, 1_024, 4_096])
def test_pieces_give_the_gradient_of_the_whole(piece: int) -> None:
    model, codes = ready(Enformer(**ENFORMER)), codes_of(2)  # type: ignore[arg-type]
    leaf = model.one_hot(codes).requires_grad_()
    for track in (0, 3):
        (whole,) = torch.autograd.grad(model.read_one_hot(leaf, model.tss_bins, [track]).mean(1).sum(), leaf)
        expected = (whole * leaf).sum(1)
        found = gradient_times_input(model, codes, [3, track], piece=piece)[:, 1]
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_replicates_give_the_mean_of_their_members() -> None:
    members = [ready(Enformer(**ENFORMER), seed) for seed in (0, 1)]  # type: ignore[arg-type]
    codes = codes_of(1)
    each = [gradient_times_input(m, codes, [2]) for m in members]
    found = gradient_times_input(Replicates(members).eval(), codes, [2])
    assert torch.allclose(found, torch.stack(each).mean(0), atol=1e-5 * float(found.abs().max()))


@pytest.mark.parametrize("model", [Planted(), GataCounter()], ids=["planted", "own"])
def test_a_model_without_gradients_says_so(model: Backbone) -> None:
    with pytest.raises(ConfigError, match=f"{model.name} gives no gradients.*read_one_hot"):
        gradient_times_input(model, torch.zeros((1, model.seq_len), dtype=torch.uint8), [0])


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="reads sequences of 8 bp"):
        gradient_times_input(Weighted(), torch.zeros((1, 9), dtype=torch.uint8), [0])
    with pytest.raises(TrackError, match="tracks 0-1"):
        gradient_times_input(Weighted(), torch.zeros((1, 8), dtype=torch.uint8), [2])


def test_tiles_add_up_with_and_without_sign() -> None:
    signed, absolute = tile_sums(torch.tensor([1.0, -2.0, 3.0, -4.0]), [(0, 2), (1, 4)])
    assert signed.tolist() == [-1.0, -3.0]
    assert absolute.tolist() == [3.0, 9.0]
