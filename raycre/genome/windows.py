"""Many windows of one length, read by few long reads. It knows neither sequence nor signal.

Sorting the windows and reading them in spans makes the cost that of the bases, not of the calls:
nothing is done per window in Python where windows lie close together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

ReadSpan = Callable[[str, int, int], NDArray[Any]]


def read_windows(
    chrom: Sequence[str] | pd.Series | NDArray[Any],
    start: NDArray[np.int64],
    length: int,
    read_span: ReadSpan,
    *,
    gap: int,
    longest: int,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Read windows in input order.

    Args:
        chrom: (n,) names.
        start: int64 (n,), 0-based; windows are [start, start + length).
        length: bp.
        read_span: (chrom, start, end) → values (end - start,), also outside the chromosome.
        gap: windows at most this far apart (bp) share a span: what a further read costs, in bases.
        longest: bp that the window starts of a span may stretch over, so that memory stays flat.
        dtype: of the result.

    Returns:
        (n, length) values.
    """
    start = np.asarray(start, dtype=np.int64)
    windows = np.empty((len(start), length), dtype=dtype)
    if not len(start):
        return windows
    codes, names = pd.factorize(np.asarray(chrom, dtype=object))
    order = np.lexsort((start, codes))
    for begin, stop in _spans(codes[order], start[order], length, gap, longest):
        rows = order[begin:stop]
        first, last = int(start[rows[0]]), int(start[rows[-1]])
        values = read_span(names[codes[rows[0]]], first, last + length)
        sliding = np.lib.stride_tricks.sliding_window_view(values, length)
        windows[rows] = sliding[start[rows] - first]
    return windows


def _spans(
    codes: NDArray[np.int64], start: NDArray[np.int64], length: int, gap: int, longest: int
) -> list[tuple[int, int]]:
    """Cut sorted windows into runs [begin, stop) of rows to be read together."""
    far = np.diff(start) > length + gap
    new_run = np.concatenate([[True], (np.diff(codes) != 0) | far])
    run_start = start[np.flatnonzero(new_run)][np.cumsum(new_run) - 1]
    piece = (start - run_start) // longest
    cuts = np.flatnonzero(new_run | np.concatenate([[True], np.diff(piece) != 0]))
    return list(zip(cuts.tolist(), [*cuts[1:].tolist(), len(start)], strict=True))
