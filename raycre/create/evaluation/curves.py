"""ROC and precision-recall curves and the confusion matrix of one test set, as tidy tables for plotting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as sk

from raycre.create.evaluation import metrics
from raycre.create.layout import CLASSES

MOST_POINTS = 200  # of one curve; ours: below the width of a drawn line


def curves(
    labels: NDArray[Any],
    probabilities: NDArray[Any],
    classes: Sequence[str] = CLASSES,
    most: int = MOST_POINTS,
) -> pd.DataFrame:
    """One-vs-rest ROC and precision-recall curves of each class (CREATE Methods, "Model evaluation").

    A class that no region has, or that all have, has no curve: it has no rows. Nor has one that was not
    trained, whose probabilities are NaN.

    Args:
        labels: integer (n,), 0-based class.
        probabilities: float (n, classes).
        most: points of one curve at most; those kept lie evenly along it, both ends among them.

    Returns:
        class; curve, "roc" or "pr"; x and y in the order of the curve, falling threshold: false and true
        positive rate of "roc", recall and precision of "pr" (a sum of steps: the precision of a point holds
        back to the recall of the point before); threshold, the smallest probability that passes, NaN at the
        curve's start, where none does.
    """
    tables: list[pd.DataFrame] = []
    for label, name in enumerate(classes):
        is_class, scores = labels == label, probabilities[:, label]
        if not is_class.any() or is_class.all() or np.isnan(scores).all():
            continue
        fpr, tpr, at = sk.roc_curve(is_class, scores)
        tables.append(_tidy(name, "roc", fpr, tpr, np.where(np.isinf(at), np.nan, at), most))
        precision, recall, at = sk.precision_recall_curve(is_class, scores)
        at = np.append(at, np.nan)
        tables.append(_tidy(name, "pr", recall[::-1], precision[::-1], at[::-1], most))
    if not tables:
        empty: dict[str, NDArray[Any]] = {"class": np.array([], str), "curve": np.array([], str)}
        return pd.DataFrame(empty | {name: np.array([], np.float64) for name in ("x", "y", "threshold")})
    return pd.concat(tables, ignore_index=True)


def confusion(
    labels: NDArray[Any], probabilities: NDArray[Any], classes: Sequence[str] = CLASSES
) -> pd.DataFrame:
    """Regions by true and most probable class, every pair of classes: truth, called, n.

    Args:
        labels: integer (n,), 0-based class.
        probabilities: float (n, classes).
    """
    cells = metrics.confusion_matrix(labels, probabilities)
    pairs = [(truth, called) for truth in classes for called in classes]
    return pd.DataFrame(pairs, columns=["truth", "called"]).assign(n=cells.ravel())


def _tidy(
    name: str, curve: str, x: NDArray[Any], y: NDArray[Any], threshold: NDArray[Any], most: int
) -> pd.DataFrame:
    kept = thin(x, y, most)
    columns = {"x": x[kept], "y": y[kept], "threshold": threshold[kept].astype(np.float64)}
    return pd.DataFrame({"class": name, "curve": curve, **columns})


def thin(x: NDArray[Any], y: NDArray[Any], most: int = MOST_POINTS) -> NDArray[np.int64]:
    """Which points of a curve to keep: int64 (at most `most`,), rising, first and last among them.

    They lie evenly along the curve's length (the sum of its steps in x and y), so that steep parts keep
    their shape.
    """
    if len(x) <= most:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.searchsorted(length, np.linspace(0, length[-1], most))
    kept[0], kept[-1] = 0, len(x) - 1
    return np.unique(kept)
