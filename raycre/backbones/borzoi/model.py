"""Borzoi (Linder et al. 2025, Nat. Genet. 57:949) and Flashzoi at inference, loading the published weights.

A U-Net: convolutions down to 128 bp, a transformer, then up to 32 bp by way of what the convolutions had at
64 and 32 bp. Submodule names are the checkpoint's (borzoi-pytorch).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.borzoi import Strands
from raycre.backbones.borzoi.parts import (
    NORM_EPS,
    ConvBlock,
    RotaryAttention,
    Separable,
    Stem,
    rise,
    rotary_table,
    window_features,
)
from raycre.backbones.contract import LocalBackbone, local_field
from raycre.backbones.enformer.layers import TransformerBlock
from raycre.backbones.enformer.relative import Attention
from raycre.backbones.tracks import plain_table, sum_strands
from raycre.errors import ConfigError, TrackError

SEQ_LEN = 524_288  # Methods, "Model architecture": input in bp
N_BINS = 6_144  # output bins kept of 16,384: the 196,608 bp that the loss was taken over
BIN_SIZE = 32
N_TRACKS = {"human": 7_611, "mouse": 2_608}
WIDTHS = (512, 608, 736, 896, 1_056, 1_280)  # channels after the stem and after each block down to 32 bp
CHANNELS = 1_536
N_JOINED = 1_920  # channels before the heads
N_BLOCKS = 8
N_HEADS = 8
KEY_SIZE = 64
N_FEATURES = 32  # of a distance
ROTARY_SIZE = 128  # channels of a head that Flashzoi turns
ROW_SIZE = 128  # bp per row of the transformer
N_TSS_BINS = 8  # CREME's code: the central bins, 256 bp as Enformer's two
N_UNIFORM = 0.25  # CREME Methods, "Transcription start site selection": N is 0.25 in every channel


class Borzoi(LocalBackbone):
    """Borzoi, or with `rotary` its fast variant Flashzoi; the defaults are the published sizes.

    Weights are left as built: load before use, then `precompute`.

    Args:
        head: which output head `tracks` and `read` mean.
        tracks: the track table of that head; numbered rows when not given.
        strands: "summed": a track means itself plus the track of the other strand, as CREME reads Borzoi;
            that needs the table's strand_pair. "separate": each row by itself.
        n_value: what N puts in each of the four channels. 0.25 is CREME's Methods; 0 is a column of zeros, as
            Borzoi was trained.
        rotary: Flashzoi's attention.
        seq_len, n_bins, widths, channels, n_joined, n_blocks, n_heads, key_size, n_features, rotary_size,
            n_human, n_mouse: sizes. A head of 0 tracks is not there (the published files hold one each).

    Raises:
        ConfigError: sizes that do not divide, or a head that is not there.
        TrackError: a track table of another number of rows, or one that does not pair strands.
    """

    lowers = True
    shares_weights = True
    letters: Tensor
    positions: Tensor

    def __init__(
        self,
        *,
        head: str = "human",
        tracks: pd.DataFrame | None = None,
        strands: Strands = "separate",
        n_value: float = N_UNIFORM,
        rotary: bool = False,
        seq_len: int = SEQ_LEN,
        n_bins: int = N_BINS,
        widths: Sequence[int] = WIDTHS,
        channels: int = CHANNELS,
        n_joined: int = N_JOINED,
        n_blocks: int = N_BLOCKS,
        n_heads: int = N_HEADS,
        key_size: int = KEY_SIZE,
        n_features: int = N_FEATURES,
        rotary_size: int = ROTARY_SIZE,
        n_human: int = N_TRACKS["human"],
        n_mouse: int = N_TRACKS["mouse"],
    ) -> None:
        super().__init__()
        self.name = "flashzoi" if rotary else "borzoi"
        n_tracks = {name: n for name, n in (("human", n_human), ("mouse", n_mouse)) if n}
        self._check_sizes(seq_len, n_bins, channels, n_heads, rotary_size if rotary else 0)
        if head not in n_tracks:
            raise ConfigError(f"{self.name} has here the heads {' and '.join(n_tracks)}", value=head)
        if tracks is not None and len(tracks) != n_tracks[head]:
            raise TrackError(
                f"{self.name}'s {head} head has {n_tracks[head]:,} tracks, the table {len(tracks):,}"
            )
        table = plain_table(n_tracks[head]) if tracks is None else tracks
        self.tracks = sum_strands(table) if strands == "summed" else table
        self.other_strand = self.tracks["strand_pair"].tolist() if strands == "summed" else None
        self.seq_len, self.bin_size, self.n_bins = seq_len, BIN_SIZE, n_bins
        self.trained, self.weights_sha256 = False, ""
        self.n_joined, self.head, self.crop = n_joined, head, (seq_len // BIN_SIZE - n_bins) // 2

        self.conv_dna = Stem(widths[0], 15)
        blocks = [ConvBlock(before, after, 5) for before, after in itertools.pairwise(widths)]
        # A pooling between each two blocks; new ones, since layers are counted to know how far they see.
        self.res_tower = nn.Sequential(*[m for block in blocks for m in (block, nn.MaxPool1d(2))][:-1])
        self.unet1 = nn.Sequential(nn.MaxPool1d(2), ConvBlock(widths[-1], channels, 5))
        self.pool = nn.MaxPool1d(2)
        self.transformer = nn.ModuleList(
            TransformerBlock(
                channels,
                RotaryAttention(channels, n_heads)
                if rotary
                else Attention(channels, n_heads, key_size, n_features),
                NORM_EPS,
            )
            for _ in range(n_blocks)
        )
        self.horizontal_conv1 = ConvBlock(channels, channels, 1)
        self.horizontal_conv0 = ConvBlock(widths[-1], channels, 1)
        self.upsampling_unet1, self.upsampling_unet0 = rise(channels), rise(channels)
        self.separable1, self.separable0 = Separable(channels, 3), Separable(channels, 3)
        self.final_joined_convs = nn.Sequential(ConvBlock(channels, n_joined, 1))
        for name, n in n_tracks.items():
            self.add_module(f"{name}_head", nn.Conv1d(n_joined, n, 1))

        down = (self.conv_dna, self.res_tower, self.unet1, self.pool)
        # 131 bp at 32, then 259; the last level thrice more, as the first block's queries, keys and values.
        fields = [local_field(*down[:n]) for n in (2, 3, 4, 4, 4, 4)]
        self.strides, self.reaches = (tuple(column) for column in zip(*fields, strict=True))
        # Not in the state dict: both follow from the sizes. On the CPU even under torch.device("meta").
        n_rows = seq_len // ROW_SIZE
        positions = rotary_table(n_rows, rotary_size) if rotary else window_features(n_rows, n_features)
        self.register_buffer("positions", positions, persistent=False)
        letters = torch.cat([torch.eye(4, device="cpu"), torch.full((1, 4), n_value, device="cpu")])
        self.register_buffer("letters", letters, persistent=False)

    def _check_sizes(self, seq_len: int, n_bins: int, channels: int, n_heads: int, rotary_size: int) -> None:
        n_rows = seq_len // BIN_SIZE
        if seq_len % ROW_SIZE or not N_TSS_BINS <= n_bins <= n_rows or n_bins % 2:
            raise ConfigError(
                f"{self.name} reads a multiple of {ROW_SIZE} bp and keeps an even number of bins, at least "
                f"{N_TSS_BINS}; {seq_len:,} bp and {n_bins} bins do not allow that"
            )
        shared = rotary_size and n_heads % 2  # two heads share one of keys
        if channels % n_heads or shared or rotary_size % 2 or rotary_size > channels // n_heads:
            raise ConfigError(f"{channels} channels do not divide into {n_heads} heads of a size that serves")

    @property
    def tss_bins(self) -> tuple[int, ...]:
        """The eight bins round the input's middle.

        CREME's code takes half of their sum (DIVERGENCES 16) where `activity` takes the mean: 4 times ours,
        which cancels in every effect.
        """
        middle = self.n_bins // 2
        return tuple(range(middle - N_TSS_BINS // 2, middle + N_TSS_BINS // 2))

    @property
    def blocks(self) -> list[TransformerBlock]:
        """The transformer's blocks."""
        return [cast(TransformerBlock, block) for block in self.transformer]

    def precompute(self) -> None:
        """Keep what no input changes; call it when the weights are final, on the device where they stay."""
        with torch.no_grad():
            for block in self.blocks:
                block.norm_and_attention[1].precompute(self.positions)
        for block in self.blocks[:-1]:  # the last reads some weights by themselves
            block.pack()

    def trunk(self, codes: Tensor) -> tuple[Tensor, ...]:
        """Summarise stretches of 32, 64 and 128 bp, and ready the last for attention; see `LocalBackbone`."""
        return self.trunk_one_hot(self.one_hot(codes))

    def trunk_one_hot(self, one_hot: Tensor) -> tuple[Tensor, ...]:
        """`trunk` from float32 (n, 4, length)."""
        at_32 = self.res_tower(self.conv_dna(one_hot))
        at_64 = self.unet1(at_32)
        at_128 = self.pool(at_64).transpose(1, 2)
        projected = self.blocks[0].project(at_128)
        return at_32.transpose(1, 2), at_64.transpose(1, 2), at_128, *projected

    def read_trunk(self, trunk: tuple[Tensor, ...], bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """The rest of `read`, from the trunk of whole sequences; see there for the shapes."""
        return self.project(self.embed(trunk, bins), tracks)

    def embed(self, trunk: tuple[Tensor, ...], bins: Sequence[int]) -> Tensor:
        """Last layer before the heads, at some bins: (n, len(bins), joined channels).

        Only the rows between the first and the last of them are decoded, from what these depend on.
        """
        at_32, at_64, *at_128 = trunk
        rows = [self.crop + b for b in bins]
        if not rows:
            return at_32.new_empty(len(at_32), 0, self.n_joined)
        wanted_32 = range(min(rows), max(rows) + 1)
        seen_32 = seen_by(self.separable0, wanted_32, at_32.shape[1])
        wanted_64 = halved(seen_32)
        seen_64 = seen_by(self.separable1, wanted_64, at_64.shape[1])
        x = self.transform(at_128, halved(seen_64)).transpose(1, 2)
        x = self.upsampling_unet1(x)[..., seen_64.start % 2 :][..., : len(seen_64)]
        x = x + self.horizontal_conv1(at_64[:, seen_64.start : seen_64.stop].transpose(1, 2))
        x = self.separable1(x)[..., wanted_64.start - seen_64.start :][..., : len(wanted_64)]
        x = self.upsampling_unet0(x)[..., seen_32.start % 2 :][..., : len(seen_32)]
        x = x + self.horizontal_conv0(at_32[:, seen_32.start : seen_32.stop].transpose(1, 2))
        x = self.separable0(x)[..., [row - seen_32.start for row in rows]]
        return F.gelu(self.final_joined_convs(x), approximate="tanh").transpose(1, 2)

    def transform(self, at_128: Sequence[Tensor], rows: Sequence[int]) -> Tensor:
        """Attention over the whole sequence, its output at some rows: (n, len(rows), channels)."""
        x, queries, keys, values = at_128
        first, *others = self.blocks
        x = first.finish(x, (queries, keys, values), self.positions)
        for block in others[:-1]:
            x = block(x, self.positions)
        return others[-1].read_rows(x, rows, self.positions) if others else x[:, list(rows)]

    def project(self, embedding: Tensor, tracks: Sequence[int]) -> Tensor:
        """Only the wanted tracks: (n, rows, joined channels) to float32 (n, rows, len(tracks))."""
        wanted = list(tracks)
        if self.other_strand is None:
            return self._project(embedding, wanted)
        here, other = self._project(embedding, wanted), [self.other_strand[t] for t in wanted]
        paired = torch.tensor([t != o for t, o in zip(wanted, other, strict=True)], device=here.device)
        return here + paired * self._project(embedding, other)

    def _project(self, embedding: Tensor, rows: list[int]) -> Tensor:
        weight = self.get_parameter(f"{self.head}_head.weight")[rows].squeeze(-1)
        bias = self.get_parameter(f"{self.head}_head.bias")[rows]
        return F.softplus(F.linear(embedding, weight.float(), bias.float()))


def seen_by(layer: nn.Module, rows: range, length: int) -> range:
    """Rows that these rows of a layer's output depend on, of `length`; beyond both ends there is padding."""
    _, reach = local_field(layer)
    return range(max(0, rows.start - reach), min(length, rows.stop + reach))


def halved(rows: range) -> range:
    """Rows of twice the size that hold these."""
    return range(rows.start // 2, -(-rows.stop // 2))
