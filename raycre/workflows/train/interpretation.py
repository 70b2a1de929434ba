"""What a trained fold has learnt, as tables: decoders, embeddings, spectrum, and what major features do.

They are written beside its weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from raycre.create.evaluation.decoders import compare_decoders
from raycre.create.evaluation.embedding import Seen, encode_regions, map_regions
from raycre.create.evaluation.major_features import major_features, sample
from raycre.create.evaluation.metrics import predicted
from raycre.create.evaluation.projection import Plane
from raycre.create.evaluation.settings import Interpretation
from raycre.create.evaluation.spectrum import UNUSED, Spectrum, count_features, spectrum_of
from raycre.create.fold_data import FoldData
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.errors import LabelError
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import (
    CODEBOOK,
    DECODERS,
    MAJOR_FEATURES,
    MAP,
    MAP_OF,
    MAP_WHY,
    OPENNESS_UNIT,
    OPENNESS_UNITS,
    SPECTRUM,
    embeddings_schema,
)
from raycre.workflows.codes import flat_rows

DECODERS_FILE, EMBEDDINGS_FILE, SPECTRUM_FILE = "decoders.parquet", "embeddings.parquet", "spectrum.parquet"
CODEBOOK_FILE, MAJOR_FILE = "codebook.parquet", "major_features.parquet"
ZEROED_FILE, RECONSTRUCTION_FILE = "zeroed.parquet", "reconstruction.parquet"


def write_interpretation(
    folder: Path,
    model: nn.Module,
    data: FoldData,
    rows: NDArray[np.int64],
    metadata: dict[str, str],
    settings: Interpretation | None = None,
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
    settings = settings or Interpretation()
    model.eval()
    decoders = compare_decoders(model, data, np.concatenate([data.validation, rows]))
    write_table(folder / DECODERS_FILE, as_table(decoders, DECODERS, metadata))
    seen = encode_regions(model, data, rows, mean=settings.embedding == "mean")
    labels = np.asarray(data.labels[rows], np.int64)
    codebook = model.quantizer.codebook.cpu().numpy() if isinstance(model.quantizer, SplitQuantizer) else None
    chosen = sample(data, rows, settings.mapped)
    plane = map_regions(seen, codebook, chosen, seed)
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
    found = major_features(model, data, rows, seen.codes, spectrum, settings)
    told = {
        **metadata,
        OPENNESS_UNIT: OPENNESS_UNITS[model.log_openness],
        "per_class": "all" if settings.per_class is None else str(settings.per_class),
        "base_by_base": str(settings.base_by_base),
    }
    write_table(folder / RECONSTRUCTION_FILE, found.reconstruction.replace_schema_metadata(told))
    write_table(folder / ZEROED_FILE, found.zeroed.replace_schema_metadata(told))
    write_table(folder / MAJOR_FILE, as_table(found.classes, MAJOR_FEATURES, told))


def constant_decoders(folders: dict[int, Path]) -> dict[str, list[int]]:
    """The folds in which a decoder's output is constant, by modality; empty where all live.

    Args:
        folders: of finished folds, by number; a baseline's has no such table.
    """
    dead: dict[str, list[int]] = {}
    for fold, folder in folders.items():
        path = folder / DECODERS_FILE
        if path.is_file():
            rows = read_table(path).to_pandas()
            for name in rows.loc[rows["constant"], "modality"]:
                dead.setdefault(str(name), []).append(fold)
    return dead


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
