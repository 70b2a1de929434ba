"""Enformer (Avsec et al. 2021, Nature Methods 18:1196) at inference, loading the published PyTorch weights.

Submodule names and indices are the checkpoint's; gaps in them are dropout and reshaping layers, which do
nothing at inference.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.contract import LocalBackbone, local_field
from raycre.backbones.enformer import GammaPeak
from raycre.backbones.enformer.layers import (
    AttentionPool,
    ConvBlock,
    Gelu,
    Residual,
    TransformerBlock,
    numbered,
)
from raycre.backbones.enformer.relative import Attention, distance_features
from raycre.backbones.precision import Layers
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


def tower_widths(channels: int, step: int) -> list[int]:
    """Channels of the stem and of the tower's blocks: channels/2 to channels, growing by a constant factor.

    Rounded to a multiple of `step`; the published 1,536 and 128 give 768, 768, 896, 1024, 1152, 1280, 1536.
    """
    growth = 2 ** (1 / (N_TOWER - 1))
    return [channels // 2] + [round(channels / 2 * growth**i / step) * step for i in range(N_TOWER)]


class Enformer(LocalBackbone):
    """Enformer; the defaults are the published sizes. Weights are left as built: load before use.

    Its trunk is four tensors of the same rows: what enters the transformer, (n, length / 128, channels), and
    the queries, keys and values that the first block makes of it row by row.

    Args:
        head: which output head `tracks` and `read` mean.
        tracks: the track table of that head; numbered rows when not given.
        n_value: what N puts in each of the four channels. 0.25 is CREME's Methods; 0 is a column of zeros,
            as in enformer-pytorch.
        gamma_peak: see `distance_features`; the published weights need "function".
        seq_len, n_bins, channels, n_blocks, n_heads, key_size, channel_step, n_human, n_mouse: sizes.

    Raises:
        ConfigError: sizes that do not divide, or another head.
        TrackError: a track table of another number of rows.
    """

    lowers = True
    shares_weights = True
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
        self.stem = Layers(
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
            TransformerBlock(channels, Attention(channels, n_heads, key_size, channels // n_heads))
            for _ in range(n_blocks)
        )
        self.final_pointwise = numbered({1: ConvBlock(channels, 2 * channels, 1), 4: Gelu()})
        self._heads = nn.ModuleDict(
            {name: nn.Sequential(nn.Linear(2 * channels, n), nn.Softplus()) for name, n in n_tracks.items()}
        )
        stride, reach = local_field(self.stem, self.conv_tower)  # 128 and 259 bp
        self.strides, self.reaches = (stride,) * 4, (reach,) * 4
        # Not in the state dict: both follow from the sizes. On the CPU even under torch.device("meta").
        features = distance_features(n_rows, channels // n_heads, gamma_peak)
        self.register_buffer("distance_features", features, persistent=False)
        letters = torch.cat([torch.eye(4, device="cpu"), torch.full((1, 4), n_value, device="cpu")])
        self.register_buffer("letters", letters, persistent=False)

    @property
    def blocks(self) -> list[TransformerBlock]:
        """The transformer's blocks."""
        return [cast(TransformerBlock, block) for block in self.transformer]

    def precompute(self) -> None:
        """Keep what no input changes; call it when the weights are final, on the device where they stay."""
        for block in self.blocks:
            block.norm_and_attention[1].precompute(self.distance_features)
        for block in self.blocks[:-1]:  # the last reads a few rows, and some weights by themselves
            block.pack()

    def trunk(self, codes: Tensor) -> tuple[Tensor, ...]:
        """Summarise stretches of 128 bp; see `LocalBackbone.trunk`."""
        return self.trunk_one_hot(self.one_hot(codes))

    def trunk_one_hot(self, one_hot: Tensor) -> tuple[Tensor, ...]:
        """`trunk` from float32 (n, 4, length)."""
        rows = self.conv_tower(self.stem(one_hot)).transpose(1, 2)
        return rows, *self.blocks[0].project(rows)

    def read_trunk(self, trunk: tuple[Tensor, ...], bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """The rest of `read`; of the last block, only the rows that are asked for."""
        return self.project(self.embed(self.transform(trunk, [self.crop + b for b in bins])), tracks)

    def transform(self, trunk: tuple[Tensor, ...], rows: Sequence[int]) -> Tensor:
        """Attention over the whole sequence, its output at some rows: (n, len(rows), channels)."""
        x, queries, keys, values = trunk
        first, *others = self.blocks
        x = first.finish(x, (queries, keys, values), self.distance_features)
        for block in others[:-1]:
            x = block(x, self.distance_features)
        return others[-1].read_rows(x, rows, self.distance_features) if others else x[:, list(rows)]

    def embed(self, rows: Tensor) -> Tensor:
        """Last layer before the heads, row by row: (n, rows, channels) to (n, rows, 2 channels)."""
        output: Tensor = self.final_pointwise(rows.transpose(1, 2)).transpose(1, 2)
        return output

    def project(self, embedding: Tensor, tracks: Sequence[int]) -> Tensor:
        """Only the wanted tracks of the head: (n, rows, 2 channels) to float32 (n, rows, len(tracks))."""
        wanted = list(tracks)
        weight = self.get_parameter(f"_heads.{self.head}.0.weight")[wanted]
        bias = self.get_parameter(f"_heads.{self.head}.0.bias")[wanted]
        return F.softplus(F.linear(embedding, weight.float(), bias.float()))


def _check_sizes(seq_len: int, n_bins: int, channels: int, n_heads: int) -> None:
    n_rows, rest = divmod(seq_len, BIN_SIZE)
    if rest or n_bins > n_rows or (n_rows - n_bins) % 2:
        raise ConfigError(
            f"enformer reads a multiple of {BIN_SIZE} bp and crops the same number of bins at both ends; "
            f"{seq_len:,} bp and {n_bins} bins do not allow that"
        )
    if channels % n_heads or channels // n_heads % 6:
        raise ConfigError(f"{channels} channels over {n_heads} heads must be a multiple of 6 each")
