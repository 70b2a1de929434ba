"""What a trained fold has learnt, as tables: spectrum, embeddings, and decoding without a major feature.

Reads a fold's test regions in batches and writes beside its weights. Knows no configuration and no Ray.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from raycre.create.augment import Views
from raycre.create.fold import FoldData
from raycre.create.layout import CLASSES, ROWS
from raycre.create.metrics import predicted
from raycre.create.model import Create
from raycre.create.network import columns_of
from raycre.create.quantizer import SplitQuantizer
from raycre.create.spectrum import UNUSED, Spectrum, count_features, embed, spectrum_of, zero_feature
from raycre.errors import LabelError
from raycre.genome.sequence import N_CODE, decode, encode
from raycre.store.parquet import as_table, write_table
from raycre.store.schemas import (
    MAJOR_FEATURES,
    OPENNESS_UNIT,
    OPENNESS_UNITS,
    RECONSTRUCTION,
    SPECTRUM,
    codes_schema,
    embeddings_schema,
)

BATCH = 64  # regions of one forward pass; fixed, since the last bits of a matrix product depend on it
PER_CLASS = 200  # regions of a class that are decoded with and without its major feature; ours
EMBEDDINGS_FILE, SPECTRUM_FILE = "embeddings.parquet", "spectrum.parquet"
MAJOR_FILE, RECONSTRUCTION_FILE = "major_features.parquet", "reconstruction.parquet"
_KINDS = ("original", "reconstructed", "zeroed")


class Seen(NamedTuple):
    """What a model makes of n regions, centred window, forward strand.

    codes: unsigned (n, 26, M), the smallest type that holds K; None without a codebook.
    embedding: float32 (n, embedding), mean over positions. probabilities: float32 (n, 5), NaN in the columns
        of classes that were not trained.
    """

    codes: NDArray | None
    embedding: NDArray[np.float32]
    probabilities: NDArray[np.float32]


def write_interpretation(
    folder: Path,
    model: nn.Module,
    data: FoldData,
    rows: NDArray[np.int64],
    metadata: dict[str, str],
    *,
    per_class: int = PER_CLASS,
) -> None:
    """Write the tables of a finished fold to its folder (CREATE Methods, "Feature spectrum", and Fig. 4).

    A model with a codebook gets embeddings, spectrum, major_features and reconstruction. CREATE with a
    continuous latent space has no codes and gets embeddings alone, with null codes. A baseline has neither
    an embedding of that kind nor a decoder and gets nothing. Leaves the model in evaluation mode. Memory:
    under 2 KB a region at the paper's sizes, beside `per_class` decoded regions of each class.

    Args:
        folder: of the fold.
        model: the fold's best, on any device.
        data: of the fold.
        rows: int64 (n,), regions to look at; the fold's test set.
        metadata: key-value metadata of Parquet files.
        per_class: regions of a class to decode at most, evenly spaced over those that use the feature.

    Raises:
        LabelError: no regions.
    """
    if not isinstance(model, Create):
        return
    if not len(rows):
        raise LabelError("no regions to interpret; a fold needs regions in its test set")
    model.eval()
    seen = encode_regions(model, data, rows)
    labels = np.asarray(data.labels[rows], np.int64)
    n_codes = len(model.quantizer.codebook) if isinstance(model.quantizer, SplitQuantizer) else 1
    table = as_table(_embeddings(rows, labels, seen), embeddings_schema(n_codes), metadata)
    write_table(folder / EMBEDDINGS_FILE, table)
    if seen.codes is None:
        return
    spectrum = spectrum_of(count_features(seen.codes, labels, n_codes))
    write_table(folder / SPECTRUM_FILE, as_table(_spectrum(spectrum), SPECTRUM, metadata))
    parts, majors = [RECONSTRUCTION.empty_table()], []
    for label, name in enumerate(CLASSES):
        major: dict[str, object] = {"class": name, "code": None, "n_regions": 0, "n_decoded": 0}
        majors.append(major)
        code = spectrum.major_feature(label)
        if code is None:
            continue
        users = np.flatnonzero((labels == label) & (seen.codes == code).any(axis=(1, 2)))
        chosen = users[spread(len(users), per_class)]
        columns = _decode(model, data, rows[chosen], seen.codes[chosen], code)
        parts.append(as_table({**columns, "class": [name] * len(chosen)}, RECONSTRUCTION))
        major.update(code=code, p=float(spectrum.p_max[code]), n_regions=len(users), n_decoded=len(chosen))
        major.update(_means(columns))
    metadata = {**metadata, OPENNESS_UNIT: OPENNESS_UNITS[model.log_openness]}
    joined = pa.concat_tables(parts).replace_schema_metadata(metadata)
    write_table(folder / RECONSTRUCTION_FILE, joined)
    table = as_table(pd.DataFrame(majors, columns=MAJOR_FEATURES.names), MAJOR_FEATURES, metadata)
    write_table(folder / MAJOR_FILE, table)


def spread(n: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the numbers 0 to n - 1, evenly spaced: int64."""
    kept = min(n, most)
    return np.arange(kept) * n // max(kept, 1)


@torch.no_grad()
def encode_regions(model: Create, data: FoldData, rows: NDArray[np.int64]) -> Seen:
    """Encode and classify the regions `rows`; nothing is decoded."""
    codes, embedding, probabilities = [], [], []
    for _, x in _batches(model, data, rows):
        latent = model.quantizer(model.encode(x))
        embedding.append(latent.z_q.mean(dim=1).cpu().numpy())
        of_classes = columns_of(model.head(latent.z_q).softmax(dim=1), model.classes)
        probabilities.append(of_classes.cpu().numpy())
        if latent.codes is not None:
            kind = np.min_scalar_type(model.sizes.codes - 1)
            codes.append(latent.codes.cpu().numpy().astype(kind))
    return Seen(
        np.concatenate(codes) if codes else None, np.concatenate(embedding), np.concatenate(probabilities)
    )


def codes_table(
    region_id: NDArray, fold: int, codes: NDArray, n_codes: int, metadata: dict[str, str] | None = None
) -> pa.Table:
    """Codes of predicted regions as a table of `schemas.codes_schema`.

    Args:
        region_id: integer (n,).
        fold: whose codebook it is; folds share none.
        codes: integer (n, 26, M), 0 to n_codes - 1.
    """
    fields = {"region_id": region_id, "fold": np.full(len(codes), fold), "codes": _lists(codes)}
    return as_table(fields, codes_schema(n_codes), metadata)


def _batches(
    model: Create, data: FoldData, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    device = next(model.parameters()).device
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        centred = Views(np.zeros(len(part), np.int64), np.zeros(len(part), bool))
        yield part, data.inputs(part, centred, model.modalities, device, model.log_openness)


def _embeddings(rows: NDArray[np.int64], labels: NDArray[np.int64], seen: Seen) -> dict[str, object]:
    names = np.array(CLASSES)
    return {
        "region_id": rows,
        "label": names[labels],
        "call_argmax": names[predicted(seen.probabilities)],
        **{f"p_{c}": seen.probabilities[:, i] for i, c in enumerate(CLASSES)},
        "embedding": _lists(seen.embedding),
        "codes": [None] * len(rows) if seen.codes is None else _lists(seen.codes),
    }


def _lists(array: NDArray) -> list[NDArray]:
    """One flat array a region, as a list column wants them."""
    return list(array.reshape(len(array), -1))


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


def _decode(
    model: Create, data: FoldData, rows: NDArray[np.int64], codes: NDArray, code: int
) -> dict[str, list]:
    """Columns of RECONSTRUCTION, but the class, for regions of one class; None for what is not modelled."""
    columns: dict[str, list] = {name: [] for name in RECONSTRUCTION.names}
    columns |= {"region_id": rows.tolist(), "code": [code] * len(rows)}
    for start in range(0, len(rows), BATCH):
        part = slice(start, start + BATCH)
        for name, values in _decode_batch(model, data, rows[part], codes[part], code).items():
            columns[name] += values
    return {name: values or [None] * len(rows) for name, values in columns.items()}


@torch.no_grad()
def _decode_batch(
    model: Create, data: FoldData, rows: NDArray[np.int64], codes: NDArray, code: int
) -> dict[str, list]:
    """Columns of RECONSTRUCTION for the modalities that the model reads."""
    (_, x), *_ = _batches(model, data, rows)
    assert isinstance(model.quantizer, SplitQuantizer)
    chosen = torch.from_numpy(codes.astype(np.int64)).to(x.device)
    z_q = embed(chosen, model.quantizer.codebook)
    decoded = (x, model.decode(z_q), model.decode(zero_feature(z_q, chosen, code)))
    columns: dict[str, list] = {}
    for kind, tensor in zip(_KINDS, decoded, strict=True):
        parts = tensor.cpu().split([ROWS[name] for name in model.modalities], dim=1)
        for name, part in zip(model.modalities, parts, strict=True):
            of_sequence = name == "sequence"
            columns[f"{name}_{kind}"] = _bases(part) if of_sequence else _lists(part.numpy())
    return columns


def _bases(rows: Tensor) -> list[str]:
    """The likeliest base at each bp of (n, 4, 1000), as text; N where no base is above another."""
    likeliest = torch.where((rows == rows[:, :1]).all(dim=1), N_CODE, rows.argmax(dim=1))
    return [decode(line) for line in likeliest.numpy().astype(np.uint8)]


def _means(columns: dict[str, list]) -> dict[str, float]:
    """Means of MAJOR_FEATURES over the decoded regions, one at least, of what the model reads."""
    means = {
        f"{name}_{kind}": float(np.mean(columns[f"{name}_{kind}"], dtype=np.float64))
        for name in ("openness", "loops")
        for kind in _KINDS
        if columns[f"{name}_{kind}"][0] is not None
    }
    if columns["sequence_original"][0] is not None:
        plain, zeroed = (encode("".join(columns[f"sequence_{kind}"])) for kind in _KINDS[1:])
        means["bases_changed"] = float((plain != zeroed).mean())
    return means
