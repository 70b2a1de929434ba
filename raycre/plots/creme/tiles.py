"""Figures of the necessity and sufficiency tests: effects of tiles by context, and where called tiles lie."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.figures.canvas import COLOURS
from raycre.plots.charts import boxes, guide, histogram, points
from raycre.plots.creme.common import CONTEXTS, KB, KINDS, OF_CONTEXT, by_context, with_context
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_KEY = ["run", "gene_id", "gene_name", "tss", "tile_start", "tile_end", "distance"]
_NECESSITY = "shuffle effect, (WT − MUT) / WT"
_OVER = {"wt": "(MUT − CONTROL) / WT", "control": "(MUT − CONTROL) / CONTROL"}


def necessity(runs: Runs, choice: Choice) -> pd.DataFrame:
    """The effect of every tile in the necessity test, by the gene's context."""
    rows = runs.effects("necessity", ["tile_start", "tile_end", "distance"])
    return with_context(rows)[[*_KEY, "context", "effect", "call"]].dropna(subset=["effect"])


def sufficiency(runs: Runs, choice: Choice, over: str) -> pd.DataFrame:
    """The effect of every tile in the sufficiency test over the wild type or over the TSS tile alone.

    A run has one formula a context; both are made here of its activities.
    """
    rows = runs.effects("sufficiency", ["tile_start", "tile_end", "distance", "wt", "control", "mutant"])
    rows = with_context(rows)
    base = rows[over].to_numpy(np.float64)
    gain = (rows["mutant"] - rows["control"]).to_numpy(np.float64)
    value = np.divide(gain, base, out=np.full(len(rows), np.nan), where=base > 0)
    table = rows.assign(effect=value)[[*_KEY, "context", "effect", "call"]]
    return table.dropna(subset=["effect"])


def draw_by_context(figure: Figure, rows: pd.DataFrame, choice: Choice, label: str, said: str) -> str:
    """A box of tiles for each class of context, those beyond the whiskers as points."""
    axes = figure.subplots()
    groups = by_context(rows, "effect")
    boxes(axes, groups, [OF_CONTEXT[c] for c in CONTEXTS], fliers=True)
    guide(axes, y=0)
    axes.set(ylabel=label, xlabel="context")
    # A few ratios over small activities would make the boxes lines: the axis spans all whiskers, and 99 %.
    whiskers = [w for _, v in groups if len(v) for w in _whiskers(v)]
    low, high = np.quantile(rows["effect"], [0.005, 0.995])
    low, high = min(low, *whiskers), max(high, *whiskers)
    beyond = int(((rows["effect"] < low - 0.1) | (rows["effect"] > high + 0.1)).sum())
    axes.set_ylim(low - 0.1, high + 0.1)
    left_out = f" {beyond:,} points lie outside of the axis." if beyond else ""
    means = ", ".join(f"{name} {np.mean(values):.3g}" for name, values in groups if len(values))
    counts = listed([(name, len(values)) for name, values in groups])
    return f"{said}, tiles of {counts} contexts; means {means}. {BOX} Points: beyond.{left_out} No test."


def _whiskers(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, [25, 75])
    reach = 1.5 * (high - low)
    return float(low - reach), float(high + reach)


def called_tiles(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Tiles that the sufficiency test calls, with their distance."""
    rows = runs.effects("sufficiency", ["tile_start", "tile_end", "distance"])
    return rows.loc[rows["call"].isin(KINDS), [*_KEY, "effect", "call"]].reset_index(drop=True)


def draw_distances(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Histograms of distance, enhancers over silencers."""
    panels = figure.subplots(2, 1, sharex=True)
    reach = float(np.abs(rows["distance"]).max()) / 1000 + 2.5
    width = float((rows["tile_end"] - rows["tile_start"]).median()) / 1000
    n = int(np.ceil(reach / width))
    bins = (np.arange(-n, n + 2, dtype=np.float64) - 0.5) * width
    for axes, kind in zip(panels, KINDS, strict=True):
        at = rows.loc[rows["call"] == kind, "distance"].to_numpy(np.float64) / 1000
        histogram(axes, {kind: at}, COLOURS, bins)
        axes.set(ylabel="tiles", title=f"{kind}, n = {len(at):,}")
        axes.locator_params(axis="y", integer=True, nbins=4)
        guide(axes, x=0)
    panels[1].set_xlabel(KB)
    counts = listed([(kind, int((rows["call"] == kind).sum())) for kind in KINDS])
    return (
        f"Distance of sufficient tiles from the TSS tile in the gene's direction, {counts}; bins of "
        f"{width:g} kb, one tile. Dashed: the TSS. No test."
    )


def both_tests(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Effects of the same tiles in both tests."""
    necessary = necessity(runs, choice)[[*_KEY, "context", "effect"]].rename(columns={"effect": "necessity"})
    rows = with_context(runs.effects("sufficiency", ["tile_start", "tile_end", "distance"]))
    sufficient = rows[[*_KEY, "effect"]].rename(columns={"effect": "sufficiency"})
    return necessary.merge(sufficient, on=_KEY).dropna(subset=["necessity", "sufficiency"])


def draw_both_tests(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A scatter for each class of context."""
    said = []
    for axes, context in zip(figure.subplots(1, 3), CONTEXTS, strict=True):
        mine = rows[rows["context"] == context]
        x, y = (mine[c].to_numpy(np.float64) for c in ("sufficiency", "necessity"))
        points(axes, x, y, OF_CONTEXT[context], alpha=0.5)
        guide(axes, x=0, y=0)
        over = "WT" if context == "enhancing" else "CONTROL"
        axes.set(title=f"{context}, n = {len(mine):,}", xlabel=f"sufficiency, over {over}", box_aspect=1)
        rho = mine["sufficiency"].corr(mine["necessity"], method="spearman")
        said.append(f"{context} n = {len(mine):,}, Spearman {rho:.3f}")
        if context == CONTEXTS[0]:
            axes.set_ylabel(f"necessity, {_NECESSITY.partition(', ')[2]}")
    return (
        f"Effect of each tile in the necessity test against that in the sufficiency test. {'; '.join(said)}."
    )


_ADDED = "What a tile adds to the TSS tile in shuffled sequence"
_SUFFICIENCY = "`raycre creme` with the tests sufficiency and context"
FIGURES = (
    PaperFigure(
        name="creme-2a",
        title="Necessity of tiles",
        shows="Effects of shuffled tiles, a box for each class of context.",
        paper="CREME Fig. 2a, ED 3a,b",
        needs="`raycre creme` with the tests necessity and context",
        table=necessity,
        draw=partial(
            draw_by_context,
            label=_NECESSITY,
            said="Activity lost when one tile is shuffled, over the wild type",
        ),
        also=("creme-ed3a", "creme-ed3b"),
    ),
    PaperFigure(
        name="creme-2b",
        title="Sufficiency of tiles over the wild type",
        shows="What tiles add to the TSS tile over WT, a box for each class of context.",
        paper="CREME Fig. 2b, ED 3c,d",
        needs=_SUFFICIENCY,
        table=partial(sufficiency, over="wt"),
        draw=partial(draw_by_context, label=_OVER["wt"], said=f"{_ADDED}, over the wild type"),
        also=("creme-ed3c", "creme-ed3d"),
    ),
    PaperFigure(
        name="creme-2c",
        title="Sufficiency of tiles over the control",
        shows="What tiles add to the TSS tile over CONTROL, a box for each class of context.",
        paper="CREME Fig. 2c, ED 3c,d",
        needs=_SUFFICIENCY,
        table=partial(sufficiency, over="control"),
        draw=partial(draw_by_context, label=_OVER["control"], said=f"{_ADDED}, over the TSS tile alone"),
    ),
    PaperFigure(
        name="creme-2d",
        title="Where sufficient tiles lie",
        shows="Histogram of the distance of called enhancers and silencers from the TSS.",
        paper="CREME Fig. 2d, ED 4a",
        needs=_SUFFICIENCY,
        table=called_tiles,
        draw=draw_distances,
        also=("creme-ed4a",),
    ),
    PaperFigure(
        name="creme-ed3e",
        title="Necessity against sufficiency",
        shows="Each tile's effect in both tests, a panel for each class of context.",
        paper="CREME ED 3e",
        needs="`raycre creme` with the tests necessity, sufficiency and context",
        table=both_tests,
        draw=draw_both_tests,
        columns=2,
        height=2.5,
    ),
)
