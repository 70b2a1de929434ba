"""A map of a fold's test regions by their embedding: UMAP where umap-learn is installed, else PCA.

Reads the fold's table. Knows no model.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from raycre.figures.blocks import Block, Note, Picture
from raycre.figures.canvas import COLOURS, as_svg, new_figure
from raycre.genome.classes import CLASSES
from raycre.store.parquet import read_table

_MOST = 5000  # regions drawn, evenly spaced over the table
_LEAST = 16  # regions that a map needs: one more than UMAP's neighbours
_DPI = 200  # points are drawn as an image, so that the page does not grow with them


def read_embedding(folder: Path) -> list[Block]:
    """Read a fold's embeddings and draw them; nothing where there are none, or too few.

    Raises:
        FormatError: a damaged table.
    """
    path = folder / "embeddings.parquet"
    if not path.is_file():
        return []
    table = read_table(path, ["label", "call_argmax", "embedding"])
    n = table.num_rows
    if n < _LEAST:
        return []
    rows = table.take(np.arange(min(n, _MOST)) * n // min(n, _MOST)).to_pandas()
    if not np.ptp(np.stack(rows["embedding"].to_list()), axis=0).any():
        return [Note(f"All test regions of {folder.name} have the same embedding: there is nothing to map.")]
    return [draw_map(rows, folder.name)]


def draw_map(rows: pd.DataFrame, fold: str) -> Picture:
    """Draw regions on a plane, coloured by their true class and by the most probable one.

    Args:
        rows: label, call_argmax, embedding of store.schemas.embeddings_schema.
        fold: its name, for the caption.
    """
    plane, method = project(np.stack(rows["embedding"].to_list()))
    figure = new_figure(10.5, 4.6)
    figure.set_dpi(_DPI)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    size = float(np.clip(8000 / len(rows), 3, 16))
    for axes, column, title in zip(
        panels, ("label", "call_argmax"), ("true class", "most probable class"), strict=True
    ):
        # One call, in the table's order: no class lies on top of the others.
        colours = [COLOURS[name] for name in rows[column]]
        axes.scatter(*plane.T, s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True)
        axes.set(title=title, xlabel=f"{method} 1", xticks=(), yticks=())
    panels[0].set_ylabel(f"{method} 2")
    for name in CLASSES:
        panels[1].scatter([], [], s=20, color=COLOURS[name], label=name)
    figure.legend(*panels[1].get_legend_handles_labels(), loc="outside upper right", ncols=len(CLASSES))
    why = "" if method == "UMAP" else " (UMAP needs umap-learn, which is not installed)"
    return Picture(
        f"Embeddings, {method}",
        as_svg(figure),
        f"{method} of the embeddings of test regions, coloured by class",
        f"{len(rows):,} test regions of {fold} by {method}{why} of the quantised embedding, mean over its "
        "positions.",
    )


def project(embedding: NDArray[np.float32]) -> tuple[NDArray[np.float64], str]:
    """Return places on a plane, float64 (n, 2), and the method's name; the same for the same embedding.

    Args:
        embedding: float32 (n, dimensions).
    """
    if importlib.util.find_spec("umap") is not None:
        umap = importlib.import_module("umap")
        return np.asarray(umap.UMAP(random_state=0, n_jobs=1).fit_transform(embedding), np.float64), "UMAP"
    return PCA(2, svd_solver="full").fit_transform(embedding.astype(np.float64)), "PCA"
