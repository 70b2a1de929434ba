"""Fewer training regions of some classes (CREATE Results; Supplementary Notes 2 and 4).

Validation and test stay as they are, so that trainings on more and fewer regions are scored on the same ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raycre.create.layout import WIDTH


def n_kept(n: int, share: float) -> int:
    """Return how many of n regions a share is: to the nearest, halves to the even one; one at least."""
    return max(1, round(n * share)) if n else 0


def keep_share(
    rows: NDArray[np.int64], labels: NDArray[np.int64], codes: NDArray[np.uint8], keep: Sequence[float]
) -> NDArray[np.int64]:
    """Return the training regions that are used: of each class its share, rising.

    Those are kept whose 1,000 bases have the smallest SHA-256, so that neither order nor other regions
    choose, and a smaller share is part of a larger one.

    Args:
        rows: int64 (n,), regions of the fold's training set, rising.
        labels: integer, class of every region.
        codes: uint8 (regions, 1000 + 2 * flank), bases of every region.
        keep: share of each class.
    """
    flank = (codes.shape[1] - WIDTH) // 2
    kept = []
    for label, share in enumerate(keep):
        own = rows[labels[rows] == label]
        if share < 1:
            keys = [hashlib.sha256(codes[row, flank : flank + WIDTH].tobytes()).digest() for row in own]
            first = sorted(range(len(own)), key=lambda i: (keys[i], own[i]))[: n_kept(len(own), share)]
            own = own[np.array(sorted(first), np.int64)]
        kept.append(own)
    return np.sort(np.concatenate(kept)) if kept else rows
