"""A training folder of untrained models, as `train` leaves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from raycre.create.inference.checkpoints import CUTOFFS, HELD_OUT, WEIGHTS, fold_folder
from raycre.create.layout import CLASSES, MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES
from raycre.create.model.weight_files import write_model
from raycre.store.files import write_json
from raycre.store.parquet import as_table, write_table
from raycre.store.run import open_run
from raycre.store.schemas import FOLD_PREDICTIONS


def model_of(seed: int, modalities: tuple[str, ...] = MODALITIES) -> Create:
    torch.manual_seed(seed)
    return Create(SIZES["tiny"], modalities).eval()


def write_training(folder: Path, n: int = 3) -> Path:
    """Write what `train` leaves behind: run.json and n folds, here of untrained models that guess."""
    open_run(folder, verb="train", name="by-hand", config={"folds": {"n": n}}, science={}, layout={})
    for fold in range(n):
        write_model(fold_folder(folder, fold) / WEIGHTS, model_of(fold))
        write_held_out(folder, fold, n)
        write_json(fold_folder(folder, fold) / CUTOFFS, {"thresholds": dict.fromkeys(CLASSES, 0.5)})
    return folder


def write_held_out(folder: Path, fold: int, n: int) -> None:
    """Write a fold's probabilities of the regions that it does not train on, two of each class in a set."""
    names = list(CLASSES) * 2
    tables = []
    for which, tested in (("test", fold), ("validation", (fold + 1) % n)):
        rows = pd.DataFrame({"region_id": np.arange(len(names)) * n + tested, "set": which, "label": names})
        tables.append(rows.assign(**{f"p_{c}": 0.2 for c in CLASSES}))
    write_table(fold_folder(folder, fold) / HELD_OUT, as_table(pd.concat(tables), FOLD_PREDICTIONS))


def rewrite(path: Path, changes: dict[str, torch.Tensor], about: dict[str, str] | None = None) -> None:
    """Write weights again with some tensors changed, or under another description."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path) | changes, path, metadata=metadata if about is None else about)
