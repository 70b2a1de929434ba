"""Attention that knows how far apart two rows are (Avsec et al. 2021, Nature Methods 18:1196, Methods).

The features of a distance, the logits made from them, and the layer around both.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from raycre.backbones.enformer import GammaPeak
from raycre.backbones.packed import Dense, product, serves
from raycre.backbones.precision import apply_precision

MIN_HALF_LIFE = 3.0  # log2 of the shortest half-life of the exponential features, in rows
LOGITS = 1 << 18  # of one head at once: they stay in cache, and memory does not grow as length^2
QUERIES = 384  # at once where heads come one by one
# log(1 + m) = m - m^2 / 2 + m^3 P(m): P from its highest power, by threes (Cephes, logf.c).
LOG_SERIES = (
    (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1),
    (-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1),
    (2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)

Projected = tuple[Tensor, Tensor, Tensor]
"""Queries and keys (n, length, heads * key size), values (n, length, heads * value size)."""


def distance_features(length: int, n_features: int, gamma_peak: GammaPeak) -> Tensor:
    """Describe every distance between two of `length` rows (Methods, "Relative positional encodings").

    A third of the features decay exponentially, a third are 1 within a window and 0 outside, a third are
    gamma densities; each set is given once as a function of |distance| and once times its sign.

    Args:
        length: rows of the sequence.
        n_features: a multiple of 6.
        gamma_peak: what scales the gamma densities to a maximum of 1. "function": each function has its
            maximum over distances at 1, and is rounded as TensorFlow did it when the published weights were
            trained; the table that goes with them, of 1,536 rows, is met within 2e-7
            (benchmarks/gamma_table.py). "distance": at each distance the largest function is 1, as in
            enformer-pytorch with use_tf_gamma=False.

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
    mean, sd = torch.linspace(length / n, length, n, device="cpu"), length / (2 * n)
    if gamma_peak == "function":
        density = _tensorflow_gamma_density(apart, mean, sd)
        gamma = density / density.amax(0, keepdim=True)
    else:
        density = _gamma_density(apart, mean, sd)
        gamma = density / density.amax(1, keepdim=True)
    symmetric = torch.cat([exponential, central, gamma], dim=1)
    return torch.cat([symmetric, distance.sign() * symmetric], dim=1)


def _gamma_density(x: Tensor, mean: Tensor, sd: float) -> Tensor:
    """Gamma densities of these means and one s.d. at x, plus 1e-8 so that none vanishes."""
    shape, rate = (mean / sd) ** 2, mean / sd**2
    log_norm = torch.lgamma(shape) - shape * torch.log(rate)
    return torch.exp((torch.xlogy(shape - 1, x) - rate * x) - log_norm) + 1e-8


def _tensorflow_gamma_density(x: Tensor, mean: Tensor, sd: float) -> Tensor:
    """The same density with TensorFlow's roundings, x being whole numbers from 0.

    The logarithms that cancel here reach 3e4, where neighbouring float32 differ by 2e-3; so a density is off
    by as much, relatively, wherever one of them is rounded the other way. Order and functions are therefore
    those which reproduce the published table: the two subtracted terms are added first, and neither log nor
    lgamma is the nearest float32 everywhere.
    """
    shape, rate = (mean / sd) ** 2, mean / sd**2
    log_norm = _lgamma_float32(shape) - shape * _rounded_log(rate)
    log_density = (shape - 1) * _log_float32(x) - (rate * x + log_norm)
    return torch.where(x > 0, torch.exp(log_density), 0) + 1e-8  # every shape is above 1: nothing at 0


def _rounded_log(x: Tensor) -> Tensor:
    return x.double().log().float()


def _lgamma_float32(x: Tensor) -> Tensor:
    """log gamma; from 8 on by Stirling's series, each step in float32 as in the C library's lgammaf."""
    tail = (0.5 * math.log(2 * math.pi) - 0.5) + (1 / x) * (1 / 12 - (1 / x) ** 2 / 360)
    return torch.where(x < 8, x.double().lgamma().float(), (x - 0.5) * (_rounded_log(x) - 1) + tail)


def _log_float32(x: Tensor) -> Tensor:
    """Natural logarithm by the polynomial of Cephes' logf (Moshier), each step in float32.

    x = m 2^e with sqrt(1/2) <= m < sqrt(2); within 1 ulp. Nothing useful at 0.
    """
    m, e = torch.frexp(x)
    low = m < math.sqrt(0.5)
    m, e = torch.where(low, 2 * m, m) - 1, torch.where(low, e - 1, e).float()
    square = m * m
    cube = square * m
    # Nine coefficients as three quadratics in m, joined by Horner's rule in m^3.
    series = torch.zeros_like(m)
    for a, b, c in LOG_SERIES:
        series = series * cube + ((a * m + b) * m + c)
    return (m + (series * cube - 0.5 * square)) + e * math.log(2)


def attend(
    content_queries: Tensor, distance_queries: Tensor, keys: Tensor, distance_keys: Tensor, values: Tensor
) -> Tensor:
    """Let every row read all rows.

    Args:
        content_queries, distance_queries: (n, heads, length, key size), scaled, biases added.
        keys: (n, heads, length, key size).
        distance_keys: (heads, 2 length - 1, key size), distances -(length - 1) … length - 1.
        values: (n, heads, length, value size).

    Returns:
        (n, heads, length, value size): softmax over keys of content plus distance logits, times the values.
    """
    if serves(values):
        return _attend_by_head(content_queries, distance_queries, keys, distance_keys, values)
    length = keys.shape[-2]
    at_once = max(1, LOGITS // length)  # queries
    read = []
    for start in range(0, length, at_once):
        end = min(start + at_once, length)
        # Queries start … end - 1 meet distances -(end - 1) … length - 1 - start only.
        near = distance_keys[:, length - end : 2 * length - 1 - start]
        by_distance = distance_queries[:, :, start:end] @ near.transpose(-1, -2)
        logits = content_queries[:, :, start:end] @ keys.transpose(-1, -2)
        logits += _by_key(by_distance)
        read.append(logits.softmax(-1) @ values)
    return torch.cat(read, dim=-2)


def _attend_by_head(
    content_queries: Tensor, distance_queries: Tensor, keys: Tensor, distance_keys: Tensor, values: Tensor
) -> Tensor:
    """`attend` one head after another, all threads on each: oneDNN has no products of batches here."""
    n, n_heads, length, value_size = values.shape
    content_queries, distance_queries = content_queries.contiguous(), distance_queries.contiguous()
    keys, distance_keys = keys.contiguous(), distance_keys.contiguous()
    values = values.transpose(-1, -2).contiguous()
    read = content_queries.new_empty(n, length, n_heads, value_size).transpose(1, 2)
    for i, head in itertools.product(range(n), range(n_heads)):
        for start in range(0, length, QUERIES):
            end = min(start + QUERIES, length)
            near = distance_keys[head, length - end : 2 * length - 1 - start]  # as in `attend`
            logits = product(content_queries[i, head, start:end], keys[i, head])
            logits += _by_key(product(distance_queries[i, head, start:end], near))
            torch.softmax(logits, -1, out=logits)
            read[i, head, start:end] = product(logits, values[i, head])
    return read


def _by_key(by_distance: Tensor) -> Tensor:
    """Re-index logits from distance to key: (…, r, length + r - 1) to (…, r, length), without copying.

    Query t of r finds key j in column r - 1 - t + j. In the flattened rows that is place
    (r - 1) + t (width - 1) + j: rows one shorter, begun at r - 1.
    """
    r, width = by_distance.shape[-2:]
    if r == 1:
        return by_distance
    flat = by_distance.flatten(-2)[..., r - 1 : r * width - 1]
    output: Tensor = flat.unflatten(-1, (r, width - 1))[..., : width - r + 1]
    return output


class Attention(nn.Module):
    """Multi-head attention whose logits add a term for the distance between query and key.

    Logit of query i and key j: ((q_i + content bias) k_j + (q_i + position bias) r_{j-i}) / sqrt(key size),
    the query alone being scaled (Methods, "Relative positional encodings").
    """

    distance_keys: Tensor | None

    def __init__(self, channels: int, n_heads: int, key_size: int, n_features: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.key_size = key_size
        self.scale = key_size**-0.5
        self.to_q = Dense(channels, n_heads * key_size, bias=False)
        self.to_k = Dense(channels, n_heads * key_size, bias=False)
        self.to_v = Dense(channels, channels, bias=False)
        self.to_rel_k = nn.Linear(n_features, n_heads * key_size, bias=False)
        self.to_out = Dense(channels, channels)
        self.rel_content_bias = nn.Parameter(torch.zeros(1, n_heads, 1, key_size))
        self.rel_pos_bias = nn.Parameter(torch.zeros(1, n_heads, 1, key_size))
        self.register_buffer("distance_keys", None, persistent=False)

    def precompute(self, features: Tensor) -> None:
        """Keep the keys of all distances, which no input changes; call it when the weights are final."""
        self.distance_keys = self._distance_keys(features).contiguous()

    def _distance_keys(self, features: Tensor) -> Tensor:
        """(2 length - 1, features) to (heads, 2 length - 1, key size)."""
        if self.distance_keys is not None:
            return self.distance_keys
        return self._by_head(apply_precision(self.to_rel_k, features))

    def _by_head(self, x: Tensor) -> Tensor:
        """(…, length, heads * size) to (…, heads, length, size)."""
        output: Tensor = x.unflatten(-1, (self.n_heads, -1)).transpose(-2, -3)
        return output

    def project(self, x: Tensor) -> Projected:
        """Queries, keys and values of each row by itself, from (n, length, channels)."""
        queries, keys, values = (apply_precision(layer, x) for layer in (self.to_q, self.to_k, self.to_v))
        return queries, keys, values

    def attend(self, projected: Projected, features: Tensor) -> Tensor:
        """The rest, from what `project` gives; features of distances: (2 length - 1, features)."""
        queries, keys, values = projected
        queries = self._by_head(queries) * self.scale
        read = attend(
            queries + self.rel_content_bias,
            queries + self.rel_pos_bias,
            self._by_head(keys),
            self._distance_keys(features),
            self._by_head(values),
        )
        return apply_precision(self.to_out, read.transpose(1, 2).flatten(-2))

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """x: (n, length, channels); features of distances: (2 length - 1, features)."""
        return self.attend(self.project(x), features)

    def read_rows(self, x: Tensor, rows: Sequence[int], features: Tensor) -> Tensor:
        """`forward` at few rows: (n, length, channels) to (n, len(rows), channels).

        Keys and values of all other rows are never made: q · (W_k x) = (q W_k) · x, and the sum of values
        weighted by attention is W_v times the weighted sum of x. Pays for fewer than about 100 rows of 1,536.
        """
        length, n_rows, size = x.shape[1], len(rows), self.key_size
        queries = (
            self._by_head(apply_precision(self.to_q, x[:, list(rows)])) * self.scale
        )  # (n, heads, rows, key size)
        to_k = self.to_k.weight.to(x.dtype).unflatten(0, (self.n_heads, size))
        absorbed = ((queries + self.rel_content_bias) @ to_k).flatten(1, 2)  # (n, heads · rows, channels)
        by_content = (absorbed @ x.transpose(1, 2)).unflatten(1, (self.n_heads, n_rows))
        distance_keys = self._distance_keys(features)
        near = torch.stack([distance_keys[:, length - 1 - r : 2 * length - 1 - r] for r in rows], dim=1)
        by_distance = ((queries + self.rel_pos_bias).unsqueeze(-2) @ near.transpose(-1, -2)).squeeze(-2)
        weights = (by_content + by_distance).softmax(-1)
        summed = (weights.flatten(1, 2) @ x).unflatten(1, (self.n_heads, n_rows))
        to_v = self.to_v.weight.to(x.dtype).unflatten(0, (self.n_heads, -1))
        read = summed @ to_v.transpose(-1, -2)  # (n, heads, rows, value size)
        return apply_precision(self.to_out, read.transpose(1, 2).flatten(-2))
