"""All trained folds together: probabilities averaged over folds and views, and the call they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from raycre.create.inference.cutoffs import call
from raycre.create.inference.fast import classifier_of
from raycre.create.inputs import region_input
from raycre.create.layout import WIDTH
from raycre.create.model.create import Create
from raycre.create.model.network import Network
from raycre.create.views import region_views

# Regions of one forward pass. Shapes are fixed and a region keeps its row in the batch (its number modulo
# this), because the last bits of a matrix product depend on both; so they do not depend on sharding.
BATCH = 32


class Predictions(NamedTuple):
    """Of n regions.

    mean, sd: float32 (n, 5), over folds (population s.d.). call: uint8 (n,), class. margin: float32 (n,).
    """

    mean: NDArray[np.float32]
    sd: NDArray[np.float32]
    call: NDArray[np.uint8]
    margin: NDArray[np.float32]


class Ensemble:
    """Trained folds and the cutoffs of their mean.

    Args:
        models: one per fold, in evaluation mode, all of one modality set; their weights stay as they are.
        cutoffs: float (5,), of the mean probability over these folds; NaN of a class that is never called.
        n_views: shifts times strands to average.
        device: where the models are.
    """

    def __init__(
        self,
        models: Sequence[Network],
        cutoffs: NDArray[np.floating],
        n_views: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.folds = [classifier_of(model) for model in models]
        self.create_models = [model for model in models if isinstance(model, Create)]
        self.modalities, self.log_openness = models[0].modalities, models[0].log_openness
        self.views, self.device = region_views(n_views), device
        self.cutoffs = cutoffs.astype(np.float32)

    def predict(
        self,
        codes: NDArray[np.uint8],
        openness: NDArray[np.float32] | None,
        loops: NDArray[np.float32] | None,
        *,
        first: int,
    ) -> Predictions:
        """Class n regions.

        Args:
            codes: uint8 (n, width), wide enough for every shift.
            openness: float32 (n, width), or None.
            loops: float32 (n, width), or None.
            first: number of the first region in the run; it decides the row in the batch.
        """
        batches = [
            np.stack([fold.probabilities(wide, self.views).cpu().numpy() for fold in self.folds])
            for wide in self._wide_batches(codes, openness, loops, first)
        ]
        folds = _kept(np.concatenate(batches, axis=1), first, len(codes))
        mean = folds.mean(0)
        found, margin = call(mean, self.cutoffs)
        return Predictions(
            mean.astype(np.float32), folds.std(0).astype(np.float32), found, margin.astype(np.float32)
        )

    def features(
        self,
        codes: NDArray[np.uint8],
        openness: NDArray[np.float32] | None,
        loops: NDArray[np.float32] | None,
        *,
        first: int,
    ) -> NDArray[np.int64]:
        """Codebook features of n regions as each fold sees them: int64 (folds, n, 26, M).

        Of the centred window, forward strand. Arguments as of `predict`; the models must have codebooks.
        """
        centre = (codes.shape[1] - WIDTH) // 2
        batches = []
        for wide in self._wide_batches(codes, openness, loops, first):
            window = wide[:, :, centre : centre + WIDTH]
            with torch.no_grad():
                found = [model.quantizer(model.encode(window)).codes for model in self.create_models]
            batches.append(np.stack([fold.cpu().numpy() for fold in found]))
        return _kept(np.concatenate(batches, axis=1), first, len(codes))

    def _wide_batches(
        self,
        codes: NDArray[np.uint8],
        openness: NDArray[np.float32] | None,
        loops: NDArray[np.float32] | None,
        first: int,
    ) -> Iterator[Tensor]:
        """Inputs of BATCH wide windows each, the first region in its own row."""
        lead = first % BATCH
        for start in range(-lead, len(codes), BATCH):
            base, opened, looped = (_rows(a, start, self.device) for a in (codes, openness, loops))
            assert base is not None
            yield region_input(base, opened, looped, self.modalities, self.log_openness)


def _kept(batches: NDArray[Any], first: int, n: int) -> NDArray[Any]:
    """Cut (folds, rows, ...) down to the n regions that are asked for."""
    lead = first % BATCH
    return batches[:, lead : lead + n]


def _rows(array: NDArray[Any] | None, start: int, device: torch.device | str) -> Tensor | None:
    """Return rows [start, start + BATCH) of `array`, zero where there are none."""
    if array is None:
        return None
    batch = np.zeros((BATCH, array.shape[1]), array.dtype)
    begin, stop = max(start, 0), min(start + BATCH, len(array))
    batch[begin - start : stop - start] = array[begin:stop]
    return torch.from_numpy(batch).to(device)
