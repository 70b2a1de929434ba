"""Correlation of tissues by the expression of their genes, in the order of a hierarchical clustering."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import FormatError


def cluster(path: Path, tissues: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """Order tissues by UPGMA of their profiles' correlation distances (CREATE, legend of Fig. 7f).

    Args:
        path: matrix of genes x tissues with a title, the gene in the first column.
        tissues: columns of it.

    Returns:
        The tissues in order, and float64 (n, n) Pearson correlations in that order.

    Raises:
        FormatError: the matrix lacks a tissue.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    matrix = pd.read_csv(path, sep=None, engine="python", index_col=0)
    missing = [name for name in tissues if name not in matrix]
    if missing:
        raise FormatError("the matrix has no such tissue; give that of raycre annotate snpsea", path=path,
                          value=missing[0])  # fmt: skip
    correlations = np.nan_to_num(np.corrcoef(matrix[list(tissues)].to_numpy(np.float64).T))
    correlations = np.atleast_2d(correlations)
    order = list(range(len(tissues)))
    if len(order) > 2:
        distance = np.clip(1 - (correlations + correlations.T) / 2, 0, 2)
        np.fill_diagonal(distance, 0)
        order = leaves_list(linkage(squareform(distance, checks=False), method="average")).tolist()
    return [tissues[i] for i in order], correlations[np.ix_(order, order)]
