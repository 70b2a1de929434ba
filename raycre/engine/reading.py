"""How a replica reads TSS activity: each sequence whole, or from the kept activations of its base."""

from __future__ import annotations

from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from raycre.backbones.contract import Backbone, LocalBackbone
from raycre.backbones.incremental import CACHE_BYTES, Incremental
from raycre.backbones.precision import lower
from raycre.backbones.registry import load_backbone
from raycre.config import BackboneConfig


def load(model: BackboneConfig, device: torch.device | str = "cpu") -> Backbone:
    """Load the configured backbone in its precision, ready to predict on `device`."""
    loaded = load_backbone(
        model.backbone,
        weights=model.weights,
        head=model.head,
        track_table=model.track_table,
        **model.settings(),
    )
    loaded.eval().to(device).precompute()
    if model.dtype == "bfloat16":
        lower(loaded, torch.bfloat16)
    return loaded


class Reader:
    """Reads the TSS activity of sequences.

    Args:
        model: from `load`.
        tracks: rows of the track table.
        incremental: reuse the activations of a sequence's base where the model can (`LocalBackbone`).
        cache_bytes: of kept activations.
    """

    def __init__(
        self,
        model: Backbone,
        tracks: tuple[int, ...],
        *,
        incremental: bool = True,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.model, self.tracks = model, tracks
        self.device = next(chain(model.parameters(), model.buffers())).device
        self.reuse: Incremental | None = None
        if incremental and isinstance(model, LocalBackbone):
            self.reuse = Incremental(model, cache_bytes)

    def whole(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Mean prediction over the TSS bins (CREME, Methods): uint8 (seq_len,) to float64 (tracks,)."""
        with torch.inference_mode():
            return self._mean(self.model.read(self._tensor(codes)[None], self.model.tss_bins, self.tracks))

    def edited(self, codes: NDArray[np.uint8], key: str, base: NDArray[np.uint8]) -> NDArray[np.float64]:
        """`whole`, by way of the activations of `base`, uint8 (seq_len,), whose name is `key`."""
        if self.reuse is None:
            return self.whole(codes)
        same = self._tensor(base)
        sequence = same if codes is base else self._tensor(codes)
        return self._mean(self.reuse.read(key, same, sequence[None], self.model.tss_bins, self.tracks))

    def _tensor(self, codes: NDArray[np.uint8]) -> torch.Tensor:
        return torch.from_numpy(codes).to(self.device)

    def _mean(self, predicted: torch.Tensor) -> NDArray[np.float64]:
        return predicted[0].cpu().double().mean(0).numpy()
