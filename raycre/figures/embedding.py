"""A map of a fold's test regions by their embedding, as the fold's table places them.

Reads the table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Note, Picture
from raycre.figures.canvas import COLOURS, as_svg, for_any_page, legend_columns, new_panels
from raycre.genome.classes import CLASSES
from raycre.store.parquet import read_table
from raycre.store.schemas import MAP, MAP_OF, MAP_WHY

_MOST = 5000  # regions drawn, evenly spaced over the table
_DPI = 200  # points are drawn as an image, so that the page does not grow with them
_READS = {
    "concatenated": "the concatenation of codebook features over positions",
    "mean": "the mean of the quantised embedding over positions",
}


def read_embedding(folder: Path) -> list[Block]:
    """Read where a fold's regions are placed and draw them; a note where none is.

    Raises:
        FormatError: a damaged table.
    """
    path = folder / "embeddings.parquet"
    if not path.is_file():
        return []
    table = read_table(path)
    told = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    if MAP not in told or not {"x", "y"} <= set(table.column_names):
        return [
            Note(
                f"The embeddings of {folder.name} are of an earlier raycre, which mapped no regions; "
                "train again for a map."
            )
        ]
    rows = table.select(["label", "call_argmax", "x", "y"]).to_pandas().dropna(subset=["x", "y"])
    if rows.empty:
        return [Note(f"The test regions of {folder.name} are not mapped: {told.get(MAP_WHY, '')}.")]
    n = min(len(rows), _MOST)
    return [draw_map(rows.iloc[np.arange(n) * len(rows) // n], folder.name, told)]


@for_any_page
def draw_map(rows: pd.DataFrame, fold: str, told: dict[str, str]) -> Picture:
    """Draw regions on a plane, coloured by their true class and by the most probable one.

    Args:
        rows: label, call_argmax, x, y of store.schemas.embeddings_schema.
        fold: its name, for the caption.
        told: the table's metadata: method, why, what it reads, how many regions were mapped.
    """
    method = told[MAP]
    stands_in = method != "UMAP"
    name = f"{method}, standing in for UMAP" if stands_in else method
    figure, [panels] = new_panels(4.6, 1, 2, narrow_height=3.8, sharex=True, sharey=True)
    figure.set_dpi(_DPI)
    size = float(np.clip(8000 / len(rows), 3, 16))
    for axes, column, title in zip(
        panels, ("label", "call_argmax"), ("true class", "most probable class"), strict=True
    ):
        # One call, in the table's order: no class lies on top of the others.
        colours = [COLOURS[name] for name in rows[column]]
        axes.scatter(rows["x"], rows["y"], s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True)
        axes.set(title=title, xlabel=f"{method} 1", xticks=(), yticks=())
    panels[0].set_ylabel(f"{method} 2")
    for label in CLASSES:
        panels[1].scatter([], [], s=20, color=COLOURS[label], label=label)
    handles, names = panels[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=legend_columns(names))
    why = f" PCA stands in for UMAP: {told.get(MAP_WHY, '')}." if stands_in else ""
    return Picture(
        f"Embeddings, {name}",
        as_svg(figure),
        f"{method} of the embeddings of test regions, coloured by class",
        f"{len(rows):,} test regions of {fold} (mapped: {told.get(MAP_OF, 'all')}) by {method} of "
        f"{_READS.get(told.get('embedding', ''), 'the quantised embedding')}.{why}",
    )
