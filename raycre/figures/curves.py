"""Pictures of a finished CREATE cross-validation: ROC and PR curves as means over folds, and the confusion.

Reads the tables of the run's summary.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.create.evaluation.names import AUPRC, AUROC
from raycre.figures.blocks import Block, Picture, counted
from raycre.figures.canvas import BLUE, COLOURS, GREY, INK, as_svg, for_any_page, new_panels
from raycre.figures.flow import draw_flow, present
from raycre.genome.classes import CLASSES
from raycre.store.parquet import read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GRID = np.linspace(0, 1, 101)  # of false positive rate and of recall, where folds are averaged
_AREAS = {"roc": "auROC", "pr": "auPRC"}


def read_curves(run: Path) -> list[Block]:
    """Read the summary's curves and confusion; nothing where a run has none.

    Raises:
        FormatError: a damaged table.
    """
    paths = [run / "summary" / f"{name}.parquet" for name in ("curves", "confusion", "metrics")]
    if not all(path.is_file() for path in paths):
        return []
    curves, confusion, metrics = (read_table(path).to_pandas() for path in paths)
    cells = confusion.groupby(["truth", "called"])["n"].sum()
    counts = np.array([[cells.get((a, b), 0) for b in CLASSES] for a in CLASSES], np.int64)
    return [draw_mean_curves(curves, metrics, counts), draw_flow(counts)]


@for_any_page
def draw_mean_curves(curves: pd.DataFrame, metrics: pd.DataFrame, counts: NDArray[np.int64]) -> Picture:
    """Draw each class's ROC and PR curve, mean and s.d. over folds, and the confusion of all folds.

    Args:
        curves, metrics: columns of CURVES and METRICS in store.schemas.
        counts: int64 (5, 5), test regions of all folds by truth (rows) and most probable class (columns).
    """
    figure, [[roc, pr, cells]] = new_panels(4.5, 1, 3, narrow_height=4.6)
    roc.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    areas = metrics.groupby(["class", "metric"])["value"].mean()
    for axes, curve, metric in ((roc, "roc", AUROC), (pr, "pr", AUPRC)):
        for name in CLASSES:
            mine = curves[(curves["class"] == name) & (curves["curve"] == curve)]
            if not len(mine):
                continue  # one-vs-rest has no curve
            mean, sd = mean_curve(mine, curve)
            axes.plot(GRID, mean, color=COLOURS[name], label=f"{name} {areas[name, metric]:.3f}")
            # A band about a mean near 1 would reach where no curve can.
            low, high = np.clip(mean - sd, 0, 1), np.clip(mean + sd, 0, 1)
            axes.fill_between(GRID, low, high, color=COLOURS[name], alpha=0.12, linewidth=0)
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    pr.set(title="Precision and recall", xlabel="recall", ylabel="precision")
    for axes, curve in ((roc, "roc"), (pr, "pr")):
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), box_aspect=1)
        # Below, since the curves of a weak model go everywhere inside.
        axes.legend(
            title=_AREAS[curve], alignment="left", loc="upper left", bbox_to_anchor=(-0.1, -0.17), ncols=2
        )
    draw_confusion(cells, counts)
    n = curves["fold"].nunique()
    over = f"mean of {counted(n, 'fold')}, band: ± population s.d." if n > 1 else "1 fold."
    return Picture(
        "Test sets",
        as_svg(figure),
        "ROC curves, precision-recall curves and confusion matrix of the classes",
        f"Each class against the rest, {over} Areas are means of the folds' own. Confusion: the "
        f"{counts.sum():,} test regions by the most probable class; shading is the share of the row.",
    )


def mean_curve(points: pd.DataFrame, curve: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and population s.d. over folds of one class's curve at `GRID`: float64 (101,) each.

    An ROC curve is read on straight lines between its points, at a step from its top; a precision-recall
    curve is a sum of steps: at a recall it has the precision of the first point that reaches it.

    Args:
        points: fold, x, y, in the order of each fold's curve.
        curve: roc or pr.
    """
    lines = []
    for _, mine in points.groupby("fold"):
        x, y = mine["x"].to_numpy(np.float64), mine["y"].to_numpy(np.float64)
        if curve == "roc":
            top = np.append(x[1:] != x[:-1], True)  # of points above each other, the highest
            lines.append(np.interp(GRID, x[top], y[top]))
        else:
            # The first point has recall 0 and precision 1 by definition, not by any threshold.
            at = np.searchsorted(x[1:], GRID, side="left")
            lines.append(y[1:][np.minimum(at, len(x) - 2)])
    return np.mean(lines, axis=0), np.std(lines, axis=0)


def draw_confusion(axes: Axes, counts: NDArray[np.int64]) -> None:
    """Draw regions by truth (rows) and call (columns), int64 (5, 5), shaded by the share of the row.

    A class that no region has and none is called is left out: it was not trained.
    """
    shown = present(counts)
    names, n = [CLASSES[i] for i in shown], len(shown)
    counts = counts[np.ix_(shown, shown)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.ndindex(*counts.shape):
        share = float(shares[row, column])
        axes.axhspan(row, row + 1, column / n, (column + 1) / n, color=BLUE, alpha=share, linewidth=0)
        ink = "white" if share > 0.5 else INK  # on deep blue in light and dark pages
        axes.text(column + 0.5, row + 0.5, f"{counts[row, column]:,}", ha="center", va="center", color=ink)
    ticks = np.arange(n) + 0.5
    axes.set_xticks(ticks, names, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, names)
    axes.set(title="Confusion (regions)", xlabel="called", ylabel="truth", box_aspect=1)
    axes.set(xlim=(0, n), ylim=(n, 0))
    axes.tick_params(length=0)
