"""Labelled regions as wide windows, and the model's input for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from raycre.create.inputs import region_input, view_input
from raycre.create.views import Views


@dataclass(frozen=True)
class FoldData:
    """Labelled regions as wide windows, and which of them each part of the fold uses.

    codes: uint8 (n, 1000 + 2·flank). openness, loops: numbers of that shape, or None where the model
    does not read them; openness is the sum over `replicates`. labels: integer (n,). train, validation,
    test: int64 rows. All may be memory maps.
    """

    codes: np.ndarray
    openness: np.ndarray | None
    loops: np.ndarray | None
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    replicates: int = 1

    def inputs(
        self,
        rows: np.ndarray,
        views: Views,
        modalities: Sequence[str],
        device: torch.device,
        log_openness: bool = True,
    ) -> Tensor:
        """The model's input, float32 (rows, input rows, 1000), for one view of each of `rows`."""
        raw = self._raw(rows, device)
        return view_input(*raw, views, modalities, log_openness=log_openness)

    def wide_inputs(
        self, rows: np.ndarray, modalities: Sequence[str], device: torch.device, log_openness: bool = True
    ) -> Tensor:
        """The same for the wide windows that all views of `rows` are cut from."""
        return region_input(*self._raw(rows, device), modalities, log_openness)

    def _raw(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor | None]:
        codes = torch.from_numpy(self.codes[rows]).to(device)
        # Divided before it travels: a GPU may multiply by the reciprocal, which is not the same.
        openness, loops = (
            None if track is None else torch.from_numpy(track[rows].astype(np.float32) / divisor).to(device)
            for track, divisor in ((self.openness, np.float32(self.replicates)), (self.loops, np.float32(1)))
        )
        return codes, openness, loops
