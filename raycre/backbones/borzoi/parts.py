"""Layers of Borzoi and Flashzoi.

Submodule names and indices are the checkpoint's; gaps in them are dropout layers, idle at inference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.enformer.relative import Projected
from raycre.backbones.packed import Dense
from raycre.backbones.precision import Layers, apply_precision

NORM_EPS = 1e-3  # of batch and layer norms alike
DISTANCE_ROWS = 4_096  # rows that Borzoi was trained on; its windows of distance do not shrink with the input
ROTARY_BASE = 20_000.0  # Flashzoi: wavelengths grow from 2 pi to this times 2 pi


class ConvBlock(nn.Module):
    """Normalise, activate, convolve to the same length: (n, in, rows) to (n, out, rows)."""

    def __init__(self, channels_in: int, channels_out: int, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels_in, eps=NORM_EPS)
        self.conv_layer = nn.Conv1d(channels_in, channels_out, width, padding=width // 2)

    def forward(self, x: Tensor) -> Tensor:
        return apply_precision(self.conv_layer, F.gelu(self.norm(x), approximate="tanh"))


class Separable(nn.Module):
    """Convolve each channel by itself, then mix channels: (n, channels, rows) to the same shape."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv_layer = Layers(
            nn.Conv1d(channels, channels, width, padding=width // 2, groups=channels, bias=False),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.conv_layer(x)
        return output


class Stem(nn.Module):
    """The first convolution and pooling: one-hot (n, 4, length) to (n, channels, length / 2)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv1d(4, channels, width, padding=width // 2)
        self.max_pool = nn.MaxPool1d(2)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.max_pool(apply_precision(self.conv_layer, x))
        return output


def rise(channels: int) -> nn.Sequential:
    """Mix channels, then give every row twice: (n, channels, rows) to (n, channels, 2 rows)."""
    return nn.Sequential(ConvBlock(channels, channels, 1), nn.Upsample(scale_factor=2))


def window_features(length: int, n_features: int) -> Tensor:
    """Describe every distance between two of `length` rows: Borzoi's features.

    Half of the features are 1 within a window and 0 outside, windows growing by a constant factor up to
    `DISTANCE_ROWS`; the other half are the same times the distance's sign.

    Returns:
        float32 (2 length - 1, n_features) on the CPU; row d is distance d - (length - 1), key minus query.
    """
    n = n_features // 2
    distance = torch.arange(1 - length, length, device="cpu", dtype=torch.float32)[:, None]
    growth = math.exp(math.log(DISTANCE_ROWS + 1) / n)
    window = growth ** torch.arange(1, n + 1, device="cpu", dtype=torch.float32) - 1
    within = (distance.abs() < window).float()
    return torch.cat([within, distance.sign() * within], dim=1)


class RotaryProjections(nn.Module):
    """Names of the checkpoint for Flashzoi's queries, keys and values in one, and for what comes after."""

    def __init__(self, channels: int, n_projected: int) -> None:
        super().__init__()
        self.Wqkv = Dense(channels, n_projected)
        self.out_proj = Dense(channels, channels)


class RotaryAttention(nn.Module):
    """Flashzoi's attention: positions turn queries and keys; two heads of queries share one of keys."""

    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        self.n_shared, self.head_size = n_heads // 2, channels // n_heads
        self.mha = RotaryProjections(channels, channels + 2 * self.n_shared * self.head_size)

    def precompute(self, rotations: Tensor) -> None:
        """Nothing is left to keep: rotations are of the sizes alone."""

    def project(self, x: Tensor) -> Projected:
        """Queries, keys and values of each row by itself, from (n, length, channels)."""
        shared = self.n_shared * self.head_size
        projected = apply_precision(self.mha.Wqkv, x)
        queries, keys, values = projected.split([projected.shape[-1] - 2 * shared, shared, shared], dim=-1)
        return queries, keys, values

    def attend(self, projected: Projected, rotations: Tensor) -> Tensor:
        """The rest, from what `project` gives; `rotations` from `rotary_table`."""
        return self._read(*projected, rotations, rotations)

    def read_rows(self, x: Tensor, rows: Sequence[int], rotations: Tensor) -> Tensor:
        """Attention's output at some rows alone: (n, length, channels) to (n, len(rows), channels)."""
        here = list(rows)
        queries, keys, values = self.project(x)
        return self._read(queries[:, here], keys, values, rotations[:, here], rotations)

    def _read(self, queries: Tensor, keys: Tensor, values: Tensor, here: Tensor, every: Tensor) -> Tensor:
        """Queries at the rows whose rotations are `here` read all rows."""
        queries, keys, values = (
            x.unflatten(-1, (-1, self.head_size)).transpose(1, 2) for x in (queries, keys, values)
        )
        read = F.scaled_dot_product_attention(
            _rotated(queries, here), _rotated(keys, every), values, enable_gqa=True
        )
        return apply_precision(self.mha.out_proj, read.transpose(1, 2).flatten(-2))


def rotary_table(length: int, size: int) -> Tensor:
    """Cosines and sines of the angles by which Flashzoi turns pairs of channels of `length` rows.

    Returns:
        float32 (2, length, size / 2) on the CPU; angle of row i and pair j: i ROTARY_BASE^(-2 j / size).
    """
    frequency = 1 / ROTARY_BASE ** (torch.arange(0, size, 2, device="cpu", dtype=torch.float32) / size)
    angle = torch.arange(length, device="cpu", dtype=torch.float32)[:, None] * frequency
    return torch.stack([angle.cos(), angle.sin()])


def _rotated(x: Tensor, rotations: Tensor) -> Tensor:
    """Turn channel j of the first `size` towards channel j + size / 2; (…, rows, head size) to the same."""
    cos, sin = rotations
    half = cos.shape[-1]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1)
