"""Do a fold's decoders live? How much of what they decode depends on the region, held against their input."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from raycre.create.fold_data import FoldData
from raycre.create.layout import ROWS, WIDTH
from raycre.create.model.create import Create
from raycre.create.views import Views
from raycre.store.schemas import DECODERS

BATCH = 64  # regions of one forward pass; fixed, since the last bits of a matrix product depend on it
DEAD = 0.01  # share of the input's s.d. below which a decoder is called constant; ours


def centred(
    model: Create, data: FoldData, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """The regions `rows` in batches: (rows, x), centred window, forward strand."""
    device = next(model.parameters()).device
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        views = Views(np.zeros(len(part), np.int64), np.zeros(len(part), bool))
        yield part, data.inputs(part, views, model.modalities, device, model.log_openness)


def decoded(model: Create, z_q: Tensor) -> Tensor:
    """What a latent embedding is decoded as, in the input's units: bases as probabilities."""
    recon = model.decode(z_q)
    n_bases = ROWS["sequence"] if "sequence" in model.modalities else 0
    return torch.cat([recon[:, :n_bases].sigmoid(), recon[:, n_bases:]], dim=1)


class Spread:
    """S.d. over regions at each row and position, of regions that come in batches."""

    def __init__(self, rows: int) -> None:
        self.n = 0
        self.sums = np.zeros((2, rows, WIDTH))

    def add(self, x: Tensor) -> None:
        """Add regions: (n, rows, 1000)."""
        x = x.detach().cpu().double()
        self.n += len(x)
        self.sums += np.stack([x.sum(dim=0).numpy(), x.square().sum(dim=0).numpy()])

    def sd(self, rows: slice) -> float:
        """Root mean square over rows and positions of the s.d. over regions (population)."""
        first, second = self.sums[:, rows] / max(self.n, 1)
        return float(np.sqrt(np.maximum(second - first**2, 0).mean()))


@torch.no_grad()
def compare_decoders(model: Create, data: FoldData, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Decode the regions `rows`: a row of DECODERS for each modality; the model is in evaluation mode."""
    before, after = Spread(sum(model.rows)), Spread(sum(model.rows))
    for _, x in centred(model, data, rows):
        before.add(x)
        after.add(decoded(model, model.quantizer(model.encode(x)).z_q))
    found, first = [], 0
    for name, width in zip(model.modalities, model.rows, strict=True):
        part = slice(first, first + width)
        first = part.stop
        of_input, of_output = before.sd(part), after.sd(part)
        share = of_output / of_input if of_input else np.nan
        found.append((name, len(rows), of_input, of_output, share, bool(share < DEAD)))
    return pd.DataFrame(found, columns=DECODERS.names)
