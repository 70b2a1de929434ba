"""Values of intervals, spread over the bases of windows: pure functions of arrays.

Nothing is done per window in Python: the cost is that of the bases and of the intervals inside windows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_OFTEN = 2  # windows that lie over every base this often are cut from one long stretch


class ValuedIntervals(NamedTuple):
    """A signal of one chromosome: start < end, int64 (n,), 0-based half-open, and a value each.

    Intervals are sorted. Where two share bases, the later one counts.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    value: NDArray[Any]


def fill(
    intervals: ValuedIntervals, at: NDArray[np.int64], length: int, background: float = 0
) -> NDArray[Any]:
    """Return the values of the windows [at, at + length), sorted by start.

    Args:
        intervals: the signal; those outside every window are no fault.
        at: int64 (n,), 0-based; may be negative.
        length: bp.
        background: of bases without a value.

    Returns:
        (n, length), of the values' type.
    """
    extent = int(at[-1] - at[0]) + length if len(at) else 0
    if len(at) * length > _OFTEN * extent:
        stretch = _fill(intervals, at[:1], extent, background)[0]
        windows: NDArray[Any] = np.lib.stride_tricks.sliding_window_view(stretch, length)[at - at[0]]
        return windows
    return _fill(intervals, at, length, background)


def _fill(intervals: ValuedIntervals, at: NDArray[np.int64], length: int, background: float) -> NDArray[Any]:
    start, end, value = intervals
    n_windows = len(at)
    if (end[:-1] > start[1:]).any():
        return _in_turn(intervals, at, length, background)
    first, last = np.searchsorted(end, at, side="right"), np.searchsorted(start, at + length, side="left")
    n = last - first
    before = np.cumsum(n) - n
    # The intervals of each window, one window after the other, at places of the windows laid end to end.
    which = np.arange(int(n.sum())) + np.repeat(first - before, n)
    begins = np.arange(n_windows) * length
    shift = np.repeat(begins - at, n)
    left, right, level = start[which] + shift, end[which] + shift, value[which]
    held = n > 0
    ends_of = before[held]
    left[ends_of] = np.maximum(left[ends_of], begins[held])
    ends_of = ends_of + n[held] - 1
    right[ends_of] = np.minimum(right[ends_of], begins[held] + length)
    # Between the edges the value is in turn that of no interval and that of the next one.
    edges = np.empty(2 * len(which) + 2, dtype=np.int64)
    edges[0], edges[-1] = 0, n_windows * length
    edges[1:-1:2], edges[2:-1:2] = left, right
    runs = np.diff(edges)
    if not runs[::2].any():  # no base is without a value
        return np.repeat(level, runs[1::2]).reshape(n_windows, length)
    levels = np.full(len(runs), background, dtype=value.dtype)
    levels[1::2] = level
    return np.repeat(levels, runs).reshape(n_windows, length)


def _in_turn(
    intervals: ValuedIntervals, at: NDArray[np.int64], length: int, background: float
) -> NDArray[Any]:
    """Fill by one interval after the other, where some share bases."""
    windows = np.full((len(at), length), background, dtype=intervals.value.dtype)
    for row, begin in zip(windows, at.tolist(), strict=True):
        inside = (intervals.start < begin + length) & (intervals.end > begin)
        for start, end, value in zip(*(column[inside] for column in intervals), strict=True):
            row[max(start - begin, 0) : end - begin] = value
    return windows


def touched(
    begin: NDArray[np.int64], end: NDArray[np.int64], at: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """Return which of the sorted intervals share a base with any of the windows: int64, ascending."""
    if not len(begin):
        return np.empty(0, dtype=np.int64)
    first = np.searchsorted(np.maximum.accumulate(end), at, side="right")
    last = np.searchsorted(begin, at + length, side="left")
    low, high = int(first.min()), int(last.max())
    held = last > first
    change = np.bincount(first[held] - low, minlength=max(high - low, 0) + 1)
    change = change - np.bincount(last[held] - low, minlength=len(change))
    return np.flatnonzero(np.cumsum(change)) + low
