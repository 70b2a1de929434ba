"""Background: windows at random places where nothing is known.

CREATE, Methods, "Data collection": regions "randomly sampling DNA sequences from the entire human reference
genome that excludes the experimentally validated and candidate CREs, known genes, consensus black list".
Ours: no N, no overlap with each other, chromosomes 1 to 22 and X.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import RegionError
from raycre.prepare.windows import PLACE, WIDTH

_ROUNDS = 10_000  # each places at least one window


def allowed_intervals(
    excluded: Sequence[pd.DataFrame], sizes: Mapping[str, int], chromosomes: Sequence[str]
) -> pd.DataFrame:
    """Return what none of the excluded intervals covers.

    Args:
        excluded: tables of chrom, start, end; they may overlap, and pass the ends of chromosomes.
        sizes: bp of each chromosome.
        chromosomes: those that may be used, in the order of the result.

    Returns:
        chrom, start, end: disjoint, ascending on each chromosome.
    """
    everything = pd.concat([table[PLACE] for table in excluded], ignore_index=True)
    of_chrom = dict(iter(everything.groupby("chrom", sort=False)))
    found = []
    for chrom in chromosomes:
        size, rows = sizes[chrom], of_chrom.get(chrom, everything.iloc[:0])
        start = np.clip(rows["start"].to_numpy(np.int64), 0, size)
        end = np.clip(rows["end"].to_numpy(np.int64), 0, size)
        order = np.argsort(start, kind="stable")
        reach = np.maximum.accumulate(np.concatenate([[0], end[order]]))
        free_start, free_end = reach, np.append(start[order], size)
        free = free_end > free_start
        found.append(pd.DataFrame({"chrom": chrom, "start": free_start[free], "end": free_end[free]}))
    return pd.concat(found, ignore_index=True) if found else everything.iloc[:0]


def legal_starts(allowed: pd.DataFrame, width: int = WIDTH) -> pd.DataFrame:
    """Return the first bases of windows that lie within an interval: chrom, start, end of such starts."""
    long_enough = allowed[allowed["end"] - allowed["start"] >= width]
    return long_enough.assign(end=long_enough["end"] - width + 1).reset_index(drop=True)


def most_windows(allowed: pd.DataFrame, width: int = WIDTH) -> int:
    """Return how many windows fit beside each other."""
    return int(((allowed["end"] - allowed["start"]) // width).sum())


def sample_background(allowed: pd.DataFrame, n: int, seed: int, width: int = WIDTH) -> pd.DataFrame:
    """Draw windows that lie within the allowed intervals and do not overlap each other.

    Starts are drawn evenly from all legal ones, one after the other; a window that would overlap an earlier
    one is drawn again from what is left.

    Args:
        allowed: of `allowed_intervals`.
        n: windows.
        seed: the same seed and intervals give the same windows.
        width: bp.

    Returns:
        chrom, start, end, in the order of chromosomes and places.

    Raises:
        RegionError: there is no room for so many.
    """
    starts = legal_starts(allowed, width)
    first, last = starts["start"].to_numpy(np.int64), starts["end"].to_numpy(np.int64)
    code = pd.factorize(starts["chrom"])[0].astype(np.int64)
    # Chromosomes one after the other, so that one number is a place.
    room = int(last.max(initial=0)) + 2 * width
    first, last = first + code * room, last + code * room
    random = np.random.default_rng(seed)
    placed: list[int] = []
    for _ in range(_ROUNDS):
        left = n - len(placed)
        if not left or not len(first):
            break
        for start in _draw(first, last, left, random).tolist():
            at = bisect_left(placed, start)
            clear = at == len(placed) or placed[at] - start >= width
            if clear and (at == 0 or start - placed[at - 1] >= width):
                insort(placed, start)
        first, last = _without(first, last, np.array(placed, dtype=np.int64), width)
    if len(placed) < n:
        raise RegionError(
            f"background: {len(placed):,} windows of {width:,} bp could be placed where nothing is known, "
            f"and {n:,} are asked for; ask for fewer (rules.background.n), or allow more chromosomes "
            "(rules.background.chromosomes)",
            value=n,
        )
    place = np.array(placed, dtype=np.int64)
    names = starts["chrom"].drop_duplicates().to_numpy(dtype=object)
    chrom = names[place // room] if len(place) else np.empty(0, dtype=object)
    return pd.DataFrame({"chrom": chrom, "start": place % room, "end": place % room + width})


def _draw(
    first: NDArray[np.int64], last: NDArray[np.int64], n: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw n numbers of the half-open intervals [first, last), each with the same chance."""
    total: NDArray[np.int64] = np.cumsum(last - first, dtype=np.int64)
    number: NDArray[np.int64] = random.integers(total[-1], size=n, dtype=np.int64)
    interval = np.searchsorted(total, number, side="right")
    drawn: NDArray[np.int64] = last[interval] - (total[interval] - number)
    return drawn


def _without(
    first: NDArray[np.int64], last: NDArray[np.int64], placed: NDArray[np.int64], width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Take out of the legal starts those that would overlap a window that is placed; all ascending."""
    begin = np.concatenate([first, placed - width + 1])
    change = np.concatenate([np.ones(len(first), np.int64), np.full(len(placed), -2, np.int64)])
    end = np.concatenate([last, placed + width])
    edge = np.concatenate([begin, end])
    step = np.concatenate([change, -change])
    order = np.argsort(edge, kind="stable")
    edge, level = edge[order], np.cumsum(step[order])
    free = (level[:-1] == 1) & (edge[1:] > edge[:-1])
    return edge[:-1][free], edge[1:][free]
