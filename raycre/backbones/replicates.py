"""Several trainings of one backbone, read as one: the mean of their predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import cast

import torch
from torch import Tensor, nn

from raycre.backbones.contract import Backbone, LocalBackbone
from raycre.errors import ConfigError


class Replicates(LocalBackbone):
    """The mean over members that differ in their weights only, or with `apart` each member by itself.

    Borzoi is four trainings, averaged (CREME Methods, "Borzoi"). An effect of the mean is a ratio of means;
    CREME's published contexts of Borzoi are by the mean of the members' own ratios (DIVERGENCES 14).

    Args:
        members: at least one, all of the same sizes and with the same tracks.

    Attributes:
        apart: predictions are not averaged; the bins of one member follow those of the one before.
        weights_sha256: hash of the members' hashes, in order, joined by line breaks.

    Raises:
        ConfigError: none, one twice, or members of different sizes.
    """

    def __init__(self, members: Sequence[LocalBackbone]) -> None:
        super().__init__()
        if not members:
            raise ConfigError("an ensemble needs at least one file of weights; model.weights is empty")
        first = members[0]
        for member in members[1:]:
            sizes = [(m.name, m.seq_len, m.n_bins, len(m.tracks)) for m in (first, member)]
            if sizes[0] != sizes[1]:
                raise ConfigError(f"replicates differ in name or sizes: {sizes[0]} and {sizes[1]}")
        hashes = [member.weights_sha256 for member in members]
        if len(set(hashes)) < len(hashes):
            raise ConfigError("two replicates have the same weights; name each file once in model.weights")
        self.members = nn.ModuleList(members)
        self.apart = False
        self.name, self.seq_len, self.tracks = first.name, first.seq_len, first.tracks
        self.bin_size, self.n_bins = first.bin_size, first.n_bins
        self.lowers = all(member.lowers for member in members)
        self.shares_weights = all(member.shares_weights for member in members)
        self.trained = all(member.trained for member in members)
        self.weights_sha256 = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        self.strides = tuple(chain.from_iterable(member.strides for member in members))
        self.reaches = tuple(chain.from_iterable(member.reaches for member in members))

    @property
    def tss_bins(self) -> tuple[int, ...]:
        """The members' own."""
        return self._each()[0].tss_bins

    def _each(self) -> list[LocalBackbone]:
        return cast(list[LocalBackbone], list(self.members))

    def precompute(self) -> None:
        """Every member's."""
        for member in self._each():
            member.precompute()

    def trunk(self, codes: Tensor) -> tuple[Tensor, ...]:
        """All members' trunks, one after another."""
        return tuple(chain.from_iterable(member.trunk(codes) for member in self._each()))

    def one_hot(self, codes: Tensor) -> Tensor:
        """The members' own spelling, which is the same for all."""
        return self._each()[0].one_hot(codes)

    def trunk_one_hot(self, one_hot: Tensor) -> tuple[Tensor, ...]:
        """All members' trunks, one after another."""
        return tuple(chain.from_iterable(member.trunk_one_hot(one_hot) for member in self._each()))

    def read_trunk(self, trunk: tuple[Tensor, ...], bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """The mean of what the members read from their parts of the trunk, or all of it, if `apart`.

        Returns:
            float32 (n, len(bins), len(tracks)); `apart`: (n, members x len(bins), len(tracks)).
        """
        levels = iter(trunk)
        predicted = [
            member.read_trunk(tuple(next(levels) for _ in member.strides), bins, tracks)
            for member in self._each()
        ]
        return torch.cat(predicted, dim=1) if self.apart else torch.stack(predicted).mean(0)


def n_apart(model: Backbone) -> int:
    """Return how many replicates a model predicts each by itself; 1 for all else."""
    return len(model.members) if isinstance(model, Replicates) and model.apart else 1
