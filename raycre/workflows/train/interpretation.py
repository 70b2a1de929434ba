"""What a trained fold has learnt, as tables: decoders, embeddings, spectrum, and what major features do.

Reads a fold's regions in batches and writes beside its weights. Knows no Ray.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import nn

from raycre.config.models import InterpretationConfig
from raycre.create.evaluation.metrics import predicted
from raycre.create.evaluation.projection import Concatenated, Plane, project
from raycre.create.evaluation.spectrum import UNUSED, Spectrum, count_features, spectrum_of
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.network import columns_of
from raycre.create.training.fold import FoldData
from raycre.errors import LabelError
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import CODEBOOK, MAP, MAP_OF, MAP_WHY, SPECTRUM, embeddings_schema
from raycre.workflows.codes import flat_rows
from raycre.workflows.train.decoders import BATCH, centred, write_decoders
from raycre.workflows.train.major_features import sample, write_major_features

__all__ = ["BATCH", "map_methods", "write_interpretation"]

EMBEDDINGS_FILE, SPECTRUM_FILE = "embeddings.parquet", "spectrum.parquet"
CODEBOOK_FILE = "codebook.parquet"


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


def write_interpretation(
    folder: Path,
    model: nn.Module,
    data: FoldData,
    rows: NDArray[np.int64],
    metadata: dict[str, str],
    settings: InterpretationConfig | None = None,
    *,
    seed: int = 0,
) -> None:
    """Write the tables of a finished fold to its folder (CREATE Methods, "Feature spectrum", and Fig. 4).

    A model with a codebook gets decoders, embeddings, codebook, spectrum, major_features, zeroed and
    reconstruction. CREATE with a continuous latent space has no codes and gets decoders and embeddings
    alone, with null codes. A baseline has neither an embedding of that kind nor a decoder and gets nothing.
    Leaves the model in evaluation mode. Memory: a region's codes (416 bytes at the paper's sizes), 12 KB for
    each one kept base by base, and the map's (see `project`): 13 KB for each of `mapped` where it is UMAP's.

    Args:
        folder: of the fold.
        model: the fold's best, on any device.
        data: of the fold; decoders are also held against its validation set.
        rows: int64 (n,), regions to look at; the fold's test set.
        metadata: key-value metadata of Parquet files.
        settings: of the configuration; its defaults where None.
        seed: of the map.

    Raises:
        LabelError: no regions.
    """
    if not isinstance(model, Create):
        return
    if not len(rows):
        raise LabelError("no regions to interpret; a fold needs regions in its test set")
    settings = settings or InterpretationConfig()
    model.eval()
    write_decoders(folder, model, data, np.concatenate([data.validation, rows]), metadata)
    seen = encode_regions(model, data, rows, mean=settings.embedding == "mean")
    labels = np.asarray(data.labels[rows], np.int64)
    codebook = model.quantizer.codebook.cpu().numpy() if isinstance(model.quantizer, SplitQuantizer) else None
    chosen = sample(data, rows, settings.mapped)
    plane = _map(seen, codebook, chosen, seed)
    told = {
        **metadata,
        "embedding": settings.embedding,
        MAP: plane.method,
        MAP_WHY: plane.why,
        MAP_OF: f"{len(chosen)} of {len(rows)}",
    }
    n_codes = 1 if codebook is None else len(codebook)
    columns = _embeddings(rows, labels, seen, chosen, plane)
    write_table(folder / EMBEDDINGS_FILE, as_table(columns, embeddings_schema(n_codes), told))
    if seen.codes is None or codebook is None:
        return
    vectors = {"code": np.arange(n_codes), "vector": list(codebook)}
    write_table(folder / CODEBOOK_FILE, as_table(vectors, CODEBOOK, metadata))
    spectrum = spectrum_of(count_features(seen.codes, labels, n_codes))
    write_table(folder / SPECTRUM_FILE, as_table(_spectrum(spectrum), SPECTRUM, metadata))
    write_major_features(folder, model, data, rows, seen.codes, spectrum, settings, metadata)


def map_methods(folders: dict[int, Path]) -> dict[str, list[int]]:
    """The folds whose regions are mapped by each method, and those by none.

    Args:
        folders: of finished folds, by number; a baseline's has no embeddings.
    """
    found: dict[str, list[int]] = {}
    for fold, folder in folders.items():
        if (folder / EMBEDDINGS_FILE).is_file():
            told = read_table(folder / EMBEDDINGS_FILE, ["region_id"]).schema.metadata or {}
            found.setdefault(told.get(MAP.encode(), b"none").decode(), []).append(fold)
    return found


def _map(seen: Seen, codebook: NDArray[Any] | None, chosen: NDArray[np.int64], seed: int) -> Plane:
    """Places of the chosen regions on a plane."""
    if seen.embedding is not None:
        return project(seen.embedding[chosen], seed)
    assert seen.codes is not None
    assert codebook is not None
    return project(Concatenated(seen.codes[chosen], codebook), seed)


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


def _embeddings(
    rows: NDArray[np.int64], labels: NDArray[np.int64], seen: Seen, chosen: NDArray[np.int64], plane: Plane
) -> dict[str, object]:
    names = np.array(CLASSES)
    places = np.full((len(rows), 2), np.nan)
    places[chosen] = plane.at
    return {
        "region_id": rows,
        "label": names[labels],
        "call_argmax": names[predicted(seen.probabilities)],
        **{f"p_{c}": seen.probabilities[:, i] for i, c in enumerate(CLASSES)},
        "x": places[:, 0],
        "y": places[:, 1],
        "codes": [None] * len(rows) if seen.codes is None else flat_rows(seen.codes),
    }


def _spectrum(spectrum: Spectrum) -> pd.DataFrame:
    n_classes, n_codes = spectrum.count.shape
    position = np.full(n_codes, np.nan)
    position[spectrum.order] = np.arange(len(spectrum.order))
    owners = [None if label == UNUSED else CLASSES[label] for label in spectrum.class_of_feature]
    return pd.DataFrame(
        {
            "class": np.repeat(CLASSES, n_codes),
            "code": np.tile(np.arange(n_codes), n_classes),
            "count": spectrum.count.ravel(),
            "t": spectrum.t.ravel(),
            "p": spectrum.p.ravel(),
            "p_max": np.tile(spectrum.p_max, n_classes),
            "class_of_feature": owners * n_classes,
            "order": pd.array(np.tile(position, n_classes), dtype="Int64"),
        }
    )
