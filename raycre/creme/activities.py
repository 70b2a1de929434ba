"""TSS activity: what CREME reads of a prediction, in all bins of the TSS together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def tss_activity(predicted: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the TSS activity, the mean over TSS bins (Methods): (..., bins, tracks) to (..., tracks)."""
    values: NDArray[np.float64] = predicted.astype(np.float64).mean(axis=-2)
    return values


def of_replicate(key: str, replicate: int) -> str:
    """Return the key under which one replicate's own activity of a pass is known."""
    return f"replicate={replicate}/{key}"


def activities(
    predictions: Mapping[str, NDArray[np.float32]], replicates: int = 1
) -> dict[str, NDArray[np.float64]]:
    """Return TSS activities of passes, and beside them those of each replicate by `of_replicate`.

    Args:
        predictions: pass key -> float32 (replicates x bins, tracks).
        replicates: that were predicted apart; 1: only the mean is known.

    Returns:
        key -> float64 (tracks,).
    """
    activity = {key: tss_activity(values) for key, values in predictions.items()}
    if replicates > 1:
        for key, values in predictions.items():
            for m, mine in enumerate(np.split(values, replicates, axis=-2)):
                activity[of_replicate(key, m)] = tss_activity(mine)
    return activity
