"""From probabilities to calls: cutoffs of a bounded false-positive rate, and the call above them.

Functions of arrays. The four classes of elements can be called, a region that none claims is background.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from raycre.create.layout import BACKGROUND, CLASSES
from raycre.errors import LabelError, RaycreError

MAX_FPR = (
    0.01  # false-positive rate on validation (CREATE Results, "determined cutoff scores for each CRE type")
)
CALLABLE = BACKGROUND  # classes 0 to 3; background is what no class claims


class Cutoffs(NamedTuple):
    """Of every class; background's is for information, calls do not use it.

    thresholds: float32 (5,); a call needs a probability ≥ its threshold.
    fpr: float64 (5,); share of the other classes' regions with such a probability.
    """

    thresholds: np.ndarray
    fpr: np.ndarray


def cutoffs(labels: np.ndarray, probabilities: np.ndarray, max_fpr: float = MAX_FPR) -> Cutoffs:
    """Smallest cutoffs that keep each class's false-positive rate at most `max_fpr`.

    The cutoff t of a class is the smallest float32 for which the share of regions of other classes
    with probability ≥ t is ≤ max_fpr. With k regions allowed, that is the next float32 above the
    (k+1)-th largest of their probabilities, so tied regions stay out together.

    Args:
        labels: integer (n,), of validation regions.
        probabilities: float (n, 5), averaged over views. A column of NaN is of a class that was not trained:
            its cutoff and rate are NaN.

    Raises:
        LabelError: a class without any region of other classes.
    """
    scores = probabilities.astype(np.float32)
    thresholds = np.zeros(len(CLASSES), dtype=np.float32)
    fpr = np.zeros(len(CLASSES))
    for label, name in enumerate(CLASSES):
        if len(scores) and np.isnan(scores[:, label]).all():
            thresholds[label], fpr[label] = np.nan, np.nan
            continue
        others = np.sort(scores[labels != label, label])[::-1]
        n = len(others)
        if not n:
            raise LabelError("validation has no region of another class to hold the rate against", value=name)
        allowed = int(np.searchsorted(np.arange(n + 1) / n, max_fpr, side="right")) - 1
        if allowed < n:
            thresholds[label] = np.nextafter(others[allowed], np.float32(np.inf))
        fpr[label] = np.count_nonzero(others >= thresholds[label]) / n
    return Cutoffs(thresholds, fpr)


def ensemble_cutoffs(
    labels: np.ndarray, probabilities: np.ndarray, n_folds: int, max_fpr: float = MAX_FPR
) -> Cutoffs:
    """Cutoffs of the mean probability of `n_folds` folds, from regions that two of them have not trained on.

    A mean over folds has rarer extremes than one fold's probability, so that cutoffs of single folds are too
    strict for it, and their mean is, too. How much the rarer can be seen: every region is the test region of
    one fold and the validation region of another. Let c1 be the cutoff of the single probabilities of such
    regions, c2 that of the mean of two. To first order in the scatter between folds, the quantile of a mean
    of K is linear in 1 / K, which makes the cutoff c2 - (1 - 2 / K)(c1 - c2).

    It is held between two limits. It is at most c2, as no mean of more folds needs a higher one. Above the
    mean probability m of the other classes it is at least (c2 - m) sqrt(2 / K), as if folds were independent.
    (The paper does not say how folds are joined; benchmarks/ensemble_calls.py compares ways.)

    Args:
        labels: integer (n,).
        probabilities: float (n, 2, 5), of the two folds, averaged over views; columns of NaN as in `cutoffs`.
        n_folds: K, at least 2.

    Returns:
        The cutoffs, with the rate of the mean of two folds at c2: the one that was measured.

    Raises:
        LabelError: a class without any region of other classes.
    """
    single = cutoffs(np.repeat(labels, 2), probabilities.reshape(-1, len(CLASSES)), max_fpr)
    means = probabilities.mean(axis=1)
    paired = cutoffs(labels, means, max_fpr)
    c1, c2 = single.thresholds, paired.thresholds
    falls = c2 - (1 - 2 / n_folds) * np.maximum(c1 - c2, 0)
    typical = np.array([means[labels != label, label].mean() for label in range(len(CLASSES))])
    floor = typical + np.maximum(c2 - typical, 0) * np.sqrt(2 / n_folds)
    return Cutoffs(np.minimum(np.maximum(falls, floor), c2).astype(np.float32), paired.fpr)


def call(probabilities: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Name each region by the class that lies furthest above its cutoff.

    Args:
        probabilities: float (n, 5). A column of NaN is of a class that was not trained: it is never called.
        thresholds: float (5,).

    Returns:
        (call, margin): int64 (n,) class, and float (n,) largest probability − cutoff over the four
        classes of elements. The call is the class of that margin (the lowest class on a tie) where it is ≥ 0,
        background where it is negative.

    Raises:
        RaycreError: a probability that is not finite.
    """
    trained = ~np.isnan(probabilities).all(axis=0) | np.isnan(probabilities).all()
    if not np.isfinite(probabilities[:, trained]).all():
        row = int(np.flatnonzero(~np.isfinite(probabilities[:, trained]).all(axis=1))[0])
        raise RaycreError(f"probabilities of row {row} are not finite: {probabilities[row].tolist()}")
    margins = probabilities[:, :CALLABLE] - thresholds[:CALLABLE]
    margins[:, ~trained[:CALLABLE]] = -np.inf
    best = margins.argmax(axis=1)
    margin = margins[np.arange(len(margins)), best]
    return np.where(margin >= 0, best, BACKGROUND), margin
