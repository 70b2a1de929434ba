"""What a model makes of regions: codes, embedding and class probabilities, and their places on a map."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from raycre.create.evaluation.decoders import centred
from raycre.create.evaluation.projection import Concatenated, Plane, project
from raycre.create.fold_data import FoldData
from raycre.create.model.create import Create
from raycre.create.model.network import columns_of


class Seen(NamedTuple):
    """What a model makes of n regions, centred window, forward strand.

    codes: unsigned (n, 26, M), the smallest type that holds K; None without a codebook.
    embedding: float32 (n, dimensions), which codes cannot stand for: the mean over positions, or the
    concatenation where there are no codes; None where codes stand for it.
    probabilities: float32 (n, 5), NaN in the columns of classes that were not trained.
    """

    codes: NDArray[Any] | None
    embedding: NDArray[np.float32] | None
    probabilities: NDArray[np.float32]


@torch.no_grad()
def encode_regions(model: Create, data: FoldData, rows: NDArray[np.int64], *, mean: bool = False) -> Seen:
    """Encode and classify the regions `rows`; `mean`: keep the mean embedding over positions."""
    codes, embedding, probabilities = [], [], []
    for _, x in centred(model, data, rows):
        latent = model.quantizer(model.encode(x))
        if mean or latent.codes is None:
            kept = latent.z_q.mean(dim=1) if mean else latent.z_q.flatten(1)
            embedding.append(kept.cpu().numpy())
        of_classes = columns_of(model.head(latent.z_q).softmax(dim=1), model.classes)
        probabilities.append(of_classes.cpu().numpy())
        if latent.codes is not None:
            kind = np.min_scalar_type(model.sizes.codes - 1)
            codes.append(latent.codes.cpu().numpy().astype(kind))
    return Seen(
        np.concatenate(codes) if codes else None,
        np.concatenate(embedding) if embedding else None,
        np.concatenate(probabilities),
    )


def map_regions(seen: Seen, codebook: NDArray[Any] | None, chosen: NDArray[np.int64], seed: int) -> Plane:
    """Put the chosen regions on a plane."""
    if seen.embedding is not None:
        return project(seen.embedding[chosen], seed)
    assert seen.codes is not None
    assert codebook is not None
    return project(Concatenated(seen.codes[chosen], codebook), seed)
