"""Which intervals share bases, which lie near each other, and how many bases a set of them covers.

An interval is (chrom, start, end), 0-based half-open; touching is no overlap (`genome.regions`). Chromosomes
are laid end to end on one axis, so that one sort and one search serve them all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def overlapping(table: pd.DataFrame, other: pd.DataFrame, *, min_overlap: int = 1) -> NDArray[np.bool_]:
    """Mark the intervals of `table` that overlap an interval of `other`.

    Args:
        table, other: chrom, start, end, in any order.
        min_overlap: bp that one pair must share, at least 1.

    Returns:
        bool (n,), in the order of `table`.
    """
    return count_overlapping(table, other, min_overlap=min_overlap) > 0


def count_overlapping(table: pd.DataFrame, other: pd.DataFrame, *, min_overlap: int = 1) -> NDArray[np.int64]:
    """Count the intervals of `other` that each interval of `table` overlaps; arguments of `overlapping`.

    Returns:
        int64 (n,), in the order of `table`.
    """
    (start, end), (other_start, other_end) = _on_one_axis([table, other])
    # Overlap by m or more is overlap by 1 or more once both partners are m - 1 bp shorter.
    end, other_end = end - (min_overlap - 1), other_end - (min_overlap - 1)
    long_enough = other_end > other_start
    # Of the others, those that start before its end, less those that end before it starts.
    begun = np.searchsorted(np.sort(other_start[long_enough]), end, side="left")
    ended = np.searchsorted(np.sort(other_end[long_enough]), start, side="right")
    return np.where(end > start, begun - ended, 0)


def clusters(table: pd.DataFrame, gap: int) -> NDArray[np.int64]:
    """Number the clusters of intervals that overlap or lie less than `gap` bp apart.

    Chains count: an interval near two others joins them.

    Args:
        table: chrom, start, end, in any order.
        gap: bp, at least 0; 0 joins those that overlap.

    Returns:
        int64 (n,), in the order of `table`: numbered from 0 along chromosomes in natural order (chr2 before
        chr10), and along each by start.
    """
    [(start, end)] = _on_one_axis([table], gap)
    order, _, first = _chains(start, end, gap)
    number = np.empty(len(table), dtype=np.int64)
    number[order] = np.cumsum(first) - 1
    return number


def covered_bases(table: pd.DataFrame, annotation: pd.DataFrame) -> NDArray[np.int64]:
    """Count the bases of each interval that at least one interval of `annotation` holds.

    Args:
        table, annotation: chrom, start, end, overlapping or not, in any order.

    Returns:
        int64 (n,), in the order of `table`.
    """
    if not len(annotation):
        return np.zeros(len(table), dtype=np.int64)
    (start, end), (other_start, other_end) = _on_one_axis([table, annotation])
    order, reach, first = _chains(other_start, other_end, 0)
    last = np.append(first[1:], True)
    edges = np.stack([other_start[order][first], reach[last]], axis=1)
    return bases_before(edges, end) - bases_before(edges, start)


class OverlapPairs(NamedTuple):
    """Pairs of intervals that overlap, ordered by `first`, then by where the second begins.

    first, second: int64 (m,), positions in the two tables. bp: int64 (m,), bases that they share.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bp: NDArray[np.int64]


def overlap_pairs(table: pd.DataFrame, other: pd.DataFrame) -> OverlapPairs:
    """Find every pair of intervals that overlap.

    Args:
        table, other: chrom, start, end, in any order.
    """
    (start, end), (other_start, other_end) = _on_one_axis([table, other])
    order = np.argsort(other_start, kind="stable")
    begin, reach = other_start[order], np.maximum.accumulate(other_end[order])
    first = np.searchsorted(reach, start, side="right")  # all before end at or before its start
    count = np.maximum(np.searchsorted(begin, end, side="left") - first, 0)
    left = np.repeat(np.arange(len(table)), count)
    right = order[np.arange(len(left)) + np.repeat(first - np.cumsum(count) + count, count)]
    bp = np.minimum(end[left], other_end[right]) - np.maximum(start[left], other_start[right])
    kept = bp > 0
    return OverlapPairs(left[kept], right[kept], bp[kept])


def overlap_sums(
    table: pd.DataFrame, other: pd.DataFrame, weights: Sequence[NDArray[np.int64]] = ()
) -> NDArray[np.int64]:
    """Count the intervals of `other` that overlap each of `table`, and add up their weights.

    Args:
        table, other: chrom, start, end, in any order.
        weights: each int64 (len(other),); whole numbers, so that sums of a genome are exact.

    Returns:
        int64 (1 + number of weights, n): the count, then each sum.
    """
    (start, end), (other_start, other_end) = _on_one_axis([table, other])
    begun = np.searchsorted(np.sort(other_start), end, side="left")
    ended = np.searchsorted(np.sort(other_end), start, side="right")
    sums = [begun - ended]
    for weight in weights:
        by_start, by_end = (
            np.concatenate([[0], np.cumsum(weight[np.argsort(place)])]) for place in (other_start, other_end)
        )
        sums.append(by_start[begun] - by_end[ended])
    return np.array(sums, dtype=np.int64)


def bases_before(edges: NDArray[np.int64], position: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the bases of disjoint intervals, ascending int64 (m, 2), that lie before each position."""
    begun = np.searchsorted(edges[:, 0], position, side="left")  # intervals that start before it
    total = np.concatenate([[0], np.cumsum(edges[:, 1] - edges[:, 0])])
    # The last of them may reach past it.
    reaching = np.where(begun > 0, np.maximum(edges[begun - 1, 1] - position, 0), 0)
    return total[begun] - reaching


def _chains(
    start: NDArray[np.int64], end: NDArray[np.int64], gap: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return, each (n,): the order by start, and in it the furthest end so far and where a chain begins."""
    order = np.argsort(start, kind="stable")
    reach = np.maximum.accumulate(end[order])
    first = np.ones(len(start), dtype=bool)
    first[1:] = start[order][1:] >= reach[:-1] + gap
    return order, reach, first


def _on_one_axis(
    tables: list[pd.DataFrame], gap: int = 0
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return starts and ends, int64 (n,) of each table, chromosomes in natural order and `gap` bp apart."""
    codes, names = pd.factorize(pd.concat([table["chrom"] for table in tables], ignore_index=True))
    rank = np.empty(len(names), dtype=np.int64)
    rank[sorted(range(len(names)), key=lambda code: _natural(str(names[code])))] = np.arange(len(names))
    start, end = (np.concatenate([table[c].to_numpy(np.int64) for table in tables]) for c in ("start", "end"))
    room = int(end.max(initial=0)) - int(start.min(initial=0)) + gap
    offset = rank[codes] * room
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    return list(zip(np.split(start + offset, cuts), np.split(end + offset, cuts), strict=True))


def _natural(name: str) -> tuple[list[str | int], str]:
    """Return a key that sorts digits as numbers: chr2 before chr10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name
