"""Regions on a plane: UMAP or principal components of their embeddings (CREATE Fig. 4a).

Arrays in, arrays out. Codes stand for embeddings wherever they can: the concatenation of 26 x 16 codebook
features is 3,328 numbers a region, its codes are 416 bytes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024  # regions whose codes are looked up at a time
WIDTH, POWERS = 8, 7  # of the subspace that finds two components: vectors and passes there and back
LEAST = 16  # regions that a map needs: one more than UMAP's neighbours

Method = Literal["UMAP", "PCA"]


class Plane(NamedTuple):
    """Places of n regions: float64 (n, 2), NaN in all where there is nothing to map, and how they were found.

    method: "UMAP", "PCA" or "none"; why: the reason for the last two, empty for UMAP.
    """

    at: NDArray[np.float64]
    method: str
    why: str


class Concatenated:
    """Embeddings of n regions as the concatenation of their codebook features, without making it.

    Args:
        codes: unsigned (n, positions, splits), 0 to K - 1.
        codebook: float (K, dim).
    """

    def __init__(self, codes: NDArray[Any], codebook: NDArray[Any]) -> None:
        self.codes = codes.reshape(len(codes), -1)
        self.codebook = codebook.astype(np.float64)
        self.pieces = self.codes.shape[1]
        self.shape = len(codes), self.pieces * codebook.shape[1]

    def chunks(self) -> list[slice]:
        """Rows that are looked up together."""
        return [slice(i, i + CHUNK) for i in range(0, len(self.codes), CHUNK)]

    def cells(self, rows: slice) -> NDArray[np.int64]:
        """Place of each piece of the rows in a table (pieces, K), flattened: int64 (rows, pieces)."""
        return self.codes[rows] + np.arange(self.pieces) * len(self.codebook)

    def times(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """E @ vector, float64 (n,): each piece looks its product up in a table of (pieces, K)."""
        table = (vector.reshape(self.pieces, -1) @ self.codebook.T).ravel()
        return np.concatenate([table[self.cells(rows)].sum(axis=1) for rows in self.chunks()])

    def transposed_times(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """E.T @ weights, float64 (pieces * dim,): weights are summed by piece and code."""
        sums = np.zeros(self.pieces * len(self.codebook))
        for rows in self.chunks():
            each = np.repeat(weights[rows], self.pieces)
            sums += np.bincount(self.cells(rows).ravel(), each, len(sums))
        return (sums.reshape(self.pieces, -1) @ self.codebook).ravel()

    def whole(self) -> NDArray[np.float32]:
        """The embeddings themselves, float32 (n, pieces * dim)."""
        values: NDArray[np.float32] = self.codebook.astype(np.float32)[self.codes].reshape(self.shape)
        return values


def umap_version() -> str | None:
    """The installed version of umap-learn; None where there is none."""
    try:
        return version("umap-learn")
    except PackageNotFoundError:
        return None


def wanted_method() -> Method:
    """UMAP, for which PCA stands in where umap-learn is not installed."""
    return "PCA" if umap_version() is None else "UMAP"


def project(embedding: Concatenated | NDArray[Any], seed: int) -> Plane:
    """Place regions on a plane: UMAP where umap-learn is installed and works, else two principal components.

    The same for the same embeddings, seed and versions. Memory: UMAP needs the embeddings whole, 4 bytes a
    number, beside what it makes of them; PCA of codes needs little beyond the codes.

    Args:
        embedding: of n regions: codes and codebook, or float32 (n, dimensions).
        seed: of UMAP's random numbers.
    """
    n = embedding.shape[0]
    nowhere = np.full((n, 2), np.nan)
    if n < LEAST:
        return Plane(nowhere, "none", f"{n} regions are too few for a map, which needs {LEAST}")
    rows = embedding.codes if isinstance(embedding, Concatenated) else embedding
    if not (rows != rows[0]).any():
        return Plane(nowhere, "none", "all regions have the same embedding")
    if wanted_method() == "PCA":
        return Plane(_principal(embedding), "PCA", "umap-learn is not installed: pip install 'raycre[umap]'")
    try:
        umap = importlib.import_module("umap")
        whole = embedding.whole() if isinstance(embedding, Concatenated) else embedding
        # One thread and a seed: umap-learn is deterministic in no other way.
        found = umap.UMAP(n_components=2, random_state=seed, n_jobs=1).fit_transform(whole)
    except Exception as error:  # a trained fold is worth more than its map; numba can fail in many ways
        return Plane(_principal(embedding), "PCA", f"umap-learn failed: {type(error).__name__}: {error}")
    return Plane(np.asarray(found, np.float64), "UMAP", "")


def _principal(embedding: Concatenated | NDArray[Any]) -> NDArray[np.float64]:
    """The first two principal components, float64 (n, 2); the largest place on each axis is positive.

    Randomised subspace iteration (Halko et al. 2011, algorithm 4.4) from fixed random numbers.
    """
    n, dims = embedding.shape
    times: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    back: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    if isinstance(embedding, Concatenated):
        times, back = embedding.times, embedding.transposed_times
    else:
        whole = embedding.astype(np.float64)
        times, back = partial(np.dot, whole), partial(np.dot, whole.T)
    mean = back(np.ones(n)) / n

    def forward(block: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([times(column) - mean @ column for column in block.T], axis=1)

    def backward(block: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([back(column) - mean * column.sum() for column in block.T], axis=1)

    block = np.random.default_rng(0).normal(size=(dims, min(WIDTH, n, dims)))
    for _ in range(POWERS):
        block = np.linalg.qr(backward(np.linalg.qr(forward(block))[0]))[0]
    left, sizes, _ = np.linalg.svd(forward(block), full_matrices=False)
    at = (left * sizes)[:, :2]
    if at.shape[1] < 2:
        at = np.pad(at, ((0, 0), (0, 2 - at.shape[1])))
    largest = at[np.abs(at).argmax(axis=0), np.arange(2)]
    values: NDArray[np.float64] = at * np.where(largest < 0, -1.0, 1.0)
    return values
