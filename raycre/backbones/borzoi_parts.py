"""Layers of Borzoi and Flashzoi. It must not know how they are put together, nor what a track is.

Submodule names and indices are the checkpoint's; gaps in them are dropout layers, idle at inference.
Rows are places along the sequence; a `range` of them says which are wanted.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones import relative

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
        return self.conv_layer(F.gelu(self.norm(x), approximate="tanh"))


class Separable(nn.Module):
    """Convolve each channel by itself, then mix channels: (n, channels, rows) to the same shape."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv_layer = nn.Sequential(
            nn.Conv1d(channels, channels, width, padding=width // 2, groups=channels, bias=False),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layer(x)


class Stem(nn.Module):
    """The first convolution and pooling: one-hot (n, 4, length) to (n, channels, length / 2)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv1d(4, channels, width, padding=width // 2)
        self.max_pool = nn.MaxPool1d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.max_pool(self.conv_layer(x))


def rise(channels: int) -> nn.Sequential:
    """Mix channels, then give every row twice: (n, channels, rows) to (n, channels, 2 rows)."""
    return nn.Sequential(ConvBlock(channels, channels, 1), nn.Upsample(scale_factor=2))


class RelativeAttention(relative.Attention):
    """Borzoi's attention: Enformer's, with fewer features of a distance.

    `distance_keys`, (heads, 2 length - 1, key size), are what the features give; no input changes them.
    """

    distance_keys: Tensor | None

    def __init__(self, channels: int, n_heads: int, key_size: int, n_features: int) -> None:
        super().__init__(channels, n_heads, key_size)
        self.to_rel_k = nn.Linear(n_features, n_heads * key_size, bias=False)
        self.register_buffer("distance_keys", None, persistent=False)

    def precompute(self, features: Tensor) -> None:
        """Keep the keys of all distances; call it when the weights are final."""
        self.distance_keys = self._by_head(self.to_rel_k(features)).contiguous()

    def forward(self, x: Tensor, features: Tensor, rows: range | None = None) -> Tensor:
        """Let rows read all rows.

        Args:
            x: (n, length, channels), normed.
            features: of distances, (2 length - 1, features); not looked at after `precompute`.
            rows: which rows read; all when not given.

        Returns:
            (n, len(rows), channels).
        """
        wanted = range(x.shape[1]) if rows is None else rows
        distance_keys = self.distance_keys
        if distance_keys is None:
            distance_keys = self._by_head(self.to_rel_k(features))
        queries = self._by_head(self.to_q(x[:, wanted.start : wanted.stop])) * self.scale
        read = relative.attend(
            queries + self.rel_content_bias,
            queries + self.rel_pos_bias,
            self._by_head(self.to_k(x)),
            distance_keys,
            self._by_head(self.to_v(x)),
            first=wanted.start,
        )
        return self.to_out(read.transpose(1, 2).flatten(-2))


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
        self.Wqkv = nn.Linear(channels, n_projected)
        self.out_proj = nn.Linear(channels, channels)


class RotaryAttention(nn.Module):
    """Flashzoi's attention: positions turn queries and keys; two heads of queries share one of keys."""

    def __init__(self, channels: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads, self.head_size = n_heads, channels // n_heads
        self.mha = RotaryProjections(channels, channels + 2 * (n_heads // 2) * self.head_size)

    def forward(self, x: Tensor, rotations: Tensor, rows: range | None = None) -> Tensor:
        """Let rows read all rows; see `RelativeAttention.forward`, and `rotary_table` for `rotations`."""
        wanted = range(x.shape[1]) if rows is None else rows
        projected = self.mha.Wqkv(x).unflatten(-1, (-1, self.head_size)).transpose(1, 2)
        shared = self.n_heads // 2
        queries, keys, values = projected.split([self.n_heads, shared, shared], dim=1)
        here = slice(wanted.start, wanted.stop)
        queries = _rotated(queries[:, :, here], rotations[:, here])
        keys = _rotated(keys, rotations)
        read = F.scaled_dot_product_attention(queries, keys, values, enable_gqa=True)
        return self.mha.out_proj(read.transpose(1, 2).flatten(-2))


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


class Reading(nn.Module):
    """x at the wanted rows + what they read of all rows."""

    def __init__(self, channels: int, attention: nn.Module) -> None:
        super().__init__()
        self.fn = nn.ModuleList([nn.LayerNorm(channels, eps=NORM_EPS), attention])

    def forward(self, x: Tensor, positions: Tensor, rows: range) -> Tensor:
        norm, attention = self.fn
        return x[:, rows.start : rows.stop] + attention(norm(x), positions, rows)


class Dense(nn.Module):
    """x + two dense layers, row by row."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        norm = nn.LayerNorm(channels, eps=NORM_EPS)
        up, down = nn.Linear(channels, 2 * channels), nn.Linear(2 * channels, channels)
        self.fn = nn.ModuleDict({"0": norm, "1": up, "4": down})

    def forward(self, x: Tensor) -> Tensor:
        norm, up, down = self.fn.values()
        return x + down(F.relu(up(norm(x))))


class TransformerBlock(nn.ModuleList):
    """Attention, then two dense layers."""

    def __init__(self, channels: int, attention: nn.Module) -> None:
        super().__init__([Reading(channels, attention), Dense(channels)])

    def forward(self, x: Tensor, positions: Tensor, rows: range) -> Tensor:
        """(n, length, channels) to (n, len(rows), channels); `positions` as the attention wants them."""
        reading, dense = self
        return dense(reading(x, positions, rows))
