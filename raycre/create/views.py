"""Shifted and reverse-complemented views of a region (CREATE Methods, "Data augmentation").

A wide window has `flank` bp more on each side of the region than the model sees, so that every view is a
slice of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from raycre.errors import ConfigError

STRIDE = 10  # bp between shifts
RATIOS = (5, 5, 3, 3, 1)  # shifts by class in training, in the order of CLASSES
EVAL_RATIO = 5  # shifts of every region in validation and test


class Views(NamedTuple):
    """Views by their shift from the region's centred window and their strand; both arrays (v,).

    offsets: int64, bp. is_rc: bool, whether the view is the reverse complement.
    """

    offsets: np.ndarray
    is_rc: np.ndarray


class Samples(NamedTuple):
    """Views of regions: int64 (s,) row of each region in the data, and s views."""

    rows: np.ndarray
    views: Views


def offsets(ratio: int, stride: int = STRIDE) -> np.ndarray:
    """Shifts of a region's window in bp, nearest first: int64 (ratio,).

    They lie `stride` apart and symmetric round the centre, so an odd ratio has the centred window
    (0, ∓stride, ∓2·stride, …) and an even one has not (∓stride/2, ∓3·stride/2, …).

    Raises:
        ConfigError: ratio or stride below 1, or an even ratio whose shifts are not whole bp.
    """
    if ratio < 1 or stride < 1:
        raise ConfigError("ratio and stride of the shifts must be at least 1", value=(ratio, stride))
    if ratio % 2 == 0 and stride % 2:
        raise ConfigError("an even ratio shifts by half a stride; take an even stride", value=(ratio, stride))
    half_strides = 2 * np.arange(ratio, dtype=np.int64) - (ratio - 1)
    shifts = half_strides * stride // 2
    return shifts[np.lexsort((shifts, np.abs(shifts)))]


def flank(max_ratio: int, stride: int = STRIDE) -> int:
    """Bp that a wide window needs on each side of the region for the shifts of `max_ratio` and below."""
    return math.ceil((max_ratio - 1) * stride / 2)


def both_strands(ratio: int, stride: int = STRIDE) -> Views:
    """Every shift on both strands, 2 · ratio views: by distance, then strand, then shift."""
    shifts = np.tile(offsets(ratio, stride), 2)
    is_rc = np.repeat([False, True], ratio)
    order = np.lexsort((shifts, is_rc, np.abs(shifts)))
    return Views(shifts[order], is_rc[order])


def _one_complement(ratio: int, stride: int) -> Views:
    """Every shift on the forward strand, and the centred window's reverse complement."""
    return Views(np.append(offsets(ratio, stride), 0), np.arange(ratio + 1) == ratio)


def training_samples(
    labels: np.ndarray,
    rows: np.ndarray,
    ratios: Sequence[int] = RATIOS,
    stride: int = STRIDE,
    strands: Literal["every", "original"] = "every",
) -> Samples:
    """Every training view of the regions `rows`.

    Args:
        labels: integer (n,), class of every region of the data.
        rows: int64 (r,), the regions to take.
        ratios: shifts by class.
        strands: "every" shift also gets its reverse complement, 2 · ratio views (authors' code); or only
            the "original", centred window does, ratio + 1 views (the paper's text).

    Returns:
        Samples ordered by class, then as `rows`, then as `both_strands`.
    """
    taken, shifts, is_rc = [], [], []
    for label, ratio in enumerate(ratios):
        of_class = rows[labels[rows] == label]
        of_region = both_strands(ratio, stride) if strands == "every" else _one_complement(ratio, stride)
        taken.append(np.repeat(of_class, len(of_region.is_rc)))
        shifts.append(np.tile(of_region.offsets, len(of_class)))
        is_rc.append(np.tile(of_region.is_rc, len(of_class)))
    return Samples(np.concatenate(taken), Views(np.concatenate(shifts), np.concatenate(is_rc)))


def region_views(n_views: int) -> Views:
    """Return `n_views` views: the centred window alone for 1, else n_views / 2 shifts on both strands."""
    if n_views == 1:
        return Views(np.zeros(1, np.int64), np.zeros(1, bool))
    return both_strands(n_views // 2)


def flank_of(n_views: int) -> int:
    """Return the bp that wide windows need on each side for these views."""
    return flank(max(1, n_views // 2))
