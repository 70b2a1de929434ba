"""The network and its layers: shapes, layouts, and equality with the plain definitions they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from raycre.create.layers.blocks import convolve, max_pool, upsample_deconvolve
from raycre.create.layout import MODALITIES, check_modalities
from raycre.create.model import published
from raycre.create.model.create import POSITIONS, Create
from raycre.create.model.sizes import SIZES, Sizes
from raycre.errors import CheckpointError, ConfigError, RaycreError

NANO = Sizes(
    sequence=6, signal=2, encoder2=5, encoder3=4, embedding=8, decoder3=3, decoder2=3,
    codes=7, splits=2, classifier=(6, 5),
)  # fmt: skip


def test_paper_sizes_have_the_published_number_of_parameters() -> None:
    # state_dict.txt counts 6,798,611 with the codebook and its EMA sum (3,200), which are buffers here.
    assert sum(p.numel() for p in Create().parameters()) == 6_798_611 - 3_200


@pytest.mark.parametrize(
    "modalities",
    [("sequence",), ("openness",), ("loops",), ("sequence", "openness"), ("openness", "loops"), MODALITIES],
)
def test_every_subset_of_modalities_goes_through(modalities: tuple[str, ...]) -> None:
    model = Create(NANO, modalities)
    rows = sum(model.rows)
    output = model(torch.rand(3, rows, 1000))
    assert output.logits.shape == (3, 5)
    assert output.recon.shape == (3, rows, 1000)
    assert output.z_e.shape == output.z_q.shape == (3, POSITIONS, 8)
    assert output.codes.shape == (3, POSITIONS, 2)
    output.recon.sum().backward()


@pytest.mark.parametrize("size", SIZES)
def test_named_sizes_build(size: str) -> None:
    model = Create(SIZES[size]).eval()
    with torch.no_grad():
        assert model.classify(torch.zeros(1, 6, 1000)).shape == (1, 5)


def test_modalities_take_the_order_of_the_rows() -> None:
    assert check_modalities(("loops", "sequence")) == ("sequence", "loops")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [((), "at least one"), (("loops", "loops"), "at most once"), (("opennes",), "did you mean openness")],
)
def test_impossible_modalities_are_named(chosen: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Create(NANO, chosen)


def test_input_of_another_shape_is_refused() -> None:
    with pytest.raises(RaycreError, match=r"\(2, 4, 1000\).*takes \(n, 6, 1000\)"):
        Create(NANO)(torch.zeros(2, 4, 1000))


def test_embedding_that_splits_unevenly_is_refused() -> None:
    with pytest.raises(ConfigError, match="128 cannot be cut"):
        Sizes(splits=12)


def test_codebook_and_its_statistics_are_not_parameters() -> None:
    model = Create(NANO)
    assert not [name for name, _ in model.named_parameters() if "quantizer" in name]
    assert {name for name, _ in model.named_buffers() if "quantizer" in name} == {
        "quantizer.codebook", "quantizer.cluster_size", "quantizer.cluster_sum",
    }  # fmt: skip


def test_a_window_is_classified_alike_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    model, x = Create(NANO).eval(), torch.rand(4, 6, 1000)
    with torch.no_grad():
        torch.testing.assert_close(model.classify(x)[2:3], model.classify(x[2:3]), atol=1e-6, rtol=0)


@settings(max_examples=30)
@given(
    factor=st.sampled_from([2, 4]),
    positions=st.integers(1, 20),
    channels=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_merged_upsampling_equals_interpolation_then_transposed_convolution(
    factor: int, positions: int, channels: int, seed: int
) -> None:
    torch.manual_seed(seed)
    x = torch.rand(2, positions, channels, dtype=torch.float64, requires_grad=True)
    kernel = torch.rand(channels, 2, 9, dtype=torch.float64, requires_grad=True)
    bias = torch.rand(2, dtype=torch.float64)
    wide = F.interpolate(x.transpose(1, 2), scale_factor=factor, mode="linear", align_corners=False)
    plain = F.conv_transpose1d(wide, kernel, bias).transpose(1, 2)
    merged = upsample_deconvolve(x, kernel, bias, factor)
    torch.testing.assert_close(merged, plain, atol=1e-12, rtol=0)
    weights = torch.rand_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad((merged * weights).sum(), (x, kernel)),
        torch.autograd.grad((plain * weights).sum(), (x, kernel)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_convolution_and_pool_over_positions() -> None:
    x = torch.tensor([[[1.0], [4.0], [4.0], [0.0], [2.0]]], requires_grad=True)
    moved = convolve(x, torch.tensor([[[1.0, 10.0]]]), torch.tensor([0.5]))
    assert moved.flatten().tolist() == [41.5, 44.5, 4.5, 20.5]
    pooled = max_pool(x, 3, 2)
    assert pooled.flatten().tolist() == [4.0, 4.0]
    pooled.sum().backward()  # tied maxima: the first of each pool takes the gradient
    assert x.grad is not None
    assert x.grad.flatten().tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]


def test_published_names_go_both_ways_for_every_subset() -> None:
    for modalities in (("sequence",), ("openness", "loops"), MODALITIES):
        state = Create(NANO, modalities).state_dict()
        theirs = published.to_published(state)
        assert all(key.startswith(("vqvae.", "fc.")) for key in theirs)
        back = published.from_published(theirs)
        assert all(torch.equal(back[key], state[key]) for key in state)
        sizes, found = published.architecture(back)
        assert found == modalities
        Create(sizes, found).load_state_dict(back)


def test_pointwise_convolutions_become_linear_layers() -> None:
    theirs = published.to_published(Create(NANO).state_dict())
    assert theirs["vqvae.enc1.conv.0.weight"].shape == (10, 10, 1)
    assert theirs["vqvae.quantize3.quantize_conv3.weight"].shape == (8, 4, 1)


def test_unknown_and_missing_keys_of_a_checkpoint_are_named() -> None:
    with pytest.raises(CheckpointError, match=r"'optimizer'.*'model' entry"):
        published.from_published({"optimizer": torch.zeros(1)})
    state = Create(NANO).state_dict()
    del state["encoder3.weight"]
    with pytest.raises(CheckpointError, match=r"'encoder3.weight'.*is it whole"):
        published.architecture(state)


def test_base_rows_of_the_reconstruction_are_logits_and_tracks_are_not_negative() -> None:
    torch.manual_seed(1)
    recon = Create(NANO)(torch.rand(8, 6, 1000)).recon.detach().numpy()
    assert recon[:, :4].min() < 0 < recon[:, :4].max()
    assert recon[:, 4:].min() >= 0
    assert np.isfinite(recon).all()
