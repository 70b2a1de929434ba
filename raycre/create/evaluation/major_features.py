"""What a class loses without its major feature (CREATE Results, "Feature spectrum", Fig. 4c-e), as tables.

All regions of a class are decoded, whether they use the feature or not: taking its users alone would make the
effect larger than the class's.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from raycre.create.evaluation.decoders import BATCH, centred
from raycre.create.evaluation.settings import Interpretation
from raycre.create.evaluation.spectrum import Spectrum, embed, zero_feature
from raycre.create.fold_data import FoldData
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.genome.sequence import N_CODE, decode
from raycre.store.parquet import as_table
from raycre.store.schemas import (
    MAJOR_FEATURES,
    RECONSTRUCTION,
    ZEROED,
)

KINDS = ("original", "reconstructed", "zeroed")
SIGNALS = ("openness", "loops")


class MajorFeatures(NamedTuple):
    """What classes lose without their major features.

    classes: rows of MAJOR_FEATURES. zeroed: rows of ZEROED. reconstruction: rows of RECONSTRUCTION.
    """

    classes: pd.DataFrame
    zeroed: pa.Table
    reconstruction: pa.Table


def major_features(
    model: Create,
    data: FoldData,
    rows: NDArray[np.int64],
    codes: NDArray[Any],
    spectrum: Spectrum,
    settings: Interpretation,
) -> MajorFeatures:
    """Decode the regions of each class with its major feature and without; the model is in evaluation mode.

    Args:
        model: with a codebook.
        data: of the fold.
        rows: int64 (n,), its test regions.
        codes: unsigned (n, 26, M), of them.
        spectrum: of them.
        settings: how many regions of a class to decode, and how many to keep base by base.
    """
    labels = np.asarray(data.labels[rows], np.int64)
    majors: list[dict[str, object]] = []
    effects, profiles = [ZEROED.empty_table()], [RECONSTRUCTION.empty_table()]
    for label, name in enumerate(CLASSES):
        own = np.flatnonzero(labels == label)
        major: dict[str, object] = {"class": name, "n_regions": len(own), "n_decoded": 0}
        majors.append(major)
        code = spectrum.major_feature(label)
        if code is None:
            continue
        taken = own if settings.per_class is None else own[sample(data, rows[own], settings.per_class)]
        kept = taken[sample(data, rows[taken], settings.base_by_base)]
        effect, profile = _decode(model, data, rows[taken], codes[taken], code, set(rows[kept].tolist()))
        effects.append(as_table({**effect, "class": [name] * len(taken)}, ZEROED))
        profiles.append(as_table({**profile, "class": [name] * len(kept)}, RECONSTRUCTION))
        major |= {
            "code": code,
            "p": float(spectrum.p_max[code]),
            "n_tied": spectrum.tied(label),
            "n_with_it": int((codes[own] == code).any(axis=(1, 2)).sum()),
            "n_decoded": len(taken),
            **summary(effect),
        }
    table = pd.DataFrame(majors, columns=MAJOR_FEATURES.names)
    return MajorFeatures(table, pa.concat_tables(effects), pa.concat_tables(profiles))


def sample(data: FoldData, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the regions `rows`, as places in it, in its order: int64.

    Those whose wide windows' bases have the smallest SHA-256 are taken, so that neither the order of the
    labels nor other regions choose. Equal bases go by row.
    """
    if len(rows) <= most:
        return np.arange(len(rows))
    keys = [hashlib.sha256(np.ascontiguousarray(data.codes[row]).tobytes()).digest() for row in rows]
    return np.sort(np.array(sorted(range(len(rows)), key=lambda i: (keys[i], rows[i]))[:most], np.int64))


def rank_sum(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """P-value of a one-sided Wilcoxon rank-sum test that `first` is not greater than `second`; 1 if all tie.

    Exact for few values without ties, else normal with corrections for ties and continuity (scipy's "auto").
    """
    from scipy.stats import mannwhitneyu  # half a second, which every worker of a training would wait for

    return float(mannwhitneyu(first, second, alternative="greater").pvalue)


def summary(effect: dict[str, list[Any]]) -> dict[str, float]:
    """Means and tests of MAJOR_FEATURES over decoded regions, one at least, of what the model reads.

    Args:
        effect: columns of ZEROED.
    """
    found: dict[str, float] = {}
    for name in SIGNALS:
        if effect[f"{name}_original"][0] is None:
            continue
        tracks = {kind: np.asarray(effect[f"{name}_{kind}"], np.float64) for kind in KINDS}
        found |= {f"{name}_{kind}": float(values.mean()) for kind, values in tracks.items()}
        found[f"{name}_p_value"] = rank_sum(tracks["original"], tracks["zeroed"])
        found[f"{name}_p_decoded"] = rank_sum(tracks["reconstructed"], tracks["zeroed"])
    if effect["bases_changed"][0] is not None:
        found["bases_changed"] = float(np.mean(effect["bases_changed"]))
    return found


def _decode(
    model: Create, data: FoldData, rows: NDArray[np.int64], codes: NDArray[Any], code: int, kept: set[int]
) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Columns of ZEROED for all `rows`, of RECONSTRUCTION for those in `kept`; but the class in either."""
    effect: dict[str, list[Any]] = {name: [] for name in ZEROED.names}
    profile: dict[str, list[Any]] = {name: [] for name in RECONSTRUCTION.names}
    effect |= {"region_id": rows.tolist(), "code": [code] * len(rows)}
    effect["n_pieces"] = (codes == code).sum(axis=(1, 2)).tolist()
    start = 0
    for part, x in centred(model, data, rows):
        tracks = _decode_batch(model, x, codes[start : start + BATCH], code)
        start += BATCH
        for name, values in tracks.items():
            if name.startswith("sequence"):
                continue
            effect[name] += values.mean(dim=1, dtype=torch.float64).tolist()
        if "sequence" in model.modalities:
            changed = tracks["sequence_reconstructed"] != tracks["sequence_zeroed"]
            effect["bases_changed"] += changed.double().mean(dim=1).tolist()
        shown = np.flatnonzero([row in kept for row in part.tolist()])
        profile["region_id"] += part[shown].tolist()
        for name, values in tracks.items():
            chosen = values[torch.from_numpy(shown)].numpy()
            of_bases = name.startswith("sequence")
            profile[name] += [decode(line) for line in chosen.astype(np.uint8)] if of_bases else list(chosen)
    profile["code"] = [code] * len(profile["region_id"])
    return _filled(effect), _filled(profile)


def _filled(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """None for what is not modelled."""
    n = len(columns["region_id"])
    return {name: values or [None] * n for name, values in columns.items()}


@torch.no_grad()
def _decode_batch(model: Create, x: Tensor, codes: NDArray[Any], code: int) -> dict[str, Tensor]:
    """Each track and kind of a batch, (n, 1000): tracks as they are, sequence as its likeliest bases."""
    assert isinstance(model.quantizer, SplitQuantizer)
    indices = torch.from_numpy(codes.astype(np.int64)).to(x.device)
    z_q = embed(indices, model.quantizer.codebook)
    rows = {
        "original": x,
        "reconstructed": model.decode(z_q),
        "zeroed": model.decode(zero_feature(z_q, indices, code)),
    }
    found: dict[str, Tensor] = {}
    first = 0
    for name, width in zip(model.modalities, model.rows, strict=True):
        for kind, values in rows.items():
            part = values[:, first : first + width].cpu()
            found[f"{name}_{kind}"] = _likeliest(part) if name == "sequence" else part[:, 0]
        first += width
    return found


def _likeliest(rows: Tensor) -> Tensor:
    """Code of the likeliest base at each bp of (n, 4, 1000); N where no base is above another."""
    return torch.where((rows == rows[:, :1]).all(dim=1), N_CODE, rows.argmax(dim=1))
