"""Figures of tiles together: the greedy search against tiles that act apart, added up or multiplied."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.compare.marks import rank_test
from raycre.creme.formulas import (
    ADDITIVE,
    GREEDY,
    LOG_GREEDY,
    LOG_MULTIPLICATIVE,
    MSE_ADDITIVE,
    MULTIPLICATIVE,
)
from raycre.errors import GeneError, MissingInputError, near
from raycre.figures.canvas import BLUE, GREEN, GREY, ORANGE, VERMILLION
from raycre.plots.charts import band, boxes, bracket, diagonal, guide, points
from raycre.plots.creme.common import with_context
from raycre.plots.creme.searches import KEY, OF_WAY, with_start
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BAND, BOX, STARS_TOLD, listed, p_words, stars

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAYS = ("min", "max")
STRATA = ("superadditive", "subadditive", "additive")  # CREME Fig. 6b-d
# Name and colour of each curve, as the paper's: the search, and tiles that act apart.
CURVES = {
    GREEDY: ("greedy search", GREEN),
    ADDITIVE: ("additive", ORANGE),
    MULTIPLICATIVE: ("multiplicative", BLUE),
    LOG_GREEDY: ("greedy search", GREEN),
    LOG_MULTIPLICATIVE: ("multiplicative", BLUE),
}
_LOGS = (LOG_GREEDY, LOG_MULTIPLICATIVE)


def together(runs: Runs, choice: Choice, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Curves of the search and of tiles that act apart, in the contexts that the paper shows."""
    way = choice.which("min")
    rows = with_context(runs.effects("interaction", ["round", "search"]))
    rows = rows[(rows["search"] == way) & (rows["context"] == OF_WAY[way][1])]
    classes = rows.loc[rows["metric"] == MSE_ADDITIVE, [*KEY, "call"]].rename(columns={"call": "class"})
    curves = with_start(rows[rows["metric"].isin(metrics)].dropna(subset=["round"]))
    return curves.merge(classes.drop_duplicates(KEY), how="left", on=KEY).dropna(subset=["effect"])


def draw_together(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """All searches, then a panel for each class."""
    way = choice.which("min")
    metrics = [metric for metric in CURVES if (rows["metric"] == metric).any()]
    logs = set(metrics) <= set(_LOGS)
    panels = figure.subplots(1, 4, sharey=True)
    counts = []
    for axes, stratum in zip(panels, ("all", *STRATA), strict=True):
        mine = rows if stratum == "all" else rows[rows["class"] == stratum]
        n = len(mine.drop_duplicates(KEY))
        counts.append((stratum, n))
        for metric in metrics:
            name, colour = CURVES[metric]
            if n:
                band(axes, mine[mine["metric"] == metric], "tiles", "effect", colour, name)
        guide(axes, y=1)
        axes.set(title=f"{stratum}, n = {n:,}", xlabel="tiles shuffled")
        axes.locator_params(axis="x", integer=True, nbins=5)
        if not n:
            axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=GREY)
    panels[0].set_ylabel("ln activity over ln WT" if logs else "fold change over WT")
    panels[0].legend(loc="best", handlelength=1.4)
    unclassed = counts[0][1] - sum(n for _, n in counts[1:])
    what, context, _ = OF_WAY[way]
    return (
        f"The greedy search for {what} tiles in {context} contexts beside what its tiles would do if "
        "they acted "
        f"apart; {listed(counts)}, ambiguous or unknown n = {unclassed:,}. Classes by the mean squared "
        "error of "
        "the search's curve to the additive one: above 0.1 not additive, below 0.05 additive. Lines: "
        f"means. {BAND} "
        "Dashed: the wild type. No test."
    )


def two_tiles(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Two tiles shuffled: what the search found, and what adding and multiplying give; a row a gene.

    p_additive and p_multiplicative are of two-sided Mann-Whitney tests of the search against each, over the
    genes of a class (CREME, legend of Fig. 6e); null for a single gene.
    """
    curves = together(runs, choice, (GREEDY, ADDITIVE, MULTIPLICATIVE))
    second = curves[(curves["tiles"] == 2) & curves["class"].isin(STRATA)]
    wide = second.pivot_table(index=[*KEY, "class"], columns="metric", values="effect").reset_index()
    if wide.empty:
        raise MissingInputError(
            "no search of two rounds is of a class (superadditive, subadditive, additive)"
        )
    wide = wide.rename(columns={metric: CURVES[metric][0] for metric in (GREEDY, ADDITIVE, MULTIPLICATIVE)})
    tested = [
        {"class": stratum} | {f"p_{model}": _p_of(mine, model) for model in _MODELS[1:]}
        for stratum, mine in wide.groupby("class")
    ]
    return wide.merge(pd.DataFrame(tested), on="class")


def _p_of(rows: pd.DataFrame, model: str) -> float:
    found, expected = (rows[name].to_numpy(np.float64) for name in (_MODELS[0], model))
    return rank_test(found, expected)[1] if len(rows) > 1 else float("nan")


_MODELS = tuple(CURVES[m][0] for m in (GREEDY, ADDITIVE, MULTIPLICATIVE))
_COLOURS = [CURVES[m][1] for m in (GREEDY, ADDITIVE, MULTIPLICATIVE)]


def draw_two_tiles(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """Three boxes for each class, and the tests of the search against both others."""
    axes = figure.subplots()
    tests, at, counts = [], 0.0, []
    centres = []
    for stratum in STRATA:
        mine = rows[rows["class"] == stratum]
        groups = [("", mine[m].to_numpy(np.float64)) for m in _MODELS]
        places = [at + 1, at + 1.8, at + 2.6]
        boxes(axes, groups, _COLOURS, at=places, counts=False)
        counts.append((stratum, len(mine)))
        for level, model in enumerate(_MODELS[1:]):
            if len(mine) > 1:
                p = float(mine[f"p_{model}"].iloc[0])
                bracket(axes, places[0], places[level + 1], stars(p), level)
                tests.append(f"{stratum}, search and {model}: {p_words(p)}")
        centres.append(places[1])
        at += 3.4
    axes.set_xticks(centres, [f"{name}\nn = {n:,}" for name, n in counts])
    axes.set_xlim(0.3, at)
    axes.set_ylabel("fold change over WT, two tiles")
    guide(axes, y=1)
    for model, colour in zip(_MODELS, _COLOURS, strict=True):
        axes.fill_between([], [], [], color=colour, label=model)
    figure.legend(loc="outside upper center", ncols=3, handlelength=1)
    return (
        f"Activity over the wild type with the first two {OF_WAY[choice.which('min')][0]} tiles of the "
        "search "
        f"shuffled, and what the two alone give added up and multiplied; {listed(counts)} genes. {BOX} "
        "Two-sided "
        f"Mann-Whitney U tests: {'; '.join(tests)}. {STARS_TOLD}"
    )


def draw_two_tiles_apart(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A scatter for each class: models against the search."""
    said = []
    for axes, stratum in zip(figure.subplots(1, 3), STRATA, strict=True):
        mine = rows[rows["class"] == stratum]
        x = mine[_MODELS[0]].to_numpy(np.float64)
        for model, colour in zip(_MODELS[1:], _COLOURS[1:], strict=True):
            y = mine[model].to_numpy(np.float64)
            points(axes, x, y, colour, label=model, s=7, alpha=0.8)
            if len(x):
                said.append(f"{stratum}, {model} {np.mean((x - y) ** 2):.4f}")
        axes.set(title=f"{stratum}, n = {len(mine):,}", xlabel="greedy search", box_aspect=1)
        diagonal(axes)
    panels = figure.axes
    panels[0].set_ylabel("model")
    panels[0].legend(loc="best", handlelength=1, markerscale=1.5)
    return (
        f"Fold change over WT with two {OF_WAY[choice.which('min')][0]} tiles shuffled: models of tiles "
        "that act "
        f"apart against the search, a point a gene, n = {len(rows):,}. Mean squared errors: "
        f"{'; '.join(said)}. "
        "Dashed: equal. No test."
    )


def examples(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Curves of a few genes: those named, else the largest of each class."""
    curves = together(runs, choice, (GREEDY, ADDITIVE))
    if choice.names:
        for name in choice.names:
            if name not in set(curves["gene_name"]) | set(curves["gene_id"]):
                raise GeneError(
                    f"no search of this gene{near(name, curves['gene_name'].dropna().unique())}", value=name
                )
        return curves[curves["gene_name"].isin(choice.names) | curves["gene_id"].isin(choice.names)]
    wide = curves.pivot_table(index=[*KEY, "class", "tiles"], columns="metric", values="effect").reset_index()
    gap = (
        wide.assign(gap=(wide[GREEDY] - wide[ADDITIVE]).abs())
        .groupby([*KEY, "class"], as_index=False)["gap"]
        .max()
    )
    gap = gap[gap["class"].isin(STRATA)]
    most = gap.sort_values("gap", ascending=False, kind="stable").groupby("class").head(1)
    return curves.merge(most[KEY], on=KEY)


def draw_examples(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A line a gene: its curves, and what each tile does alone, in the order of the search."""
    genes = list(rows.groupby(KEY, sort=False))[:9]
    figure.set_size_inches(figure.get_size_inches()[0], 0.4 + 1.35 * len(genes))
    grid = figure.subplots(len(genes), 2, squeeze=False)
    for (left, right), (key, mine) in zip(grid, genes, strict=True):
        stratum = mine["class"].iloc[0]
        for metric in (GREEDY, ADDITIVE):
            name, colour = CURVES[metric]
            line = mine[mine["metric"] == metric].sort_values("tiles")
            left.plot(line["tiles"], line["effect"], color=colour, label=name, marker=".")
        alone = np.diff(mine[mine["metric"] == ADDITIVE].sort_values("tiles")["effect"].to_numpy(np.float64))
        right.bar(np.arange(1, len(alone) + 1), alone, color=[VERMILLION if v > 0 else BLUE for v in alone])
        guide(left, y=1)
        guide(right, y=0)
        left.set(title=f"{key[2]}, {stratum}", ylabel="over WT")
        right.set(title="each tile alone", ylabel="change over WT")
        for axes in (left, right):
            axes.locator_params(axis="x", integer=True)
    grid[-1][0].set_xlabel("tiles shuffled")
    grid[-1][1].set_xlabel("tile, in the order of the search")
    grid[0][0].legend(loc="best", handlelength=1.4)
    return (
        f"Examples, {listed([('genes', len(genes))])}. Left: the greedy search, and the additive model "
        "of the same "
        "tiles. Right: what each tile does alone in the first round, in the order in which the search takes "
        "them: less activity blue, more red. No test."
    )


_SEARCH = "`raycre creme` with the tests interaction and context"
FIGURES = (
    PaperFigure(
        name="creme-6a",
        title="Sets against an additive model",
        shows="Greedy search and additive model, all genes and each class of interaction.",
        paper="CREME Fig. 6a-d, ED 8a,b; with --of max ED 9, Supp. 10",
        needs=_SEARCH,
        table=partial(together, metrics=(GREEDY, ADDITIVE)),
        draw=draw_together,
        also=("creme-6b", "creme-6c", "creme-6d", "creme-ed8a", "creme-ed8b", "creme-ed9"),
        columns=2,
        of=WAYS,
    ),
    PaperFigure(
        name="creme-s9",
        title="Sets against a multiplicative model",
        shows="Greedy search and multiplicative model on logarithms, all genes and each class.",
        paper="CREME Supp. 9",
        needs=_SEARCH,
        table=partial(together, metrics=_LOGS),
        draw=draw_together,
        columns=2,
        of=WAYS,
    ),
    PaperFigure(
        name="creme-6e",
        title="Two tiles",
        shows="Two tiles: search, additive and multiplicative model, boxes by class with Mann-Whitney tests.",
        paper="CREME Fig. 6e, ED 8c,e",
        needs=_SEARCH,
        table=two_tiles,
        draw=draw_two_tiles,
        also=("creme-ed8c", "creme-ed8e"),
        height=2.6,
        of=WAYS,
    ),
    PaperFigure(
        name="creme-6f",
        title="Two tiles, gene by gene",
        shows="Additive and multiplicative model against the search, a panel for each class.",
        paper="CREME Fig. 6f-h, ED 8d,f",
        needs=_SEARCH,
        table=two_tiles,
        draw=draw_two_tiles_apart,
        also=("creme-6g", "creme-6h", "creme-ed8d", "creme-ed8f"),
        columns=2,
        height=2.5,
        of=WAYS,
    ),
    PaperFigure(
        name="creme-ed6",
        title="Examples of searches",
        shows="Curves of single genes, and what each of their tiles does alone.",
        paper="CREME ED 6",
        needs=_SEARCH,
        table=examples,
        draw=draw_examples,
        columns=2,
        of=WAYS,
        names="genes",
    ),
)
