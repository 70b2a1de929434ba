"""Exact reuse of activations: predict an edited sequence by recomputing only what the edit can change.

The trunk of a reference sequence (a wild type, a shuffled background) is computed once and stored. For an
edited sequence the rows that differ are computed from crops round the changed bases and spliced in. An edited
sequence may be a reference in its turn. Crops are stored as well: a tile with the same bases and neighbours
is the same crop in any sequence. What follows the trunk sees the whole sequence and is computed anew. Edits
are found by comparing bases.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from raycre.backbones.contract import LocalBackbone, check_read
from raycre.backbones.crops import Field, Trunk
from raycre.errors import InputError
from raycre.events import CACHE, emit

Lineage: TypeAlias = Sequence[tuple[Hashable, Callable[[], Tensor]]]
"""Reference sequences by name, uint8 (seq_len,) when called: the first stands by itself, each of the others
differs from the one before it in few places, and its trunk is spliced from that one's."""

CACHE_BYTES = 2 << 30  # Enformer keeps 24 MiB a reference sequence, Borzoi 200 MiB and a replicate
SHARE_OF_CROPS = 0.25  # of the cache: all shuffles of all tiles of a gene take 0.3 GiB with Enformer


class Incremental:
    """Reads sequences of a model that differ from a few reference sequences in few places.

    The answer is that of `model.read` up to rounding. Its bits depend on the batch and its reference
    alone: not on what is in the cache, nor on what came before.

    Args:
        model: in evaluation mode, on the device where it stays.
        cache_bytes: trunks and crops kept, the longest unused ones going first.
        at_least: so many are held whatever their size: the views of one sequence.
    """

    def __init__(self, model: LocalBackbone, cache_bytes: int = CACHE_BYTES, at_least: int = 1) -> None:
        self.model, self.at_least = model, at_least
        self.field = Field(model.seq_len, model.strides, model.reaches)
        self.cache_bytes = cache_bytes
        self._kept: OrderedDict[Hashable, tuple[Tensor, Trunk]] = OrderedDict()
        self._crops: OrderedDict[tuple[int, int, bytes], Trunk] = OrderedDict()
        self._bytes_of_crops = 0

    def read(
        self, key: Hashable, reference: Tensor, edited: Tensor, bins: Sequence[int], tracks: Sequence[int]
    ) -> Tensor:
        """Predict edited sequences.

        Args:
            key: name of the reference; the same name means the same bases.
            reference: uint8 (seq_len,), 0-3 = A, C, G, T and 4 = N.
            edited: uint8 (n, seq_len), each equal to `reference` in most or all places.
            bins: 0-based output bins.
            tracks: rows of the track table.

        Returns:
            float32 (n, len(bins), len(tracks)).

        Raises:
            InputError: as `Backbone.read`; or another reference under a name that is known.
        """
        check_read(self.model, reference[None], bins, tracks)
        check_read(self.model, edited, bins, tracks)
        with torch.inference_mode():
            trunks = [self.trunk([(key, lambda: reference)], e) for e in edited]
            return self.model.read_trunk(join_trunks(trunks), bins, tracks)

    def trunk(self, lineage: Lineage, edited: Tensor) -> Trunk:
        """The trunk of a sequence, uint8 (seq_len,), close to the last of `lineage`."""
        return self.splice(self._trunk(lineage), lineage[-1][1](), edited)

    def splice(self, trunk: Trunk, reference: Tensor, edited: Tensor) -> Trunk:
        """The trunk of one edited sequence, (seq_len,), from its reference's, which stays as it is."""
        crops = self.field.crops(torch.nonzero(reference != edited).flatten().cpu())
        spliced = tuple(level.clone() for level in trunk) if crops else trunk
        for crop in crops:
            self.field.write(spliced, crop, self._crop(crop.start, crop.end, edited))
        return spliced

    def _crop(self, start: int, end: int, edited: Tensor) -> Trunk:
        """Compute the trunk of bases [start, end), or take it from the last ones computed."""
        codes = edited[start:end]
        key = (start, end, codes.cpu().numpy().tobytes())
        emit(CACHE, what="activations", hit=key in self._crops)
        if key in self._crops:
            self._crops.move_to_end(key)
            return self._crops[key]
        computed = self.model.trunk(codes[None])
        self._crops[key] = computed
        self._bytes_of_crops += _bytes(computed)
        while self._bytes_of_crops > self.cache_bytes * SHARE_OF_CROPS:
            self._bytes_of_crops -= _bytes(self._crops.popitem(last=False)[1])
        return computed

    def _trunk(self, lineage: Lineage) -> Trunk:
        key, reference = lineage[-1][0], lineage[-1][1]()
        emit(CACHE, what="activations", hit=key in self._kept)
        if key in self._kept:
            self._kept.move_to_end(key)
            known, trunk = self._kept[key]
            if not torch.equal(known, reference):
                raise InputError("two different reference sequences have one name", value=key)
            return trunk
        if len(lineage) == 1:
            trunk = self.model.whole_trunk(reference[None])
        else:
            trunk = self.splice(self._trunk(lineage[:-1]), lineage[-2][1](), reference)
        self._kept[key] = reference, trunk
        most = self.cache_bytes * (1 - SHARE_OF_CROPS)
        while len(self._kept) > self.at_least and sum(_bytes(t) for _, t in self._kept.values()) > most:
            self._kept.popitem(last=False)
        return trunk

    def bytes_kept(self) -> int:
        """Bytes of all trunks and crops in the cache."""
        return sum(_bytes(trunk) for _, trunk in self._kept.values()) + self._bytes_of_crops


def _bytes(trunk: Trunk) -> int:
    return sum(level.nbytes for level in trunk)


def join_trunks(trunks: Sequence[Trunk]) -> Trunk:
    """One batch of several sequences' trunks."""
    return tuple(torch.cat(level) for level in zip(*trunks, strict=True))
