"""Convolution, pooling and up-sampling over activations kept as (n, positions, channels).

In this layout LayerNorm, pointwise layers and the quantiser need no copies,
and max-pooling is vectorised over channels: an encoder layer and its gradient take 0.4-0.6 of the time that
(n, channels, positions) takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers import fast_conv

PIECE = 2**23  # floats: 16 windows of 512 channels x 1,000 bp


def convolve(x: Tensor, kernel: Tensor, bias: Tensor | None, padding: int = 0) -> Tensor:
    """1-D convolution: x (n, positions, in), kernel (out, in, taps) → (n, positions', out).

    Wide layers of 8 taps go by nested filtering on a processor: equal up to rounding, in half the time.
    """
    if not padding and fast_conv.pays(kernel):
        return fast_conv.convolve_nested(x, kernel, bias)
    y = F.conv2d(_as_image(x), kernel.unsqueeze(2), bias, padding=(0, padding))
    return y.squeeze(2).transpose(1, 2)


def prepared(layer: nn.Conv1d) -> Callable[[Tensor], Tensor]:
    """`convolve` with a layer's weights as they are now, made ready once for many calls."""
    if not fast_conv.pays(layer.weight, kept=True):
        return partial(convolve, kernel=layer.weight, bias=layer.bias)
    return partial(
        fast_conv.convolve_prepared, factors=fast_conv.prepare_weights(layer.weight), bias=layer.bias
    )


def pieces(x: Tensor, floats: int) -> tuple[Tensor, ...]:
    """Cut a batch (n, ...) so that the widest activations of a piece stay in a processor's cache.

    By sizes and device alone. Memory is what a large batch waits for: its encoder takes a fifth less time in
    pieces. An accelerator gets the batch whole.

    Args:
        floats: numbers in the widest activations of one window.
    """
    return x.split(max(1, PIECE // floats)) if x.device.type == "cpu" else (x,)


def max_pool(x: Tensor, width: int, stride: int) -> Tensor:
    """Maximum over `width` positions every `stride`; on a tie the first takes the gradient."""
    return F.max_pool2d(_as_image(x), (1, width), (1, stride)).squeeze(2).transpose(1, 2)


def _as_image(x: Tensor) -> Tensor:
    """(n, positions, channels) seen as an image of height 1 in channels-last memory, without a copy."""
    return x.transpose(1, 2).unsqueeze(2)


def upsample_deconvolve(x: Tensor, kernel: Tensor, bias: Tensor, factor: int) -> Tensor:
    """Linear up-sampling by an even `factor`, then a transposed convolution of stride 1, as one convolution.

    Interpolation is itself a convolution with a triangle, so both kernels are merged into one that is
    read in `factor` phases at low resolution: nothing is up-sampled. Interpolation holds the first and
    last value beyond the ends where the merged kernel sees zeros; that difference is linear in these
    two values and is added to the outermost outputs. Equal, up to rounding, to
    conv_transpose1d(interpolate(x, mode="linear", align_corners=False), kernel, bias).

    Args:
        x: float32 (n, positions, in).
        kernel: float32 (in, out, taps), as a ConvTranspose1d keeps it; taps - 1 a multiple of `factor`.
        bias: float32 (out,).

    Returns:
        float32 (n, factor · positions + taps - 1, out).
    """
    n_in, n_out, taps = kernel.shape
    n, positions, _ = x.shape
    triangle, left, right = (torch.from_numpy(m).to(kernel) for m in _interpolation(factor, taps))
    merged = (kernel @ triangle).view(n_in, n_out, -1, factor)  # tap j, phase r: merged tap j·factor + r
    phases = merged.flip(2).permute(3, 1, 0, 2).flatten(0, 1)
    phase_taps = phases.shape[2]
    y = convolve(x, phases, bias.repeat(factor), padding=phase_taps - 1)
    # Phases lie side by side in the channels: reading on is the order of output positions.
    y = y.reshape(n, (positions + phase_taps - 1) * factor, n_out)
    y = y[:, factor // 2 : y.shape[1] - factor // 2]
    reach = left.shape[1]
    y[:, :reach] += torch.einsum("ni,iot->nto", x[:, 0], kernel @ left)
    y[:, -reach:] += torch.einsum("ni,iot->nto", x[:, -1], kernel @ right)
    return y


@lru_cache(maxsize=8)
def _interpolation(factor: int, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices from a kernel's taps to the merged taps and to the outputs corrected at each end.

    A value's triangle rises over `factor` outputs and falls over as many, from factor/2 before its own
    first output. `error`, over the factor outputs round the left end: the held value contributes
    nothing before the end and all of it after, where the triangle has given `rise`.
    """
    rise = (np.arange(factor) + 0.5) / factor
    error = (np.arange(factor) >= factor // 2) - rise
    left = _banded(error, taps)
    return (
        _banded(np.concatenate([rise, rise[::-1]]), taps),
        left[:, factor // 2 :],
        left[::-1, ::-1][:, : left.shape[1] - factor // 2].copy(),
    )


def _banded(values: np.ndarray, rows: int) -> np.ndarray:
    """Matrix whose row i holds `values` from column i on: taps @ matrix is the full convolution."""
    matrix = np.zeros((rows, rows + len(values) - 1))
    for i in range(rows):
        matrix[i, i : i + len(values)] = values
    return matrix


def deconvolve_upsample(x: Tensor, kernel: Tensor, bias: Tensor, length: int) -> Tensor:
    """A transposed convolution that keeps the length, then linear up-sampling to `length` positions.

    Up-sampling is a matrix product, equal up to rounding to interpolate(mode="linear", align_corners=False),
    whose gradient has no deterministic kernel on a GPU.

    Args:
        x: float32 (n, positions, in).
        kernel: float32 (in, out, taps), an odd number of taps.
        bias: float32 (out,).
        length: positions of the result.

    Returns:
        float32 (n, length, out).
    """
    same = F.conv_transpose1d(x.transpose(1, 2), kernel, bias, padding=kernel.shape[2] // 2)
    return (same @ torch.from_numpy(_stretch(same.shape[2], length)).to(same)).transpose(1, 2)


@lru_cache(maxsize=8)
def _stretch(positions: int, length: int) -> np.ndarray:
    """Matrix from values at `positions` even places to `length` of them by straight lines, ends held."""
    at = ((np.arange(length) + 0.5) * positions / length - 0.5).clip(0, positions - 1)
    return np.stack([np.interp(at, np.arange(positions), unit) for unit in np.eye(positions)])
