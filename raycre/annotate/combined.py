"""Hits of one motif in one region as one p: Fisher's method, over hits or over the places that have one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from raycre.annotate.fimo import Hits


class PerRegion(NamedTuple):
    """The hits of each pair of region and motif that has one, ordered by region and motif.

    region, motif: int64 (m,), positions.
    n_hits, n_starts: int64 (m,): hits, and places that have one on either strand.
    best: int64 (m,), position among the hits of the one with the smallest p (and largest score).
    chi2, chi2_one: float64 (m,): -2 times the sum of ln p, over hits, and over places with the smaller p.
    """

    region: NDArray[np.int64]
    motif: NDArray[np.int64]
    n_hits: NDArray[np.int64]
    n_starts: NDArray[np.int64]
    best: NDArray[np.int64]
    chi2: NDArray[np.float64]
    chi2_one: NDArray[np.float64]


def combine_hits(hits: Hits) -> PerRegion:
    """Combine the hits of each region and motif by Fisher's method; a pair without a hit has no row.

    Args:
        hits: as a `Scanner` orders them, so that both strands of a place follow each other.
    """
    n = len(hits.p)
    pair = _begins(hits.region, hits.motif)
    first = np.flatnonzero(pair)
    place = _begins(hits.region, hits.motif, hits.start)
    starts = np.flatnonzero(place)
    log = -2 * np.log(hits.p)
    of_place = np.maximum.reduceat(log, starts) if n else log
    number = np.cumsum(pair) - 1
    ordered = np.lexsort((np.arange(n), -hits.score, hits.p, number))
    best = ordered[first] if n else first
    n_pairs = len(first)
    return PerRegion(
        hits.region[first],
        hits.motif[first],
        np.bincount(number, minlength=n_pairs),
        np.bincount(number[starts], minlength=n_pairs),
        best,
        np.bincount(number, log, minlength=n_pairs).astype(np.float64),
        np.bincount(number[starts], of_place, minlength=n_pairs).astype(np.float64),
    )


def _begins(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the rows where any of the keys is another than in the row before."""
    begins = np.ones(len(keys[0]), dtype=bool)
    begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return begins


def fisher_log_p(statistic: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return -log10 of Fisher's combined p of n p-values; it does not underflow."""
    logs: NDArray[np.float64] = -chi2.logsf(statistic, 2 * n) / np.log(10)
    return logs
