"""Many windows of one length, read by few calls. It knows neither sequence nor signal.

Windows are sorted and read some hundreds at a time, of one chromosome: what is at hand stays in a processor's
cache, and the cost is that of the bases, not of the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

_BASES = 1 << 18  # of a part; as float64 they are 2 MB
_WINDOWS = 1 << 10  # of a part, where windows overlap

ReadPart = Callable[[str, NDArray[np.int64], int], NDArray[Any]]


def by_parts(
    chrom: Sequence[str] | pd.Series | NDArray[Any],
    start: NDArray[np.int64],
    length: int,
    read_part: ReadPart,
    *,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Read windows in input order.

    Args:
        chrom: (n,) names.
        start: int64 (n,), 0-based; windows are [start, start + length).
        length: bp.
        read_part: (chrom, start, length) → values (m, length) of m windows of one chromosome, sorted, also
            outside the chromosome.
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
    in_order = bool((np.diff(order) == 1).all())
    codes, start = codes[order], start[order]
    for part in _parts(codes, start, length):
        rows = part if in_order else order[part]
        windows[rows] = read_part(names[codes[part.start]], start[part], length)
    return windows


def _parts(codes: NDArray[np.int64], start: NDArray[np.int64], length: int) -> Iterator[slice]:
    """Cut sorted windows into parts of one chromosome each."""
    new = np.concatenate([[True], np.diff(codes) != 0])
    fresh = np.concatenate([[length], np.minimum(np.diff(start), length)])  # bases that no window before has
    fresh[new] = length
    covered, row, first = np.cumsum(fresh), np.arange(len(start)), np.flatnonzero(new)[np.cumsum(new) - 1]
    for of_part, most in ((covered - covered[first], _BASES), (row - first, _WINDOWS)):
        new[1:] |= np.diff(of_part // most) != 0
    cuts = np.flatnonzero(new).tolist()
    yield from map(slice, cuts, [*cuts[1:], len(start)])
