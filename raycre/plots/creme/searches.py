"""Figures of greedy searches: curves by context, where the first tiles lie, and what sets bring back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.creme.formulas import GREEDY, MUTANT_OVER_CONTROL, MUTANT_OVER_WT
from raycre.figures.canvas import BLUE, ORANGE
from raycre.plots.charts import band, guide, heat
from raycre.plots.creme.common import CONTEXTS, KB, OF_CONTEXT, with_context
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BAND, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = 5  # tiles whose places are shown; CREME Fig. 5d,e
OF_WAY = {"min": ("enhancer", "enhancing", ORANGE), "max": ("silencer", "silencing", BLUE)}
"""Of each way of a search: what its tiles are, the contexts that the paper shows, and their colour."""
KEY = ["run", "gene_id", "gene_name", "tss", "context"]
_SETS = {"min": (MUTANT_OVER_WT, "WT"), "max": (MUTANT_OVER_CONTROL, "CONTROL")}


def with_start(rows: pd.DataFrame, start: float = 1.0) -> pd.DataFrame:
    """Return curves with the number of tiles, 0 first, where every curve is `start`.

    Args:
        rows: KEY, search, metric, round (0-based) and effect.
        start: effect before the first tile.
    """
    curves = rows.assign(tiles=rows["round"].astype("int64") + 1)
    key = [*KEY, "search", "metric"]
    begins = curves.drop_duplicates(key).assign(tiles=0, effect=start)
    return pd.concat([begins, curves]).sort_values([*key, "tiles"], kind="stable")[[*key, "tiles", "effect"]]


def _curves_of(runs: Runs, choice: Choice, way: str) -> pd.DataFrame:
    """The search's own curves in one way, of every context."""
    rows = with_context(runs.effects("interaction", ["round", "search"]))
    rows = rows[(rows["metric"] == GREEDY) & (rows["search"] == way)].dropna(subset=["round"])
    return with_start(rows).dropna(subset=["effect"]).reset_index(drop=True)


def _draw_curves(figure: Figure, rows: pd.DataFrame, choice: Choice, way: str) -> str:
    """A line for each class of context."""
    axes = figure.subplots()
    counts = []
    for context in CONTEXTS:
        mine = rows[rows["context"] == context]
        n = len(mine.drop_duplicates(KEY))
        counts.append((context, n))
        if n:
            band(axes, mine, "tiles", "effect", OF_CONTEXT[context], f"{context} (n = {n:,})")
    guide(axes, y=1)
    axes.set(xlabel="tiles shuffled", ylabel="fold change over WT")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="best", handlelength=1.4)
    return (
        f"Activity over the wild type as a greedy search shuffles one {OF_WAY[way][0]} tile after another; "
        f"genes of {listed(counts)} contexts. Lines: means. {BAND} Dashed: the wild type. No test."
    )


def draw_places(figure: Figure, rows: pd.DataFrame, choice: Choice, way: str) -> str:
    """A row a gene, a column a tile; above, how often each tile is among the first."""
    what, context, colour = OF_WAY[way]
    top, axes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    kb = np.sort(rows["kb"].unique())
    step = float(np.diff(kb).min()) if len(kb) > 1 else 5.0
    edges = np.arange(kb.min() - step / 2, kb.max() + step, step)
    column = np.searchsorted(edges, rows["kb"].to_numpy(float)) - 1
    gene, names = pd.factorize(rows["gene_id"] + rows["tss"].astype(str) + rows["run"])
    chosen = np.zeros((len(names), len(edges) - 1))
    chosen[gene, column] = 1
    # Genes by where their tiles lie on average, so that likes stand together.
    order = np.argsort((chosen * np.arange(chosen.shape[1])).sum(axis=1), kind="stable")
    extent = (float(edges[0]), float(edges[-1]), float(len(names)), 0.0)
    heat(axes, chosen[order], colour, extent)
    top.stairs(chosen.sum(axis=0), edges, fill=True, color=colour)
    top.set(ylabel="genes")
    axes.set(xlabel=KB, ylabel=f"genes (n = {len(names):,})", xlim=(edges[0], edges[-1]))
    for panel in (top, axes):
        guide(panel, x=0)
    counts = np.bincount(column)
    most = np.argsort(-counts, kind="stable")[:3]
    said = ", ".join(f"{edges[c] + step / 2:+g} kb {counts[c]:,}" for c in most)
    return (
        f"Places of the first {FIRST} {what} tiles that the greedy search shuffles, n = {len(names):,} "
        "genes of "
        f"{context} contexts, a row each. Above: genes for which a tile is among them; most often "
        f"{said}. No test."
    )


def places_of(runs: Runs, choice: Choice, way: str) -> pd.DataFrame:
    """The tiles of the first rounds, in the contexts that the paper shows for this way."""
    rows = with_context(runs.effects("interaction", ["round", "search", "distance"]))
    rows = rows[(rows["metric"] == GREEDY) & (rows["search"] == way) & (rows["context"] == OF_WAY[way][1])]
    rows = rows[rows["round"].fillna(FIRST) < FIRST]
    return rows.assign(kb=rows["distance"] / 1000)[[*KEY, "round", "kb"]].reset_index(drop=True)


def sets_of(runs: Runs, choice: Choice, way: str) -> pd.DataFrame:
    """What the first tiles of a search bring back, one after another."""
    rows = with_context(runs.effects("sets", ["round", "search"]))
    metric, _ = _SETS[way]
    rows = rows[(rows["metric"] == metric) & (rows["search"] == way) & (rows["context"] == OF_WAY[way][1])]
    tiles = rows["round"].fillna(-1).astype("int64") + 1
    return (
        rows.assign(tiles=tiles)[[*KEY, "tiles", "effect"]].dropna(subset=["effect"]).reset_index(drop=True)
    )


def draw_sets(figure: Figure, rows: pd.DataFrame, choice: Choice, way: str) -> str:
    """A line, over the number of tiles."""
    what, context, colour = OF_WAY[way]
    over = _SETS[way][1]
    axes = figure.subplots()
    table = band(axes, rows, "tiles", "effect", colour, marker=".")
    guide(axes, y=1)
    axes.set(xlabel=f"{what} tiles put back", ylabel=f"fold change over {over}")
    axes.set_ylim(bottom=0)
    axes.locator_params(axis="x", integer=True)
    n = len(rows.drop_duplicates(KEY))
    at = table.set_index("tiles")["mean"]
    said = ", ".join(f"{k} tiles {at[k]:.3f}" for k in (0, 3, 5, 11, int(at.index.max())) if k in at.index)
    return (
        f"The TSS tile and the first {what} tiles of the greedy search in shuffled sequence, over {over}; "
        f"n = {n:,} genes of {context} contexts. Line: mean ({said}). {BAND} Dashed: {over}. No test."
    )


_SEARCH = "`raycre creme` with the tests interaction and context"
_SETS_RUN = "`raycre creme` with the tests sets and context"
FIGURES = (
    PaperFigure(
        name="creme-5b",
        title="Greedy search for enhancer tiles",
        shows="Activity as enhancer tiles are shuffled one after another, by context.",
        paper="CREME Fig. 5b, ED 7a",
        needs=_SEARCH,
        table=partial(_curves_of, way="min"),
        draw=partial(_draw_curves, way="min"),
        also=("creme-ed7a",),
    ),
    PaperFigure(
        name="creme-5c",
        title="Greedy search for silencer tiles",
        shows="Activity as silencer tiles are shuffled one after another, by context.",
        paper="CREME Fig. 5c, ED 7b",
        needs=_SEARCH,
        table=partial(_curves_of, way="max"),
        draw=partial(_draw_curves, way="max"),
        also=("creme-ed7b",),
    ),
    PaperFigure(
        name="creme-5d",
        title="Places of the first enhancer tiles",
        shows="Heat map of the first five enhancer tiles of each gene, and how often each is chosen.",
        paper="CREME Fig. 5d, Supp. 7",
        needs=_SEARCH,
        table=partial(places_of, way="min"),
        draw=partial(draw_places, way="min"),
        height=3.0,
    ),
    PaperFigure(
        name="creme-5e",
        title="Places of the first silencer tiles",
        shows="Heat map of the first five silencer tiles of each gene, and how often each is chosen.",
        paper="CREME Fig. 5e, Supp. 8",
        needs=_SEARCH,
        table=partial(places_of, way="max"),
        draw=partial(draw_places, way="max"),
        height=3.0,
    ),
    PaperFigure(
        name="creme-5f",
        title="Sufficiency of enhancer sets",
        shows="Activity over WT as the tiles of the search are put back.",
        paper="CREME Fig. 5f, ED 7c",
        needs=_SETS_RUN,
        table=partial(sets_of, way="min"),
        draw=partial(draw_sets, way="min"),
        also=("creme-ed7c",),
    ),
    PaperFigure(
        name="creme-5g",
        title="Sufficiency of silencer sets",
        shows="Activity over CONTROL as the tiles of the search are put back.",
        paper="CREME Fig. 5g, ED 7d",
        needs=_SETS_RUN,
        table=partial(sets_of, way="max"),
        draw=partial(draw_sets, way="max"),
        also=("creme-ed7d",),
    ),
)
