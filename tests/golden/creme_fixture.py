"""Golden set A of CREME: its arrays, its models as its README has them, and its shuffles replayed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raycre.creme.perturbation import ShuffleSource
from raycre.creme.tiles import Interval

Codes = NDArray[np.uint8]
Activity = dict[str, NDArray[np.float64]]
Model = Callable[[Codes], NDArray[np.float64]]
Arrays = dict[str, NDArray[Any]]

MOTIFS = ("GATAA", "CAGGT", "TATAA")
BIN = 128
RTOL = 1e-12


def read_arrays(path: Path) -> Arrays:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def toy_model(config: dict[str, Any]) -> Model:
    """Return the README's toy model: uint8 (L,) -> float64 (L / 128, tracks), as it is written."""
    P = config["P"]
    n_bins = config["L"] // BIN
    b = np.arange(n_bins)
    away = np.abs(b[:, None] - b[None, :])  # |q - b|: rows b, columns q
    downstream = np.where(b[None, :] > b[:, None], P["asym"], 1.0)
    ripple = P["eps"] * np.sin(0.37 * (np.arange(BIN) + 1)[None, :] + 0.11 * b[:, None])

    def predict(codes: Codes) -> NDArray[np.float64]:
        counts = motif_counts(codes)
        a, r = np.tanh(counts[:, 0] / P["satA"]), np.tanh(counts[:, 1] / P["satR"])
        h = (ripple * np.isin(codes.reshape(n_bins, BIN), (1, 2))).sum(axis=1)
        columns = []
        for t in range(len(P["lamE"])):
            W = np.exp(-away / P["lamE"][t]) * downstream
            E, R, H = W @ a, np.exp(-away / P["lamR"][t]) @ r, W @ h
            g = P["base"] + (E, E + P["coop"] * E**2, P["vmax"] * E / (P["km"] + E))[t]
            columns.append((1 + counts[:, 2]) ** P["gam"][t] * g / (1 + P["rho"][t] * R) * np.exp(H))
        return np.stack(columns, axis=1)

    return predict


def motif_counts(codes: Codes) -> NDArray[np.int64]:
    """Count motif starts per bin, overlaps included: int64 (L / 128, 3)."""
    counts = []
    for motif in MOTIFS:
        wanted = np.array(["ACGT".index(c) for c in motif], dtype=np.uint8)
        starts = (np.lib.stride_tricks.sliding_window_view(codes, len(wanted)) == wanted).all(axis=1)
        padded = np.append(starts, np.zeros(len(wanted) - 1, dtype=bool))
        counts.append(padded.reshape(-1, BIN).sum(axis=1))
    return np.stack(counts, axis=1)


def at_tss(model: Model, tss_bins: NDArray[np.int64]) -> Model:
    return lambda codes: model(codes)[tss_bins].mean(axis=0)


def replay(backgrounds: Arrays, tile_shuffles: NDArray[np.uint8], tiles: list[Interval]) -> ShuffleSource:
    """Return stored shuffles: "shared" (k, L), "own" (tile, k, L), `tile_shuffles` (tile, k, bp)."""

    def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> Codes:
        if owner is not None:
            return np.asarray(backgrounds["own"][tiles.index(owner), k], dtype=np.uint8)
        if (start, end) in tiles:
            return np.asarray(tile_shuffles[tiles.index((start, end)), k], dtype=np.uint8)
        return np.asarray(backgrounds["shared"][k], dtype=np.uint8)

    return source


def intervals(array: NDArray[np.int64]) -> list[Interval]:
    return [(start, end) for start, end in array.tolist()]


def analytic_models(arrays: Arrays) -> dict[str, Model]:
    """Return the README's four models of C counts per CRE tile: uint8 (L,) -> float64 (1,)."""
    w, c = arrays["weights"], float(arrays["scale"])

    def counts(codes: Codes) -> NDArray[np.int64]:
        return np.array([(codes[start:end] == 1).sum() for start, end in arrays["tiles"]])

    def model(y: Callable[[NDArray[np.int64]], float]) -> Model:
        return lambda codes: np.array([y(counts(codes))], dtype=np.float64)

    return {
        "additive": model(lambda n: float(1 + (w * n).sum())),
        "multiplicative": model(lambda n: float(np.prod(1 + np.abs(w) * n))),
        "or": model(lambda n: float(1 + c * max(n[3], n[4]))),
        "and": model(lambda n: float(1 + c**2 * n[3] * n[4])),
    }
