"""Overlaps, clusters and covered bases against every pair and every base looked at."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.genome.overlaps import clusters, covered_bases, overlapping

Row = tuple[str, int, int]
# In the order of people, which is not that of the alphabet.
CHROMOSOMES = ["1", "2", "10", "chr1", "chr1_KI270706v1_random", "chr2", "chr10", "chrX"]
INTERVALS = st.lists(
    st.tuples(st.sampled_from(CHROMOSOMES), st.integers(0, 60), st.integers(1, 25)).map(
        lambda row: (row[0], row[1], row[1] + row[2])
    ),
    max_size=14,
)


def frame(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chrom": [c for c, _, _ in rows],
            "start": np.array([s for _, s, _ in rows], np.int64),
            "end": np.array([e for _, _, e in rows], np.int64),
        }
    )


def shared(a: Row, b: Row) -> int:
    """Bases that both hold; below 0, how many lie between them; far below on two chromosomes."""
    return min(a[2], b[2]) - max(a[1], b[1]) if a[0] == b[0] else -(10**9)


@given(ours=INTERVALS, theirs=INTERVALS, min_overlap=st.integers(1, 8))
@settings(max_examples=80)
def test_overlapping_is_what_every_pair_says(ours: list[Row], theirs: list[Row], min_overlap: int) -> None:
    expected = [any(shared(a, b) >= min_overlap for b in theirs) for a in ours]
    assert overlapping(frame(ours), frame(theirs), min_overlap=min_overlap).tolist() == expected


@given(rows=INTERVALS, gap=st.sampled_from([0, 1, 5, 40]))
@settings(max_examples=80)
def test_clusters_are_chains_numbered_along_the_genome(rows: list[Row], gap: int) -> None:
    # Folds are drawn by these numbers: another order of chromosomes is another training.
    numbers = {i: i for i in range(len(rows))}
    for i, j in product(range(len(rows)), repeat=2):
        if shared(rows[i], rows[j]) > -gap:
            low, high = sorted((numbers[i], numbers[j]))
            numbers = {k: low if n == high else n for k, n in numbers.items()}
    along = sorted(range(len(rows)), key=lambda i: (CHROMOSOMES.index(rows[i][0]), rows[i][1]))
    order = list(dict.fromkeys(numbers[i] for i in along))
    assert clusters(frame(rows), gap).tolist() == [order.index(numbers[i]) for i in range(len(rows))]


@given(ours=INTERVALS, theirs=INTERVALS)
@settings(max_examples=80)
def test_covered_bases_are_those_of_a_set(ours: list[Row], theirs: list[Row]) -> None:
    annotated = {(c, b) for c, s, e in theirs for b in range(s, e)}
    expected = [sum((c, b) in annotated for b in range(s, e)) for c, s, e in ours]
    assert covered_bases(frame(ours), frame(theirs)).tolist() == expected


def test_the_end_of_one_chromosome_is_far_from_the_start_of_the_next() -> None:
    rows = [("chr1", 90, 100), ("chr2", 0, 10), ("chr2", 90, 100), ("chr3", -5, 5)]
    assert clusters(frame(rows), 1_000).tolist() == [0, 1, 1, 2]
    assert covered_bases(frame(rows), frame([("chr1", 0, 100)])).tolist() == [10, 0, 0, 0]


@pytest.mark.parametrize("chrom", ["category", "object", "str"])
def test_names_of_any_column_type_are_the_same_names(chrom: str) -> None:
    table = frame([("chr2", 0, 10), ("chr10", 0, 10)]).astype({"chrom": chrom})
    assert overlapping(table, frame([("chr10", 9, 12)])).tolist() == [False, True]
    assert clusters(table, 0).tolist() == [0, 1]


def test_nothing_overlaps_nothing() -> None:
    none, one = frame([]), frame([("chr1", 0, 10)])
    assert overlapping(one, none).tolist() == [False]
    assert covered_bases(one, none).tolist() == [0]
    assert overlapping(none, one).size == covered_bases(none, one).size == clusters(none, 0).size == 0
