"""Dense layers with packed weights: the plain layers' numbers, from final weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones import packed
from raycre.backbones.enformer import relative
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.packed import Dense
from raycre.backbones.weights import load_into, random_state

pytestmark = pytest.mark.skipif(not packed.AVAILABLE, reason="this torch has no oneDNN")


def dense(relu: bool = False, bias: bool = True) -> Dense:
    torch.manual_seed(1)
    return Dense(96, 160, bias, relu).eval().requires_grad_(False)


def rows(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 96, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", [(200,), (2, 50), (1, 1), (3, 2, 5)])
def test_packed_weights_give_the_plain_product(shape: tuple[int, ...], bias: bool, relu: bool) -> None:
    layer, x = dense(relu, bias), rows(*shape)
    weight, shift = layer.weight.double(), layer.bias.double() if bias else 0
    exact = x.double() @ weight.T + shift
    exact = exact.clamp(min=0) if relu else exact
    layer.pack()
    with torch.no_grad():
        found = layer(x)
    assert layer._packed is not None
    assert found.shape == (*shape, 160)
    assert float((found - exact).abs().max()) <= 2e-6


def test_only_part_of_each_row_may_be_in_memory_order() -> None:
    """Heads are transposed: what comes in need not be contiguous."""
    layer = dense()
    wide = torch.randn(96, 40, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        plain = layer(wide.T[None])
        layer.pack()
        torch.testing.assert_close(layer(wide.T[None]), plain, rtol=0, atol=2e-6)


def test_the_state_dict_is_a_plain_layers() -> None:
    layer = dense()
    layer.pack()
    with torch.no_grad():
        layer(rows(3))
    assert list(layer.state_dict()) == list(nn.Linear(96, 160).state_dict())


def test_gradients_flow_as_in_a_plain_layer() -> None:
    layer = dense().requires_grad_(True)
    layer.pack()
    layer(rows(7)).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(layer.weight.grad, rows(7).sum(0).expand(160, 96))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_cast_weights_are_the_ones_used(dtype: torch.dtype) -> None:
    layer = dense()
    layer.pack()
    with torch.no_grad():
        layer(rows(7))
        layer.to(dtype)
        assert torch.equal(layer(rows(7).to(dtype)), dense().to(dtype)(rows(7).to(dtype)))
        layer.to(torch.float32).weight.mul_(2)
        layer.pack()
        expected = rows(7) @ layer.weight.T + layer.bias
        torch.testing.assert_close(layer(rows(7)), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("at_once", [1, 16, 48, 49, 50])
def test_attention_head_by_head_is_attention_of_all_at_once(
    n: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks of queries that leave one over, none, or several; distance keys also as a view."""
    monkeypatch.setattr(relative, "QUERIES", at_once)
    rng = torch.Generator().manual_seed(0)
    content, distance, keys = (torch.randn(n, 49, 3, 8, generator=rng).transpose(1, 2) for _ in range(3))
    values = torch.randn(n, 49, 3, 5, generator=rng).transpose(1, 2)
    distance_keys = torch.randn(97, 3, 8, generator=rng).transpose(0, 1)
    plain = relative.attend(content, distance, keys, distance_keys, values)  # gradients may be wanted here
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        found = relative.attend(content, distance, keys, distance_keys, values)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=2e-6)
    assert counter.get_total_flops() > 0


def test_as_many_flops_are_counted_as_before() -> None:
    layer = dense()
    counts = []
    for _ in range(2):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            layer(rows(2, 7))
        counts.append(counter.get_total_flops())
        layer.pack()
    assert counts == [2 * 14 * 96 * 160] * 2


def test_enformer_packs_all_blocks_but_the_last_and_predicts_the_same() -> None:
    size: dict[str, Any] = {
        "n_bins": 16,
        "channels": 48,
        "n_blocks": 3,
        "n_heads": 2,
        "key_size": 8,
        "channel_step": 8,
    }
    model = Enformer(seq_len=4096, n_human=6, n_mouse=3, **size)
    load_into(model, random_state(model, 3), Path("random:3"))
    model.eval().requires_grad_(False)
    codes = torch.randint(0, 4, (1, 4096), generator=torch.Generator().manual_seed(5)).to(torch.uint8)
    plain = model.read(codes, range(16), range(6))
    model.precompute()
    found = model.read(codes, range(16), range(6))
    assert float((found - plain).abs().max() / plain.std()) <= 1e-5
    used = [[m._packed is not None for m in b.modules() if isinstance(m, Dense)] for b in model.blocks]
    assert used == [[True] * 6, [True] * 6, [False] * 6]
