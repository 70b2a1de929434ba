"""Attention that knows how far apart two rows are (Avsec et al. 2021, Nature Methods 18:1196, Methods).

The features of a distance, the logits made from them, and the layer around both. It must not know what a
row stands for, nor the rest of Enformer.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

MIN_HALF_LIFE = 3.0  # log2 of the shortest half-life of the exponential features, in rows
QUERY_ROWS = 256  # queries attended at once: their logits stay in cache, and memory does not grow as length^2

GammaPeak = Literal["function", "distance"]


def distance_features(length: int, n_features: int, gamma_peak: GammaPeak) -> Tensor:
    """Describe every distance between two of `length` rows (Methods, "Relative positional encodings").

    A third of the features decay exponentially, a third are 1 within a window and 0 outside, a third are
    gamma densities; each set is given once as a function of |distance| and once times its sign.

    Args:
        length: rows of the sequence.
        n_features: a multiple of 6.
        gamma_peak: what scales the gamma densities to a maximum of 1. "function": each function has its
            maximum over distances at 1. The published weights were trained so; their TensorFlow table (1,536
            rows) differs by at most 2e-3, rounding in logarithms of gamma functions near 3e4. "distance":
            at each distance the largest function is 1, as enformer-pytorch does with use_tf_gamma=False.

    Returns:
        float32 (2 length - 1, n_features) on the CPU; row d is distance d - (length - 1), key minus query.
    """
    n = n_features // 6
    distance = torch.arange(1 - length, length, device="cpu", dtype=torch.float32)[:, None]
    apart = distance.abs()
    half_life = 2 ** torch.linspace(MIN_HALF_LIFE, math.log2(length), n, device="cpu")
    exponential = torch.exp(-math.log(2) * apart / half_life)
    window = 2 ** torch.arange(1, n + 1, device="cpu", dtype=torch.float32) - 1
    central = (apart < window).float()
    density = _gamma_density(apart, torch.linspace(length / n, length, n, device="cpu"), length / (2 * n))
    gamma = density / density.amax(0 if gamma_peak == "function" else 1, keepdim=True)
    symmetric = torch.cat([exponential, central, gamma], dim=1)
    return torch.cat([symmetric, distance.sign() * symmetric], dim=1)


def _gamma_density(x: Tensor, mean: Tensor, sd: float) -> Tensor:
    """Gamma densities of these means and one s.d. at x, plus 1e-8 so that none vanishes.

    In float32 and in this order of operations, because that is how the published table was rounded.
    """
    shape, rate = (mean / sd) ** 2, mean / sd**2
    log_norm = torch.lgamma(shape) - shape * torch.log(rate)
    return torch.exp((torch.xlogy(shape - 1, x) - rate * x) - log_norm) + 1e-8


def attend(
    content_queries: Tensor,
    distance_queries: Tensor,
    keys: Tensor,
    distance_keys: Tensor,
    values: Tensor,
    first: int = 0,
) -> Tensor:
    """Let rows read all rows.

    Args:
        content_queries, distance_queries: (n, heads, rows, key size), scaled, biases added.
        keys: (n, heads, length, key size).
        distance_keys: (heads, 2 length - 1, key size), distances -(length - 1) … length - 1.
        values: (n, heads, length, value size).
        first: which of the `length` rows the first query is; the others follow it.

    Returns:
        (n, heads, rows, value size): softmax over keys of content plus distance logits, times the values.
    """
    length = keys.shape[-2]
    read = []
    n_rows = content_queries.shape[-2]
    for start in range(0, n_rows, QUERY_ROWS):
        end = min(start + QUERY_ROWS, n_rows)
        # Rows start … end - 1 (counted from `first`) meet distances -(end - 1) … length - 1 - start only.
        near = distance_keys[:, length - first - end : 2 * length - 1 - first - start]
        by_distance = distance_queries[:, :, start:end] @ near.transpose(-1, -2)
        by_content = content_queries[:, :, start:end] @ keys.transpose(-1, -2)
        read.append((by_content + _by_key(by_distance)).softmax(-1) @ values)
    return torch.cat(read, dim=-2)


def _by_key(by_distance: Tensor) -> Tensor:
    """Re-index logits from distance to key: (…, r, length + r - 1) to (…, r, length), without copying.

    Query t of r finds key j in column r - 1 - t + j. In the flattened rows that is place
    (r - 1) + t (width - 1) + j: rows one shorter, begun at r - 1.
    """
    r, width = by_distance.shape[-2:]
    if r == 1:
        return by_distance
    flat = by_distance.flatten(-2)[..., r - 1 : r * width - 1]
    return flat.unflatten(-1, (r, width - 1))[..., : width - r + 1]


class Attention(nn.Module):
    """Multi-head attention whose logits add a term for the distance between query and key.

    Logit of query i and key j: ((q_i + content bias) k_j + (q_i + position bias) r_{j-i}) / sqrt(key size),
    the query alone being scaled (Methods, "Relative positional encodings").
    """

    def __init__(self, channels: int, n_heads: int, key_size: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.scale = key_size**-0.5
        self.to_q = nn.Linear(channels, n_heads * key_size, bias=False)
        self.to_k = nn.Linear(channels, n_heads * key_size, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.to_rel_k = nn.Linear(channels // n_heads, n_heads * key_size, bias=False)
        self.to_out = nn.Linear(channels, channels)
        self.rel_content_bias = nn.Parameter(torch.zeros(1, n_heads, 1, key_size))
        self.rel_pos_bias = nn.Parameter(torch.zeros(1, n_heads, 1, key_size))

    def _by_head(self, x: Tensor) -> Tensor:
        """(…, length, heads * size) to (…, heads, length, size)."""
        return x.unflatten(-1, (self.n_heads, -1)).transpose(-2, -3)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """x: (n, length, channels); features of distances: (2 length - 1, channels / heads)."""
        queries = self._by_head(self.to_q(x)) * self.scale
        read = attend(
            queries + self.rel_content_bias,
            queries + self.rel_pos_bias,
            self._by_head(self.to_k(x)),
            self._by_head(self.to_rel_k(features)),
            self._by_head(self.to_v(x)),
        )
        return self.to_out(read.transpose(1, 2).flatten(-2))


class NormedAttention(nn.ModuleList):
    """Layer norm, then attention."""

    def __init__(self, channels: int, n_heads: int, key_size: int) -> None:
        super().__init__([nn.LayerNorm(channels), Attention(channels, n_heads, key_size)])

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        norm, attention = self
        return attention(norm(x), features)
