"""A figure of a user's own: how large effects of necessity are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.plots.charts import histogram
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def effect_sizes(runs: Runs, choice: Choice) -> pd.DataFrame:
    """The absolute effect of every tile."""
    rows = runs.effects("necessity").dropna(subset=["effect"])
    return rows[["gene_id", "effect"]].assign(size=rows["effect"].abs())


def draw(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A histogram."""
    axes = figure.subplots()
    sizes = rows["size"].to_numpy(np.float64)
    histogram(axes, {"tiles": sizes}, {"tiles": "#777777"}, np.linspace(0, 1, 21))
    axes.set(xlabel="size of the effect", ylabel="tiles")
    return f"Sizes of effects, n = {len(rows):,} tiles. No test."


FIGURE = PaperFigure(
    name="effect-sizes",
    title="Sizes of effects",
    shows="Histogram of absolute effects of the necessity test.",
    paper="-",
    needs="`raycre creme` with the test necessity",
    table=effect_sizes,
    draw=draw,
)
