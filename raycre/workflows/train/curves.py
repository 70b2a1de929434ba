"""Curves and confusion of a training's test sets, remade from the folds' predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.create.evaluation.curves import confusion, curves
from raycre.create.inference.checkpoints import HELD_OUT, fold_folder
from raycre.create.layout import CLASSES
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.schemas import CONFUSION, CURVES


def read_test_set(out: Path, fold: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Labels, int64 (n,), and probabilities, float32 (n, classes), of a finished fold's test regions."""
    rows = read_table(fold_folder(out, fold) / HELD_OUT).to_pandas()
    test = rows[rows["set"] == "test"]
    labels = np.array([CLASSES.index(name) for name in test["label"]], np.int64)
    return labels, test[[f"p_{c}" for c in CLASSES]].to_numpy()


def write_curves(out: Path, folds: Sequence[int], metadata: dict[str, str]) -> None:
    """Write summary/curves.parquet and summary/confusion.parquet of the folds that are done, one at least.

    Args:
        out: the run folder.
        folds: numbers of the folds.
        metadata: key-value metadata of Parquet files.

    Raises:
        MissingInputError, FormatError: a fold's predictions are not there, or damaged.
    """
    lines, cells = [], []
    for fold in folds:
        labels, probabilities = read_test_set(out, fold)
        lines.append(curves(labels, probabilities).assign(fold=fold))
        cells.append(confusion(labels, probabilities).assign(fold=fold))
    write_table(out / "summary" / "curves.parquet", as_table(pd.concat(lines), CURVES, metadata))
    write_table(out / "summary" / "confusion.parquet", as_table(pd.concat(cells), CONFUSION, metadata))
