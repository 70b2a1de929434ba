"""Candidates: peaks of any number of experiments less known elements, genes and the blacklist.

CREATE, Methods, "Data collection": peaks "after filtering the regions overlapping with the experimentally
validated CREs, known genes, and consensus black list".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.overlaps import clusters, overlapping
from raycre.prepare.windows import PLACE, WIDTH, join_identical


class Removed(NamedTuple):
    """What is left of candidates.

    hits: by what is known, bool (n,): rows that overlap it, whatever else they overlap.
    kept: bool (n,).
    counts: rows that each removed, of those that the ones before it had left.
    """

    hits: dict[str, NDArray[np.bool_]]
    kept: NDArray[np.bool_]
    counts: dict[str, int]


def remove_known(table: pd.DataFrame, known: Mapping[str, pd.DataFrame]) -> Removed:
    """Find the candidates that share a base with what is known.

    Args:
        table: chrom, start, end.
        known: name -> chrom, start, end; counted in this order.
    """
    hits, counts = {}, {}
    left = np.ones(len(table), dtype=bool)
    for name, other in known.items():
        hit = overlapping(table, other) if len(other) else np.zeros(len(table), dtype=bool)
        hits[name], counts[name] = hit, int((hit & left).sum())
        left &= ~hit
    return Removed(hits, left, counts)


def join_candidates(table: pd.DataFrame) -> pd.DataFrame:
    """Make one row of identical windows: chrom, start, end, source, name, n; sources and names joined."""
    return join_identical(table, ["source", "name"])


def merge_candidates(table: pd.DataFrame, width: int = WIDTH) -> pd.DataFrame:
    """Make one window of every chain of windows that share bases, round the midpoint of what they cover.

    Args:
        table: chrom, start, end, source, name.
        width: bp.

    Returns:
        chrom, start, end (of the window), source, name, n as `join_candidates`, and cluster_start,
        cluster_end: what the chain covers; in natural order of chromosomes.
    """
    number = clusters(table, 0)
    of_cluster = table.assign(cluster=number).groupby("cluster", sort=True)
    first = of_cluster[PLACE].agg({"chrom": "first", "start": "min", "end": "max"}).reset_index(drop=True)
    texts = {
        column: pd.Series(
            [
                ",".join(sorted({v for v in values if not pd.isna(v)})) or None
                for _, values in of_cluster[column]
            ],
            dtype=object,
        )
        for column in ("source", "name")
    }
    start = (first["start"] + first["end"]) // 2 - width // 2
    return pd.DataFrame(
        {
            "chrom": first["chrom"],
            "start": start,
            "end": start + width,
            **texts,
            "n": of_cluster.size().to_numpy(np.int64),
            "cluster_start": first["start"],
            "cluster_end": first["end"],
        }
    )
