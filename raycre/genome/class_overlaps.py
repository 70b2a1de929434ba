"""Labelled regions that overlap a region of another class: how many by pair of classes, and which.

CREATE, Methods, "Data collection": data are what is left "after filtering overlapping regions between CREs".
As we read it, both partners go, from 1 bp of overlap, when all have their 1,000 bp; regions of one class that
overlap each other stay. The same window twice in one class is one region.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.classes import CLASSES


class ClassOverlaps(NamedTuple):
    """Overlaps of n regions.

    mixed: bool (n,), whether a region of another class shares a base with it.
    pairs: int64 (5, 5), pairs of regions that overlap, by the classes of both: the upper triangle; the
        diagonal has pairs of one class.
    """

    mixed: NDArray[np.bool_]
    pairs: NDArray[np.int64]

    def between(self) -> Iterator[tuple[str, str, int]]:
        """Pairs of unlike classes that have any: two classes in the order of `CLASSES`, and how many."""
        for a, b in combinations(range(len(CLASSES)), 2):
            if self.pairs[a, b]:
                yield CLASSES[a], CLASSES[b], int(self.pairs[a, b])


def one_of_each_window(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the first of regions with one window and one class."""
    return table.drop_duplicates(["chrom", "start", "end", "label"]).reset_index(drop=True)


def class_overlaps(table: pd.DataFrame) -> ClassOverlaps:
    """Find regions that overlap by 1 bp or more, by their classes.

    Args:
        table: chrom, start, end, label (position in `CLASSES`); all regions of one width, at least one.
    """
    chrom, _ = pd.factorize(table["chrom"])
    start, label = table["start"].to_numpy(np.int64), table["label"].to_numpy(np.int64)
    width = int(table["end"].iloc[0]) - int(table["start"].iloc[0])
    # One axis for all chromosomes, so far apart that no window reaches into the next.
    place = chrom.astype(np.int64) * (int(start.max()) + 2 * width) + start
    rows = [np.flatnonzero(label == c) for c in range(len(CLASSES))]
    places = [np.sort(place[of_class]) for of_class in rows]
    mixed, pairs = np.zeros(len(table), dtype=bool), np.zeros((len(CLASSES),) * 2, dtype=np.int64)
    for a, mine in enumerate(rows):
        for b, others in enumerate(places):
            # Of two windows of one width, those overlap whose starts are less than the width apart.
            first = np.searchsorted(others, place[mine] - width, side="right")
            last = np.searchsorted(others, place[mine] + width, side="left")
            n = int((last - first).sum())
            if a == b:
                pairs[a, a] = (n - len(mine)) // 2  # each finds itself, and each pair is found twice
                continue
            mixed[mine[last > first]] = True
            if a < b:
                pairs[a, b] = n
    return ClassOverlaps(mixed, pairs)
