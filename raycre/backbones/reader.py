"""Predictions of a model, sequence by sequence: each whole, or from the kept activations of its reference."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from raycre.backbones.contract import Backbone, LocalBackbone, check_read
from raycre.backbones.incremental import CACHE_BYTES, Incremental, join_trunks
from raycre.backbones.loading import ready
from raycre.backbones.replicates import n_apart
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.views import FORWARD, View, views_of
from raycre.errors import ConfigError

Codes: TypeAlias = Callable[[], NDArray[np.uint8]]
Lineage: TypeAlias = Sequence[tuple[str, Codes]]
"""Reference sequences by name, uint8 (seq_len,) when called; see `incremental.Lineage`."""


def check_views(model: Backbone, views: Sequence[View]) -> None:
    """Raise ConfigError for views in which the TSS bins would be others."""
    for view in views:
        if abs(view.shift) >= model.bin_size:
            raise ConfigError(
                f"model.shifts: the TSS must stay in its bin of {model.bin_size} bp", value=view.shift
            )
        if view.reverse and {model.n_bins - 1 - b for b in model.tss_bins} != set(model.tss_bins):
            raise ConfigError(
                f"{model.name}'s TSS bins differ on both strands; leave model.reverse_complement out",
                value=model.tss_bins,
            )


class Reader:
    """Reads output bins of sequences.

    Args:
        model: ready to predict, on the device where it stays.
        tracks: rows of the track table.
        incremental: reuse the activations of a sequence's reference where the model can (`LocalBackbone`).
        cache_bytes: of kept activations.
        views: to average over, in one batch; a reverse one reads the other strand's track where the table
            has `strand_pair`.
        bins: output bins to read, which are the same seen from either strand; None: the TSS bins.
    """

    def __init__(
        self,
        model: Backbone,
        tracks: tuple[int, ...],
        *,
        incremental: bool = True,
        cache_bytes: int = CACHE_BYTES,
        views: Sequence[View] = (FORWARD,),
        bins: Sequence[int] | None = None,
    ) -> None:
        check_views(model, views)
        self.model, self.views = model, views
        self.bins = tuple(model.tss_bins if bins is None else bins)
        self.device = getattr(next(chain(model.parameters(), model.buffers()), None), "device", None)
        self.reuse: Incremental | None = None
        if incremental and isinstance(model, LocalBackbone):
            self.reuse = Incremental(model, cache_bytes, at_least=len(views))
        pair = model.tracks["strand_pair"].tolist() if "strand_pair" in model.tracks else None
        by_view = [[pair[t] if view.reverse and pair else t for t in tracks] for view in views]
        self.read_tracks = list(dict.fromkeys(chain.from_iterable(by_view)))
        place = {track: i for i, track in enumerate(self.read_tracks)}
        self._columns = [[place[t] for t in wanted] for wanted in by_view]
        # On the other strand a bin lies where its mirror image is read.
        order = {b: i for i, b in enumerate(self.bins)}
        mirrored = [order[model.n_bins - 1 - b] for b in self.bins] if any(v.reverse for v in views) else []
        self.n_apart, n = n_apart(model), len(self.bins)
        of_view = [mirrored if view.reverse else list(order.values()) for view in views]
        self._bins = [[m * n + b for m in range(self.n_apart) for b in mine] for mine in of_view]

    def whole(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict the bins, the mean over views: uint8 (seq_len,) to float32 (bins, tracks).

        Of replicates that are predicted apart, one's bins follow those of the one before.
        """
        sequence = self._tensor(codes)
        with torch.inference_mode():
            batch = torch.stack([view.of(sequence) for view in self.views])
            return self._mean(self.model.read(batch, self.bins, self.read_tracks))

    def edited(self, codes: NDArray[np.uint8], lineage: Lineage) -> NDArray[np.float32]:
        """`whole`, by way of the activations of reference sequences.

        Args:
            codes: uint8 (seq_len,), equal to the last reference of `lineage` or different in few places.
            lineage: reference sequences by name, each told by the one before it (`incremental.Lineage`), as
                uint8 (seq_len,).
        """
        if self.reuse is None:
            return self.whole(codes)
        sequence = self._tensor(codes)
        check_read(self.model, sequence[None], self.bins, self.read_tracks)
        with torch.inference_mode():
            trunks = [
                self.reuse.trunk([self._seen(reference, view) for reference in lineage], view.of(sequence))
                for view in self.views
            ]
            return self._mean(self.reuse.model.read_trunk(join_trunks(trunks), self.bins, self.read_tracks))

    def _seen(self, reference: tuple[str, Codes], view: View) -> tuple[Hashable, Callable[[], torch.Tensor]]:
        name, codes = reference
        return (name, view), lambda: view.of(self._tensor(codes()))

    def _tensor(self, codes: NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(codes).to(self.device)

    def _mean(self, predicted: torch.Tensor) -> NDArray[np.float32]:
        """Over views, in float64: (views, bins, tracks) to (bins, tracks), each strand's own way round."""
        asked = [
            row[bins][:, columns]
            for row, bins, columns in zip(predicted.cpu().double(), self._bins, self._columns, strict=True)
        ]
        return torch.stack(asked).mean(0).float().numpy()


def open_reader(
    loaded: Backbone,
    spec: BackboneSpec,
    tracks: tuple[int, ...],
    cache_bytes: int,
    device: torch.device | str = "cpu",
) -> Reader:
    """Make a model from `load` ready on `device`, to be read as `spec` says."""
    return Reader(
        ready(loaded, spec.dtype, device),
        tracks,
        incremental=spec.incremental,
        cache_bytes=cache_bytes,
        views=views_of(spec.shifts, spec.reverse_complement),
    )
