"""Convolution with fewer multiplications: two-tap filters, nested (Winograd's F(2, 2) and F(3, 2)).

Knows nothing of CREATE. Two neighbouring outputs of a two-tap filter take three products instead of four;
taps may themselves be filters, so that 2^k outputs of 2^k taps take 3^k matrix products instead of 4^k. Taps
that are farthest apart give three outputs by four products instead of six: 12 outputs of 8 taps take 36
instead of 96. All factors are 1 or 1/2, but for the sign: rounding errors stay those of plain sums.
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
    return convolve_prepared(x, prepare(kernel), bias)


def prepare(kernel: Tensor) -> Tensor:
    """Factors of the products, worth keeping for many calls: (out, in, taps) → (products, in, out)."""
    return _Prepare.apply(kernel)


def convolve_prepared(x: Tensor, factors: Tensor, bias: Tensor | None) -> Tensor:
    """`convolve_nested` with the factors that `prepare` made of its kernel."""
    return _Nested.apply(x, factors, bias)


class _Prepare(torch.autograd.Function):
    """The kernel's even taps, their sum with the odd ones, and the odd ones; so each of these, down to two.

    Of two taps a and b: a, (a + b) / 2, (a - b) / 2 and b.
    """

    @staticmethod
    def forward(ctx: Any, kernel: Tensor) -> Tensor:
        ctx.taps = kernel.shape[2]
        factors = kernel.permute(2, 1, 0).contiguous().unsqueeze(1)  # (taps, 1, in, out)
        while len(factors) > 2:
            even, odd = factors[0::2], factors[1::2]
            factors = torch.stack([even, even + odd, odd], dim=2).flatten(1, 2)
        a, b = factors
        return torch.stack([a, (a + b) / 2, (a - b) / 2, b], dim=1).flatten(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        first, plus, minus, last = grad.unflatten(0, (-1, 4)).unbind(1)
        parts = torch.stack([first + (plus + minus) / 2, (plus - minus) / 2 + last])
        while len(parts) < ctx.taps:
            first, middle, last = parts.unflatten(1, (-1, 3)).unbind(2)
            parts = torch.stack([first + middle, middle + last], dim=1).flatten(0, 1)
        return parts.squeeze(1).permute(2, 1, 0)


class _Nested(torch.autograd.Function):
    """Differences of the inputs, products, sums of them, one branch of the nest after another."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factors: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, factors)
        taps = _taps(factors)
        wanted = x.shape[1] - taps + 1
        outputs = [
            _outputs(_filled(part, whole(wanted, taps)), factors, bias)[:, :wanted]
            for part in x.split(_windows(x))
        ]
        return torch.cat(outputs) if len(outputs) != 1 else outputs[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, factors = ctx.saved_tensors
        of_x, of_factors, of_bias = ctx.needs_input_grad
        positions = whole(grad.shape[1], taps := _taps(factors))
        factors_grad = torch.zeros_like(factors) if of_factors else None
        parts = [
            _gradients(
                _filled(g, positions - taps + 1), part if factors_grad is None else _filled(part, positions),
                factors, factors_grad, of_x,
            )
            for g, part in zip(grad.split(_windows(x)), x.split(_windows(x)), strict=True)
        ]  # fmt: skip
        x_grad = torch.cat([part[:, : x.shape[1]] for part in parts if part is not None]) if of_x else None
        return x_grad, factors_grad, grad.sum((0, 1)) if of_bias else None


def _outputs(x: Tensor, factors: Tensor, bias: Tensor | None) -> Tensor:
    """All outputs of x (n, blocks · 3/2 taps + taps - 1, in): (n, blocks · 3/2 taps, out)."""
    n_out = factors.shape[2]
    if len(factors) == 4:
        p = _products("products", _differences(x), factors).unflatten(1, (len(x), -1))
        if bias is not None:
            p[1] += bias  # this product enters each output once, as does the middle branch below
        found = x.new_empty(*p.shape[1:3], 3, n_out)
        both = p[1] + p[2]
        torch.add(p[0], both, out=found[:, :, 0])
        torch.sub(p[1], p[2], out=found[:, :, 1])
        torch.add(both, p[3], out=found[:, :, 2])
        return found.flatten(1, 2)
    even, odd = x[:, 0::2], x[:, 1::2]
    of_first, of_middle, of_last = factors.chunk(3)
    middle = _outputs(odd, of_middle, bias)
    found = x.new_empty(len(x), middle.shape[1], 2, n_out)
    torch.add(_outputs(even[:, :-1] - odd, of_first, None), middle, out=found[:, :, 0])
    torch.add(_outputs(even[:, 1:] - odd, of_last, None), middle, out=found[:, :, 1])
    return found.flatten(1, 2)


def _gradients(
    grad: Tensor, x: Tensor, factors: Tensor, factors_grad: Tensor | None, of_x: bool
) -> Tensor | None:
    """The transposes of `_outputs`: the gradient of x is returned, that of the factors added to theirs."""
    if len(factors) == 4:
        y0, y1, y2 = grad[:, 0::3], grad[:, 1::3], grad[:, 2::3]
        outer = _scratch("outer", grad, (4, *y0.shape))
        outer[0], outer[3] = y0, y2
        torch.add(y0, y2, out=outer[2])
        torch.add(outer[2], y1, out=outer[1])
        outer[2] -= y1
        if factors_grad is not None:
            factors_grad.baddbmm_(_differences(x).transpose(1, 2), outer.flatten(1, 2))
        if not of_x:
            return None
        p = _products("inner", outer.flatten(1, 2), factors.transpose(1, 2)).unflatten(1, y0.shape[:2])
        found = grad.new_empty(len(grad), 3 * y0.shape[1] + 1, p.shape[3])
        found[:, :-1:3], found[:, -1] = p[0], 0
        torch.sub(p[1], p[2], out=found[:, 1::3])
        torch.add(p[1], p[2], out=found[:, 2::3])
        found[:, 1::3] -= p[3]
        found[:, 2::3] -= p[0]
        found[:, 3::3] += p[3]
        return found
    even, odd = grad[:, 0::2], grad[:, 1::2]
    x_even, x_odd = x[:, 0::2], x[:, 1::2]
    inputs = (x, x, x) if factors_grad is None else (x_even[:, :-1] - x_odd, x_odd, x_even[:, 1:] - x_odd)
    grads = (None, None, None) if factors_grad is None else factors_grad.chunk(3)
    first, middle, last = (
        _gradients(*arguments, of_x)
        for arguments in zip((even, even + odd, odd), inputs, factors.chunk(3), grads, strict=True)
    )
    if first is None or middle is None or last is None:
        return None
    n, length, channels = first.shape
    found = grad.new_empty(n, 2 * length + 1, channels)
    found[:, 0], found[:, -1] = first[:, 0], last[:, -1]
    torch.add(first[:, 1:], last[:, :-1], out=found[:, 2:-1:2])
    torch.sub(middle, first, out=found[:, 1::2])
    found[:, 1::2] -= last
    return found


def _differences(x: Tensor) -> Tensor:
    """What of x (n, 3 · blocks + 1, in) enters the products of two taps: (4, n · blocks, in)."""
    d0, d1, d2, d3 = x[:, :-1:3], x[:, 1::3], x[:, 2::3], x[:, 3::3]
    found = _scratch("differences", x, (4, *d0.shape))
    torch.sub(d0, d2, out=found[0])
    torch.add(d1, d2, out=found[1])
    torch.sub(d2, d1, out=found[2])
    torch.sub(d3, d1, out=found[3])
    return found.flatten(1, 2)


def _products(name: str, a: Tensor, b: Tensor) -> Tensor:
    """a @ b, in memory that lasts until the next call of this name."""
    return torch.bmm(a, b, out=_scratch(name, a, (*a.shape[:2], b.shape[2])))


def _filled(x: Tensor, positions: int) -> Tensor:
    """With zeros after its last position, unless there are so many positions."""
    if x.shape[1] >= positions:
        return x[:, :positions]
    found = x.new_empty(len(x), positions, x.shape[2])
    found[:, : x.shape[1]], found[:, x.shape[1] :] = x, 0
    return found


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
    """2^k from the number of products, 4 · 3^(k - 1)."""
    n, taps = len(factors) // 4, 2
    while n > 1:
        n, taps = n // 3, taps * 2
    return taps


def whole(outputs: int, taps: int = TAPS) -> int:
    """Positions of an input that need not be padded to give at least so many outputs."""
    block = taps // 2 * 3
    return -(-outputs // block) * block + taps - 1
