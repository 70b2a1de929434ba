"""Convolution with fewer multiplications: two-tap filters, nested (Winograd's F(2, 2), thrice for 8 taps).

Two neighbouring outputs of a two-tap filter take three products instead of four;
taps may themselves be filters, so that 2^k outputs of 2^k taps take 3^k matrix products instead of 4^k
(27 for 64 of 8 taps). All factors are +1 or -1: rounding errors stay those of plain sums.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

POSITIONS = 5120  # transformed at once, 20 windows of 256: more would leave the cache
TAPS = 8
# In and out; with fewer, additions cost more than the products save (measured). The second number holds
# where the factors are kept for many calls.
MIN_CHANNELS, MIN_CHANNELS_KEPT = 192, 128


_HELD = threading.local()


def pays(kernel: Tensor, kept: bool = False) -> bool:
    """Whether nesting is the faster way for kernel (out, in, taps), `kept` for many calls or not.

    By sizes, device and precision alone, never by the batch, so that a window's result stays the same.
    """
    n_out, n_in, taps = kernel.shape
    wide = taps == TAPS and min(n_out, n_in) >= (MIN_CHANNELS_KEPT if kept else MIN_CHANNELS)
    return wide and kernel.device.type == "cpu" and not torch.is_autocast_enabled("cpu")


def convolve_nested(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """`layers.convolve` without padding, forward and backward by nesting.

    Args:
        x: float32 or float64 (n, positions, in); at least as many positions as taps.
        kernel: (out, in, taps), taps a power of two, at least 2.
        bias: (out,), or None.

    Returns:
        (n, positions - taps + 1, out). Equal to the plain convolution up to rounding; so are all gradients.
    """
    return convolve_prepared(x, prepare_weights(kernel), bias)


def prepare_weights(kernel: Tensor) -> Tensor:
    """Factors of the products, worth keeping for more than one call: (out, in, taps) → (3^k, in, out)."""
    output: Tensor = _Prepare.apply(kernel)  # type: ignore[no-untyped-call]
    return output


def convolve_prepared(x: Tensor, factors: Tensor, bias: Tensor | None) -> Tensor:
    """`convolve_nested` with the factors that `prepare_weights` made of its kernel."""
    output: Tensor = _Nested.apply(x, factors, bias)  # type: ignore[no-untyped-call]
    return output


class _Prepare(torch.autograd.Function):
    """The kernel's even taps, their sum with the odd ones, and the odd ones; again for each, to one tap."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor) -> Tensor:
        ctx.taps = kernel.shape[2]
        factors = kernel.permute(2, 1, 0).contiguous().unsqueeze(1)  # (taps, 1, in, out)
        while len(factors) > 1:
            even, odd = factors[0::2], factors[1::2]
            factors = torch.stack([even, even + odd, odd], dim=2).flatten(1, 2)
        return factors.squeeze(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        parts = grad.unsqueeze(0)
        while len(parts) < ctx.taps:
            first, middle, last = parts.unflatten(1, (-1, 3)).unbind(2)
            parts = torch.stack([first + middle, middle + last], dim=1).flatten(0, 1)
        return parts.squeeze(1).permute(2, 1, 0)


class _Nested(torch.autograd.Function):
    """Spread the input, multiply, gather the outputs; the gradients go back through the transposes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, factors)
        ctx.taps = taps = _taps(factors)
        wanted = x.shape[1] - taps + 1
        outputs = []
        for part in x.split(_windows(x)):
            spread = _spread(part, len(factors), wanted, taps)
            products = _scratch("products", x, (len(factors), spread.shape[1], factors.shape[2]))
            torch.bmm(spread, factors, out=products)
            if bias is not None:
                products[len(factors) // 2] += bias  # the middle of all levels enters each output once
            outputs.append(_gather(products.unflatten(1, (len(part), -1)))[:, :wanted])
        return torch.cat(outputs) if len(outputs) != 1 else outputs[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, factors = ctx.saved_tensors
        of_x, of_factors, of_bias = ctx.needs_input_grad
        x_grad = torch.empty_like(x) if of_x else None
        factors_grad = torch.zeros_like(factors) if of_factors else None
        for start in range(0, len(x), _windows(x)):
            part = slice(start, start + _windows(x))
            outer = _gather_back(grad[part], len(factors), ctx.taps)
            if x_grad is not None:
                inner = _scratch("products", x, (len(factors), outer.shape[1], factors.shape[1]))
                torch.bmm(outer, factors.transpose(1, 2), out=inner)
                x_grad[part] = _spread_back(inner.unflatten(1, (len(grad[part]), -1)))[:, : x.shape[1]]
            if factors_grad is not None:
                spread = _spread(x[part], len(factors), grad.shape[1], ctx.taps)
                factors_grad.baddbmm_(spread.transpose(1, 2), outer)
        return x_grad, factors_grad, grad.sum((0, 1)) if of_bias else None


def _scratch(name: str, like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Memory of this thread for what lives within one convolution; its content is whatever was there.

    Asking the system for megabytes anew each time costs a fifth of the products that are written there.
    """
    kind = "inference" if torch.is_inference_mode_enabled() else "any"  # the former must not leave that mode
    key, n = f"{name} {kind} {like.dtype} {like.device}", math.prod(shape)
    held = getattr(_HELD, key, None)
    if held is None or held.numel() < n:
        held = like.new_empty(n)
        setattr(_HELD, key, held)
    return held[:n].view(shape)


def _windows(x: Tensor) -> int:
    """How many go through at once."""
    return max(1, POSITIONS // x.shape[1])


def _taps(factors: Tensor) -> int:
    """2^k from 3^k."""
    n, taps = len(factors), 1
    while n > 1:
        n, taps = n // 3, taps * 2
    return taps


def whole(outputs: int, taps: int = TAPS) -> int:
    """Positions of an input that need not be padded to give at least so many outputs."""
    return -(-outputs // taps) * taps + taps - 1


def _spread(x: Tensor, n_products: int, wanted: int, taps: int) -> Tensor:
    """What of the inputs enters the products: (n, positions, in) → (3^k, n · blocks, in)."""
    n, positions, channels = x.shape
    blocks = -(-wanted // taps)
    if positions < whole(wanted, taps):
        padded = x.new_empty(n, whole(wanted, taps), channels)
        padded[:, :positions], padded[:, positions:] = x, 0
        x = padded
    spread = _scratch("spread", x, (n_products, n, blocks, channels))
    _spread_into(spread, x)
    return spread.flatten(1, 2)


def _spread_into(spread: Tensor, x: Tensor) -> None:
    """Write x (n, 2 · length + 1, in) as differences of neighbours (3^k, n, blocks, in), level by level."""
    even, odd = x[:, 0::2], x[:, 1::2]
    if len(spread) == 3:
        torch.sub(even[:, :-1], odd, out=spread[0])
        spread[1] = odd
        torch.sub(even[:, 1:], odd, out=spread[2])
        return
    first, middle, last = spread.chunk(3)
    _spread_into(first, even[:, :-1] - odd)
    _spread_into(middle, odd)
    _spread_into(last, even[:, 1:] - odd)


def _spread_back(grad: Tensor) -> Tensor:
    """Transpose of `_spread_into`: (3^k, n, blocks, in) → (n, 2 · length + 1, in)."""
    if len(grad) == 1:
        return grad[0]
    first, middle, last = (_spread_back(part) for part in grad.chunk(3))
    n, length, channels = first.shape
    joined = grad.new_empty(n, 2 * length + 1, channels)
    even, odd = joined[:, 0::2], joined[:, 1::2]
    even[:, 0], even[:, -1] = first[:, 0], last[:, -1]
    torch.add(first[:, 1:], last[:, :-1], out=even[:, 1:-1])
    torch.sub(middle, first, out=odd)
    odd -= last
    return joined


def _gather(products: Tensor) -> Tensor:
    """Outputs from the products: (3^k, n, blocks, out) → (n, blocks · taps, out)."""
    if len(products) == 1:
        return products[0]
    first, middle, last = (_gather(part) for part in products.chunk(3))
    n, length, channels = first.shape
    joined = products.new_empty(n, length, 2, channels)
    torch.add(first, middle, out=joined[:, :, 0])
    torch.add(middle, last, out=joined[:, :, 1])
    return joined.flatten(1, 2)


def _gather_back(grad: Tensor, n_products: int, taps: int) -> Tensor:
    """Transpose of `_gather`: (n, positions, out) → (3^k, n · blocks, out); no position beyond has any."""
    n, positions, channels = grad.shape
    blocks = -(-positions // taps)
    padded = grad.new_empty(n, blocks * taps, channels)
    padded[:, :positions], padded[:, positions:] = grad, 0
    gathered = _scratch("gathered", grad, (n_products, n, blocks, channels))
    _gather_back_into(gathered, padded)
    return gathered.flatten(1, 2)


def _gather_back_into(gathered: Tensor, grad: Tensor) -> None:
    even, odd = grad[:, 0::2], grad[:, 1::2]
    if len(gathered) == 3:
        gathered[0], gathered[2] = even, odd
        torch.add(even, odd, out=gathered[1])
        return
    first, middle, last = gathered.chunk(3)
    _gather_back_into(first, even)
    _gather_back_into(middle, even + odd)
    _gather_back_into(last, odd)
