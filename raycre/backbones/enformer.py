"""Enformer (Avsec et al. 2021, Nature Methods 18:1196) at inference, loading the published PyTorch weights.

Submodule names and indices are the checkpoint's; gaps in them are dropout and reshaping layers, which do
nothing at inference. It must not know CREME, genomes or files.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.relative import GammaPeak, NormedAttention, distance_features
from raycre.backbones.tracks import plain_table
from raycre.errors import ConfigError, TrackError

SEQ_LEN = 196_608  # Methods, "Model architecture": input in bp
N_BINS = 896  # output bins kept of 1,536; they cover 114,688 bp
BIN_SIZE = 128  # 7 poolings by 2
N_TRACKS = {"human": 5_313, "mouse": 1_643}
CHANNELS = 1_536
N_BLOCKS = 11
N_HEADS = 8
KEY_SIZE = 64
CHANNEL_STEP = 128  # tower widths grow exponentially, rounded to a multiple of this
N_TOWER = 6  # convolution blocks after the stem
N_UNIFORM = 0.25  # CREME Methods, "Transcription start site selection": N is 0.25 in every channel


class Gelu(nn.Module):
    """x sigmoid(1.702 x), the approximation that Enformer was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class ConvBlock(nn.Sequential):
    """Normalise, activate, convolve to the same length: (n, in, length) to (n, out, length)."""

    def __init__(self, channels_in: int, channels_out: int, width: int) -> None:
        super().__init__(
            nn.BatchNorm1d(channels_in, eps=1e-5),
            Gelu(),
            nn.Conv1d(channels_in, channels_out, width, padding=width // 2),
        )


class Residual(nn.Module):
    """x + fn(x, ...)."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, *context: Tensor) -> Tensor:
        return x + self.fn(x, *context)


class AttentionPool(nn.Module):
    """Halve the length; each channel weighs its two positions by a softmax over learnt logits.

    A softmax over two logits is a sigmoid of their difference, and the logits W x have no bias, so
    W (x0 - x1) is all that is needed: half the products of the textbook form.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_attn_logits = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
        difference = first - second
        weight = torch.sigmoid(F.conv1d(difference, self.to_attn_logits.weight.squeeze(-1)))
        return second + weight * difference


class TransformerBlock(nn.ModuleList):
    """Attention, then two dense layers row by row, each added to its input."""

    def __init__(self, channels: int, n_heads: int, key_size: int) -> None:
        dense = _numbered(
            {
                0: nn.LayerNorm(channels),
                1: nn.Linear(channels, 2 * channels),
                3: nn.ReLU(),
                4: nn.Linear(2 * channels, channels),
            }
        )
        super().__init__([Residual(NormedAttention(channels, n_heads, key_size)), Residual(dense)])

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        attention, dense = self
        return dense(attention(x, features))


def _numbered(modules: dict[int, nn.Module]) -> nn.Sequential:
    """A Sequential whose submodules keep the checkpoint's indices, gaps included."""
    return nn.Sequential(OrderedDict((str(i), module) for i, module in modules.items()))


def tower_widths(channels: int, step: int) -> list[int]:
    """Channels of the stem and of the tower's blocks: channels/2 to channels, growing by a constant factor.

    Rounded to a multiple of `step`; the published 1,536 and 128 give 768, 768, 896, 1024, 1152, 1280, 1536.
    """
    growth = 2 ** (1 / (N_TOWER - 1))
    return [channels // 2] + [round(channels / 2 * growth**i / step) * step for i in range(N_TOWER)]


class Enformer(Backbone):
    """Enformer; the defaults are the published sizes. Weights are left as built: load before use.

    Args:
        head: which output head `tracks` and `read` mean.
        tracks: the track table of that head; numbered rows when not given.
        n_value: what N puts in each of the four channels. 0.25 is CREME's Methods; 0 is a column of zeros,
            as in enformer-pytorch.
        gamma_peak: see `distance_features`; the published weights need "function".
        seq_len, n_bins, channels, n_blocks, n_heads, key_size, channel_step, n_human, n_mouse: sizes.

    Attributes:
        stride: bp per row of the trunk.
        halo: bp on either side of its 128 that a row of the trunk depends on.

    Raises:
        ConfigError: sizes that do not divide, or another head.
        TrackError: a track table of another number of rows.
    """

    stride = BIN_SIZE
    halo = 7 + sum(2 * 2**i for i in range(1, N_TOWER + 1))  # widths 15 at 1 bp, 5 at 2, 4, … 64 bp: 259

    distance_features: Tensor
    letters: Tensor

    def __init__(
        self,
        *,
        head: str = "human",
        tracks: pd.DataFrame | None = None,
        n_value: float = N_UNIFORM,
        gamma_peak: GammaPeak = "function",
        seq_len: int = SEQ_LEN,
        n_bins: int = N_BINS,
        channels: int = CHANNELS,
        n_blocks: int = N_BLOCKS,
        n_heads: int = N_HEADS,
        key_size: int = KEY_SIZE,
        channel_step: int = CHANNEL_STEP,
        n_human: int = N_TRACKS["human"],
        n_mouse: int = N_TRACKS["mouse"],
    ) -> None:
        super().__init__()
        n_tracks = {"human": n_human, "mouse": n_mouse}
        n_rows = seq_len // BIN_SIZE
        _check_sizes(seq_len, n_bins, channels, n_heads)
        if head not in n_tracks:
            raise ConfigError("enformer has the heads human and mouse", value=head)
        if tracks is not None and len(tracks) != n_tracks[head]:
            raise TrackError(
                f"enformer's {head} head has {n_tracks[head]:,} tracks, the table {len(tracks):,}"
            )
        self.name, self.seq_len, self.bin_size, self.n_bins = "enformer", seq_len, BIN_SIZE, n_bins
        self.tracks = plain_table(n_tracks[head]) if tracks is None else tracks
        self.trained, self.weights_sha256 = False, ""
        self.head, self.crop = head, (n_rows - n_bins) // 2

        widths = tower_widths(channels, channel_step)
        self.stem = nn.Sequential(
            nn.Conv1d(4, widths[0], 15, padding=7),
            Residual(ConvBlock(widths[0], widths[0], 1)),
            AttentionPool(widths[0]),
        )
        self.conv_tower = nn.Sequential(
            *(
                nn.Sequential(
                    ConvBlock(before, after, 5), Residual(ConvBlock(after, after, 1)), AttentionPool(after)
                )
                for before, after in itertools.pairwise(widths)
            )
        )
        self.transformer = nn.ModuleList(
            TransformerBlock(channels, n_heads, key_size) for _ in range(n_blocks)
        )
        self.final_pointwise = _numbered({1: ConvBlock(channels, 2 * channels, 1), 4: Gelu()})
        self._heads = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(2 * channels, n), nn.Softplus()) for name, n in n_tracks.items()}
        )
        # Not in the state dict: both follow from the sizes. On the CPU even under torch.device("meta").
        features = distance_features(n_rows, channels // n_heads, gamma_peak)
        self.register_buffer("distance_features", features, persistent=False)
        letters = torch.cat([torch.eye(4, device="cpu"), torch.full((1, 4), n_value, device="cpu")])
        self.register_buffer("letters", letters, persistent=False)

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """Predict the wanted bins and tracks; see `Backbone.read` for shapes and errors."""
        check_read(self, codes, bins, tracks)
        with torch.no_grad():
            return self.read_trunk(self.trunk(codes), bins, tracks)

    def trunk(self, codes: Tensor) -> Tensor:
        """Summarise 128-bp stretches: uint8 (n, length) to (n, length / 128, channels).

        `length` is any multiple of 128; a crop's rows equal the whole's, save those within `halo` of a cut.
        """
        one_hot = F.embedding(codes.int(), self.letters).transpose(1, 2)
        return self.conv_tower(self.stem(one_hot)).transpose(1, 2)

    def read_trunk(self, trunk: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """The rest of `read`, from the trunk of a whole sequence, (n, seq_len / 128, channels)."""
        rows = [self.crop + b for b in bins]
        return self.project(self.embed(self.transform(trunk)[:, rows]), tracks)

    def transform(self, trunk: Tensor) -> Tensor:
        """Attention over the whole sequence: (n, seq_len / 128, channels) to the same shape."""
        x = trunk
        for block in self.transformer:
            x = block(x, self.distance_features)
        return x

    def embed(self, rows: Tensor) -> Tensor:
        """Last layer before the heads, row by row: (n, rows, channels) to (n, rows, 2 channels)."""
        return self.final_pointwise(rows.transpose(1, 2)).transpose(1, 2)

    def project(self, embedding: Tensor, tracks: Sequence[int]) -> Tensor:
        """Only the wanted tracks of the head: (n, rows, 2 channels) to float32 (n, rows, len(tracks))."""
        wanted = list(tracks)
        weight = self.get_parameter(f"_heads.{self.head}.0.weight")[wanted]
        bias = self.get_parameter(f"_heads.{self.head}.0.bias")[wanted]
        return F.softplus(F.linear(embedding, weight, bias)).float()


def _check_sizes(seq_len: int, n_bins: int, channels: int, n_heads: int) -> None:
    n_rows, rest = divmod(seq_len, BIN_SIZE)
    if rest or n_bins > n_rows or (n_rows - n_bins) % 2:
        raise ConfigError(
            f"enformer reads a multiple of {BIN_SIZE} bp and crops the same number of bins at both ends; "
            f"{seq_len:,} bp and {n_bins} bins do not allow that"
        )
    if channels % n_heads or channels // n_heads % 6:
        raise ConfigError(f"{channels} channels over {n_heads} heads must be a multiple of 6 each")
