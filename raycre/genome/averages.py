"""Signal over regions of any lengths, as UCSC's bigWigAverageOverBed sums it: bases with a value, and all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.bigwig import BigWig

AVERAGES = ("size", "covered", "sum", "mean0", "mean", "min", "max")
_LONGEST_SPAN = 1_000_000  # bp read at once
_GAP = 16_384  # bp between regions that are still read together


def average_over(table: pd.DataFrame, signal: BigWig) -> dict[str, NDArray[Any]]:
    """Sum a signal over regions.

    Args:
        table: chrom, start, end, in any order and of any lengths. A chromosome that the file does not have,
            and what lies past its end, has no value.
        signal: an open bigWig.

    Returns:
        `AVERAGES`, each (n,): size (bp of the region), covered (bases with a value), sum, mean0 (sum / size),
        mean (sum / covered), min, max. Where nothing is covered, mean, min and max are 0.
    """
    chrom, start, end = (table[c].to_numpy() for c in ("chrom", "start", "end"))
    size = (end - start).astype(np.int64)
    covered, total = np.zeros(len(table), dtype=np.int64), np.zeros(len(table))
    low, high = np.zeros(len(table)), np.zeros(len(table))
    for rows in _together(chrom, start, end):
        name = str(chrom[rows[0]])
        length = signal.lengths.get(name) or 0
        first, last = max(0, int(start[rows].min())), min(int(end[rows].max()), length)
        if first >= last:
            continue
        values = signal.values(name, first, last)
        known = ~np.isnan(values)
        for row in rows:
            part = slice(max(0, start[row] - first), max(0, min(end[row], last) - first))
            of_region = values[part][known[part]]
            if len(of_region):
                covered[row] = len(of_region)
                total[row] = of_region.sum(dtype=np.float64)
                low[row], high[row] = of_region.min(), of_region.max()
    mean = np.divide(total, covered, out=np.zeros(len(table)), where=covered > 0)
    found = (size, covered, total, total / size, mean, low, high)
    return dict(zip(AVERAGES, found, strict=True))


def _together(chrom: NDArray[Any], start: NDArray[np.int64], end: NDArray[np.int64]) -> list[NDArray[Any]]:
    """Return positions of regions that one reading serves: near each other, or a long one by itself."""
    order = np.lexsort((start, chrom.astype(str)))
    spans: list[list[int]] = []
    first, last = 0, -1
    for row in order:
        mine = spans and chrom[spans[-1][0]] == chrom[row]
        if mine and start[row] - last <= _GAP and max(last, end[row]) - first <= _LONGEST_SPAN:
            spans[-1].append(int(row))
            last = max(last, int(end[row]))
        else:
            spans.append([int(row)])
            first, last = int(start[row]), int(end[row])
    return [np.array(span) for span in spans]
