"""Saliency of tiles against CREME's effects of them: sums in, correlations out. Knows no model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

_LEAST = 3  # tiles of which a correlation says anything


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Correlate effect and saliency over the tiles of each gene, and over all tiles.

    Signed: effect against summed saliency. Absolute: |effect| against summed |saliency|. A gene's activity
    scales its gradients but not its effects, so over all tiles both are put over the gene's own wild type.

    Args:
        table: gene_id, gene_name, tss, wt, effect, saliency, saliency_abs; tiles without an effect are left
            out.

    Returns:
        Columns CORRELATIONS of store.comparison_schemas: the rows over all tiles first, gene_id null there.
    """
    known = table[np.isfinite(table["effect"].to_numpy(np.float64))]
    scaled = known.assign(
        saliency=known["saliency"] / known["wt"], saliency_abs=known["saliency_abs"] / known["wt"]
    )
    rows = [{"gene_id": None, "gene_name": None} | row for row in _rows(scaled)]
    for (gene_id, _), mine in known.groupby(["gene_id", "tss"], sort=False):
        name = mine["gene_name"].iloc[0]
        rows += [{"gene_id": gene_id, "gene_name": name} | row for row in _rows(mine)]
    return pd.DataFrame(rows)


def _rows(tiles: pd.DataFrame) -> list[dict[str, object]]:
    effect, signed, absolute = (tiles[c].to_numpy(np.float64) for c in ("effect", "saliency", "saliency_abs"))
    return [
        {"measure": "signed", **_pair(effect, signed)},
        {"measure": "absolute", **_pair(np.abs(effect), absolute)},
    ]


def _pair(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, object]:
    nothing: dict[str, object] = {"n": len(x), "pearson": np.nan, "spearman": np.nan}
    if len(x) < _LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return nothing
    return {"n": len(x), "pearson": float(pearsonr(x, y)[0]), "spearman": float(spearmanr(x, y)[0])}
