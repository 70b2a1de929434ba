"""The nearest points (TSSs) of intervals, and how far they are: bedtools closest's distances."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.overlaps import overlap_pairs


class Nearest(NamedTuple):
    """Pairs of an interval and each of its nearest points, ordered by interval.

    row, point: int64 (m,), positions. distance: int64 (m,), bp: 0 inside, 1 where they touch, negative where
    the interval is upstream of the point in the point's own direction.
    """

    row: NDArray[np.int64]
    point: NDArray[np.int64]
    distance: NDArray[np.int64]


def nearest_points(table: pd.DataFrame, points: pd.DataFrame) -> Nearest:
    """Find the nearest points of each interval; equally near ones are all found.

    Args:
        table: chrom, start, end.
        points: chrom, tss (0-based base), strand.
    """
    found = []
    of_chrom = {str(name): np.asarray(rows) for name, rows in points.groupby("chrom").indices.items()}
    for name, rows in table.groupby("chrom", sort=False).indices.items():
        mine = of_chrom.get(str(name))
        if mine is None:
            continue
        place = np.sort(points["tss"].to_numpy()[mine])
        start, end = (table[c].to_numpy()[rows] for c in ("start", "end"))
        before, after = np.searchsorted(place, start) - 1, np.searchsorted(place, end)
        inside = after > before + 1
        left = np.where(before >= 0, start - place[np.maximum(before, 0)], np.iinfo(np.int64).max)
        right = np.where(after < len(place), place[np.minimum(after, len(place) - 1)] - end + 1,
                         np.iinfo(np.int64).max)  # fmt: skip
        gap = np.where(inside, 0, np.minimum(left, right))
        # Every nearest point lies in the interval, grown by the gap on both sides.
        grown = pd.DataFrame({"chrom": name, "start": start - gap, "end": end + gap})
        held = points.iloc[mine]
        pairs = overlap_pairs(grown, held.assign(start=held["tss"], end=held["tss"] + 1))
        found.append(np.stack([rows[pairs.first], mine[pairs.second], gap[pairs.first]]))
    row, point, gap = np.concatenate([np.zeros((3, 0), dtype=np.int64), *found], axis=1)
    order = np.lexsort((point, row))
    row, point, gap = row[order], point[order], gap[order]
    tss, minus = points["tss"].to_numpy()[point], (points["strand"] == "-").to_numpy()[point]
    left_of_point = table["end"].to_numpy()[row] <= tss
    return Nearest(row, point, np.where(left_of_point ^ minus, -gap, gap))
