"""SNPsea's formulas: whether genes at loci are specific to a tissue, against loci with as many genes.

Slowikowski, Hu & Raychaudhuri 2014, and the program's manual. Functions of arrays; a locus is the positions
of its genes in the matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma, hypergeom, rankdata

Score = Literal["single", "total"]
Locus = Sequence[int]
_TIE = 1e-9  # a null score that is lower by less than this counts as equal
_AT_ONCE = 4_096  # null sets


def specificity(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each gene's row divided by its length (L2 norm), float64 (genes, tissues); 0 for a row of 0."""
    norm = np.sqrt((matrix**2).sum(axis=1, keepdims=True))
    divided: NDArray[np.float64] = np.divide(matrix, norm, out=np.zeros_like(matrix), where=norm > 0)
    return divided


def percentiles(specific: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks within each column over the number of genes: the largest has the smallest."""
    ranks: NDArray[np.float64] = rankdata(-specific, axis=0) / len(specific)
    return ranks


def is_binary(matrix: NDArray[np.float64]) -> bool:
    """Whether a matrix says only which genes are in which set: nothing but 0 and 1."""
    return bool(np.isin(matrix, (0, 1)).all())


def locus_p(percentile: NDArray[np.float64], locus: Locus, score: Score) -> NDArray[np.float64]:
    """Return p of a locus in each tissue, float64 (tissues,).

    Args:
        percentile: of `percentiles`.
        locus: genes.
        score: "single": the most specific gene, 1 - (1 - min)^m; "total": all of them, the upper tail of
            Gamma(m, 1) at the sum of -ln.
    """
    ranks = percentile[list(locus)]
    if score == "single":
        p: NDArray[np.float64] = -np.expm1(len(ranks) * np.log1p(-np.minimum(ranks.min(axis=0), 1 - 1e-16)))
        return np.where(ranks.min(axis=0) == 1, 1.0, p)
    tail: NDArray[np.float64] = gamma.sf(-np.log(ranks).sum(axis=0), len(ranks))
    return tail


def binary_locus_p(matrix: NDArray[np.float64], locus: Locus, score: Score) -> NDArray[np.float64]:
    """Return p of a locus in each set of genes, float64 (sets,); 1 where it has none of the set.

    Hypergeometric: "single" is the chance of at least one gene of the set, "total" of at least as many.
    """
    genes_in_set, both = matrix.sum(axis=0), matrix[list(locus)].sum(axis=0)
    drawn = hypergeom(len(matrix), genes_in_set.astype(int), len(locus))
    p = 1 - drawn.pmf(0) if score == "single" else drawn.sf(both - 1)
    return np.where(both > 0, p, 1.0)


def p_of_locus(
    matrix: NDArray[np.float64], percentile: NDArray[np.float64], locus: Locus, score: Score
) -> NDArray[np.float64]:
    """As `binary_locus_p` or `locus_p`, whichever the matrix is for."""
    return binary_locus_p(matrix, locus, score) if is_binary(matrix) else locus_p(percentile, locus, score)


class TissueScores(NamedTuple):
    """Scores of loci in each tissue; each (tissues,) but n_sets.

    score: sum of -ln p over the loci. n_sets: null sets. n_reach: of them those that score as much or more.
    share: n_reach / n_sets, exact where every set was taken. p: (n_reach + 1) / (n_sets + 1).
    exact: whether every combination of null loci was taken.
    """

    score: NDArray[np.float64]
    n_sets: int
    n_reach: NDArray[np.int64]
    share: NDArray[np.float64]
    p: NDArray[np.float64]
    exact: bool


def score_tissues(
    observed: NDArray[np.float64],
    n_genes: Sequence[int],
    null: Mapping[int, NDArray[np.float64]],
    *,
    most: int,
    seed: int = 0,
) -> TissueScores:
    """Compare loci with null loci of as many genes.

    Args:
        observed: -ln p of the loci, float64 (loci, tissues).
        n_genes: of each locus.
        null: number of genes -> -ln p of the null loci that have as many, float64 (any, tissues).
        most: null sets: every combination of null loci where there are no more, else so many drawn ones.
        seed: of the draws.
    """
    score = observed.sum(axis=0)
    pools = [null[n] for n in n_genes]
    sizes = [len(pool) for pool in pools]
    n_all = math.prod(sizes)
    exact = n_all <= most
    n_sets = n_all if exact else most
    random = np.random.default_rng(seed)
    reach = np.zeros(len(score), dtype=np.int64)
    for first in range(0, n_sets, _AT_ONCE):
        count = min(_AT_ONCE, n_sets - first)
        if exact:
            chosen = np.unravel_index(np.arange(first, first + count), sizes)
        else:
            chosen = tuple(random.integers(0, size, count) for size in sizes)
        total = np.zeros((count, len(score)))
        for pool, rows in zip(pools, chosen, strict=True):
            total += pool[rows]
        reach += (total >= score - _TIE).sum(axis=0)
    return TissueScores(score, n_sets, reach, reach / n_sets, (reach + 1) / (n_sets + 1), exact)
