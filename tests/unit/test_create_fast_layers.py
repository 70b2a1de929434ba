"""Fast layers against plain ones: nested convolution and its gradients, dropout masks, pieces of a batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers.blocks import convolve, pieces, prepared
from raycre.create.layers.fast_conv import POSITIONS, convolve_nested, pays, prepare_weights
from raycre.create.layers.fast_dropout import Dropout, keep_mask


def plain(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    return F.conv1d(x.transpose(1, 2), kernel, bias).transpose(1, 2)


def leaf(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@settings(max_examples=40)
@given(
    n=st.integers(1, 3),
    extra=st.integers(0, 20),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    taps=st.sampled_from([2, 4, 8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_nested_convolution_and_its_gradients_equal_the_plain_ones(
    n: int, extra: int, channels: tuple[int, int], taps: int, seed: int
) -> None:
    torch.manual_seed(seed)
    n_in, n_out = channels
    x, kernel, bias = leaf(n, taps + extra, n_in), leaf(n_out, n_in, taps), leaf(n_out)
    expected, found = plain(x, kernel, bias), convolve_nested(x, kernel, bias)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weights = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, kernel, bias), weights),
        torch.autograd.grad(expected, (x, kernel, bias), weights),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


def test_eight_taps_take_27_products_of_sums_of_taps() -> None:
    factors = prepare_weights(torch.tensor([[[1.0, 2, 4, 8, 16, 32, 64, 128]]])).flatten().tolist()
    # Bits of a sum say which taps are in it. First: tap 0 alone; middle: all; last: tap 7 alone.
    assert len(factors) == 27
    assert (factors[0], factors[13], factors[26]) == (1, 255, 128)
    assert sorted(map(int.bit_count, map(int, factors))) == [1] * 8 + [2] * 12 + [4] * 6 + [8]


def test_batches_beyond_a_chunk_missing_bias_and_inputs_without_gradient() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        x, kernel = leaf(POSITIONS // 19 + 3, 19, 2).detach(), leaf(3, 2, 8)
        found, expected = convolve_nested(x, kernel, None), plain(x, kernel, None)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        (ours,) = torch.autograd.grad(found.square().sum(), kernel)
        (theirs,) = torch.autograd.grad(expected.square().sum(), kernel)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
    finally:
        torch.use_deterministic_algorithms(False)


def test_only_wide_layers_in_full_precision_are_nested() -> None:
    paper2, paper3, small2 = (torch.empty(o, i, 8) for o, i in ((384, 512), (128, 384), (96, 128)))
    assert [pays(kernel) for kernel in (paper2, paper3, small2)] == [True, False, False]
    assert [pays(kernel, kept=True) for kernel in (paper2, paper3, small2)] == [True, True, False]
    assert not pays(torch.empty(384, 512, 5))
    with torch.autocast("cpu", torch.bfloat16):
        assert not pays(paper2)


def test_wide_convolutions_of_a_network_agree_in_float32() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv1d(192, 200, 8), torch.randn(2, 30, 192)
    assert layer.bias is not None
    with torch.no_grad():
        expected = plain(x.double(), layer.weight.double(), layer.bias.double()).float()
        for found in (convolve(x, layer.weight, layer.bias), prepared(layer)(x)):
            torch.testing.assert_close(found, expected, rtol=0, atol=5e-6)


def test_a_prepared_layer_gathers_gradients_over_calls() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv1d(128, 128, 8).double(), torch.randn(4, 12, 128, dtype=torch.float64)
    assert layer.bias is not None
    ready = prepared(layer)
    torch.cat([ready(x[:2]), ready(x[2:])]).square().sum().backward()
    found = [layer.weight.grad, layer.bias.grad]
    expected = torch.autograd.grad(
        plain(x, layer.weight, layer.bias).square().sum(), list(layer.parameters())
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours is not None
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("p", "dropped"), [(0.5, 0.5), (0.25, 0.25), (0.1, 6554 / 65536)])
def test_dropout_zeroes_with_its_probability_and_keeps_the_mean(p: float, dropped: float) -> None:
    torch.manual_seed(1)
    mask = keep_mask(torch.empty(1000, 1001, dtype=torch.float64), p)
    assert mask.unique().tolist() == [0.0, pytest.approx(1 / (1 - dropped))]
    # Five standard deviations of a binomial of a million draws.
    assert (mask == 0).double().mean().item() == pytest.approx(dropped, abs=5 * 0.5e-3)
    by_place = (mask == 0).double().view(-1, 7, 11, 13)  # no row, column or place in a draw is special
    assert by_place.mean((0, 2, 3)).numpy() == pytest.approx(dropped, abs=0.01)
    assert (mask == 0).double().flatten()[:1_000_000].view(-1, 8).mean(0).numpy() == pytest.approx(
        dropped, abs=0.01
    )


def test_dropout_follows_the_seed_and_its_gradient_the_mask() -> None:
    layer, x = Dropout(0.5), torch.ones(5, 7, requires_grad=True)
    torch.manual_seed(4)
    first = layer(x)
    torch.manual_seed(4)
    assert torch.equal(first, layer(x))
    assert not torch.equal(first, layer(x))
    (grad,) = torch.autograd.grad(first.sum(), x)
    assert torch.equal(grad, first)


def test_dropout_does_nothing_in_evaluation_or_with_probability_zero() -> None:
    x = torch.rand(3, 4)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(3, 4))


def test_pieces_hold_sixteen_windows_of_the_paper_and_whole_batches_of_small_networks() -> None:
    assert [len(p) for p in pieces(torch.empty(40, 1), 512 * 1000)] == [16, 16, 8]
    assert [len(p) for p in pieces(torch.empty(64, 1), 40 * 1000)] == [64]
    assert [len(p) for p in pieces(torch.empty(2, 1), 2**24)] == [1, 1]
