"""What the values of a signal are like: to tell raw counts from fold change, and one depth from another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.tracks import Track, mean_of

SAMPLED = 512  # regions that are looked at
QUANTILES = (0.5, 0.9, 0.99, 0.999)
FAR = 0.5  # of log10(x + 1), in which models read tracks: threefold; ours
OPENNESS_VALUES = "openness_values"  # key of a training's run.json


def sampled_rows(n: int) -> NDArray[np.int64]:
    """Return rows spread evenly over n, at most `SAMPLED`: int64."""
    return np.unique(np.linspace(0, n - 1, min(SAMPLED, n)).astype(np.int64))


def signal_values(tracks: Sequence[Track], table: pd.DataFrame, width: int) -> dict[str, Any]:
    """Describe the mean over replicates at the bases of some regions, ready for JSON.

    Args:
        tracks: replicates of one signal.
        table: chrom, start; regions of one width.
        width: bp.

    Returns:
        regions and replicates (how many), whole (whether each replicate has whole numbers alone), mean,
        largest, and quantiles by their share, as text.

    Raises:
        FormatError: a part of a file that cannot be read, or holds an impossible value.
    """
    rows = sampled_rows(len(table))
    chrom, start = (table[c].to_numpy()[rows] for c in ("chrom", "start"))
    whole = True
    for track in tracks:
        values = track.read_many(chrom, start, width)
        whole &= bool((values == np.rint(values)).all())
    mean = mean_of(tracks, chrom, start, width)
    levels = np.quantile(mean, QUANTILES)
    return {
        "regions": len(rows),
        "replicates": len(tracks),
        "whole": whole,
        "mean": float(mean.mean(dtype=np.float64)),
        "largest": float(mean.max()),
        "quantiles": {str(q): float(level) for q, level in zip(QUANTILES, levels, strict=True)},
    }


def differ_in_scale(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether the mean or the value of 99 % of bases differs by more than `FAR` in log10(x + 1)."""
    pairs = [(each["mean"], each["quantiles"]["0.99"]) for each in (one, other)]
    return bool((np.abs(np.diff(np.log10(np.add(pairs, 1)), axis=0)) > FAR).any())
