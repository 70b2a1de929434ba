"""How well probabilities name the classes: the six metrics of CREATE Methods, "Model evaluation".

Arrays in, tables out, through scikit-learn. A class that no region
has (or that all have) has no one-vs-rest value: it is NaN, and macro averages are over the others. Columns
of NaN are of classes that the model was not trained on: such a class is never predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from raycre.create.evaluation.names import ACCURACY, AUPRC, AUROC, F1, F1_OF_MACRO, MACRO, PRECISION, RECALL
from raycre.create.layout import CLASSES
from raycre.errors import LabelError


def predicted(probabilities: np.ndarray) -> np.ndarray:
    """Most probable class, the first on a tie: int64 (n,) from (n, classes)."""
    trained = ~np.isnan(probabilities).all(axis=0)
    classes: np.ndarray = np.where(trained, probabilities, -np.inf).argmax(axis=1)
    return classes


def confusion_matrix(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Regions by truth (rows) and most probable class (columns): int64 (classes, classes)."""
    n_classes = probabilities.shape[1]
    cells = labels.astype(np.int64) * n_classes + predicted(probabilities)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def auroc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """One-vs-rest area under the ROC curve of each class: float64 (classes,)."""
    from sklearn.metrics import roc_auc_score  # a second to import, which replicas of a prediction do without

    return _one_vs_rest(roc_auc_score, labels, probabilities)


def auprc(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """One-vs-rest average precision (a sum of steps, no trapezoids) of each class: float64 (classes,)."""
    from sklearn.metrics import average_precision_score

    return _one_vs_rest(average_precision_score, labels, probabilities)


def macro(per_class: np.ndarray) -> float:
    """Mean over the classes that have a value; NaN where none has."""
    known = per_class[~np.isnan(per_class)]
    return float(known.mean()) if len(known) else float("nan")


def table(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str] = CLASSES) -> pd.DataFrame:
    """All metrics, one row each: class (a name, or "macro"), metric, value.

    Metrics of a class: auroc, auprc, f1, precision, recall. Of "macro": their means, accuracy (the share
    of regions named rightly, not a mean over classes) and f1_of_macro, which is 2PR/(P+R) of macro
    precision P and recall R: what the authors' notebook prints as F1. A class that is never predicted
    has precision 0.

    Args:
        labels: integer (n,), 0-based class.
        probabilities: float (n, classes).

    Raises:
        LabelError: no regions, a label that is no class, or arrays of unlike lengths.
    """
    n_classes = len(classes)
    if not len(labels) or labels.shape != probabilities.shape[:1] or probabilities.shape[1] != n_classes:
        raise LabelError(
            f"labels {labels.shape}, probabilities {probabilities.shape}; need (n,), (n, {n_classes}), n > 0"
        )
    if labels.min() < 0 or labels.max() >= n_classes:
        raise LabelError(f"labels must be 0 to {n_classes - 1}", value=int(labels.max()))
    cells = confusion_matrix(labels, probabilities)
    present = cells.sum(axis=1) > 0
    from sklearn.metrics import precision_recall_fscore_support

    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted(probabilities), labels=np.arange(n_classes), zero_division=0
    )
    per_class = {
        AUROC: auroc(labels, probabilities),
        AUPRC: auprc(labels, probabilities),
        F1: np.where(present, f1, np.nan),
        PRECISION: np.where(present, precision, np.nan),
        RECALL: np.where(present, recall, np.nan),
    }
    means = {metric: macro(values) for metric, values in per_class.items()}
    p, r = means[PRECISION], means[RECALL]
    means[ACCURACY] = float(np.trace(cells) / len(labels))
    means[F1_OF_MACRO] = 2 * p * r / (p + r) if p + r else 0.0
    rows = [(MACRO, metric, value) for metric, value in means.items()]
    for metric, values in per_class.items():
        rows += [(name, metric, float(value)) for name, value in zip(classes, values, strict=True)]
    return pd.DataFrame(rows, columns=["class", "metric", "value"])


def _one_vs_rest(
    score: Callable[[np.ndarray, np.ndarray], float], labels: np.ndarray, probabilities: np.ndarray
) -> np.ndarray:
    values = np.full(probabilities.shape[1], np.nan)
    for label in range(len(values)):
        is_class = labels == label
        not_trained = np.isnan(probabilities[:, label]).all()
        if is_class.any() and not is_class.all() and not not_trained:
            values[label] = score(is_class, probabilities[:, label])
    return values
