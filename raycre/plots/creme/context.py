"""Figures of the context tests: how much the context does, in one cell line or several, and swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.errors import MissingInputError
from raycre.figures.canvas import BLUE, GREY
from raycre.plots.charts import boxes, diagonal, guide, histogram, log_ticks, points
from raycre.plots.creme.common import CONTEXTS, OF_CONTEXT
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BOX, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EFFECT = "context effect, (WT − MUT) / WT"
_LEAST = -4.0  # effects below are drawn in the leftmost bin
_OVER_OWN = "mutant/wt"


def context_effects(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Every gene's context effect, its class, and whether it went on to further tests."""
    rows = runs.effects("context").dropna(subset=["effect"])
    table = rows[["run", "gene_id", "gene_name", "tss", "track_id", "effect", "call"]].reset_index(drop=True)
    try:
        sampled = runs.summary("sampled", "raycre creme pipeline")
    except MissingInputError:
        return table.assign(sampled=table["call"].isin(CONTEXTS))
    key = ["run", "gene_id", "tss", "track_id"]
    went_on = sampled.loc[sampled["sampled"], key].drop_duplicates().assign(sampled=True)
    joined = table.merge(went_on, how="left", on=key)
    return joined.assign(sampled=joined["sampled"].notna())


def draw_context_effects(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A histogram of all genes, and inset that of each class."""
    axes = figure.subplots()
    low = max(_LEAST, float(rows["effect"].min()))
    bins = np.linspace(min(low, -0.5), 1, 61)
    histogram(axes, {"all": rows["effect"].to_numpy(np.float64)}, {"all": GREY}, bins)
    axes.set(xlabel=_EFFECT, ylabel="genes", ylim=(0, 1.9 * axes.get_ylim()[1]))
    guide(axes, x=0, top=0.5)
    inset = axes.inset_axes((0.17, 0.52, 0.46, 0.44))
    went_on = rows[rows["sampled"]]
    classes = {c: went_on.loc[went_on["call"] == c, "effect"].to_numpy(np.float64) for c in CONTEXTS}
    histogram(inset, classes, OF_CONTEXT, bins)
    inset.set(ylabel="genes")
    inset.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.05), handlelength=1, fontsize=5.5
    )  # beside the bars
    inset.tick_params(labelsize=5.5)
    n_low = int((rows["effect"] < bins[0]).sum())
    clipped = f" {n_low:,} effects below {bins[0]:.2g} are in the first bin." if n_low else ""
    counts = listed([(c, len(v)) for c, v in classes.items()])
    return (
        "Histogram of the normalised context effect, the activity lost when all outside the TSS tile is "
        f"shuffled, of n = {len(rows):,} genes. Inset: the genes of each class that further tests took, "
        f"{counts}.{clipped} No test."
    )


def swapped(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Every TSS in another gene's context, by the classes of its own context and of the new one."""
    rows = runs.effects("swap", ["context_gene_id", "context_tss"])
    rows = rows[rows["metric"] == _OVER_OWN]
    contexts = runs.effects("context")[["run", "gene_id", "tss", "call"]].dropna(subset=["call"])
    contexts = contexts.drop_duplicates(["run", "gene_id", "tss"])
    # A swap's own row says whose TSS it is by the gene alone; a gene with TSSs of unlike classes has none.
    unique = contexts.groupby(["run", "gene_id"])["call"].agg(["nunique", "first"])
    own = unique.loc[unique["nunique"] == 1, "first"].rename("own").reset_index()
    new = contexts.rename(columns={"gene_id": "context_gene_id", "tss": "context_tss", "call": "new"})
    joined = rows.merge(own, on=["run", "gene_id"]).merge(new, on=["run", "context_gene_id", "context_tss"])
    joined = joined[joined["own"].isin(CONTEXTS) & joined["new"].isin(CONTEXTS)]
    return joined[["run", "gene_id", "context_gene_id", "own", "new", "effect"]].dropna(subset=["effect"])


def draw_swapped(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each class of the TSS's own context: boxes by the class of the new one."""
    panels = figure.subplots(1, 3, sharey=False)
    for axes, own in zip(panels, ("enhancing", "silencing", "neutral"), strict=True):
        mine = rows[rows["own"] == own]
        groups = [(c, mine.loc[mine["new"] == c, "effect"].to_numpy(np.float64)) for c in CONTEXTS]
        boxes(axes, groups, [OF_CONTEXT[c] for c in CONTEXTS])
        guide(axes, y=1)
        axes.set(title=f"TSS of {own} context", xlabel="put into context")
    panels[0].set_ylabel("fold change over WT")
    summary = rows.groupby(["own", "new"])["effect"].median()
    said = "; ".join(f"{own} into {new} {summary[own, new]:.3g}" for own, new in summary.index)
    return (
        "Activity of a TSS tile in another gene's context over that in its own, by the classes of both "
        f"contexts, n = {len(rows):,} pairs (n of each box under its name). {BOX} Dashed: no change. "
        f"Medians: {said}. No test."
    )


def across_tracks(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Context effects of genes on every two tracks or runs."""
    rows = runs.effects("context", ["biosample"], every_track=True).dropna(subset=["effect"])
    several = rows["run"].nunique() > 1
    name = rows["biosample"].fillna(rows["track_name"]).fillna(rows["track_id"].astype(str)).astype(str)
    rows = rows.assign(line=rows["run"] + " " + name if several else name)
    wide = rows.pivot_table(index=["gene_id", "tss"], columns="line", values="effect", aggfunc="first")
    lines = list(dict.fromkeys(rows["line"]))
    if len(lines) < 2:
        raise MissingInputError("cell lines are compared: give a run of several tracks, or several runs")
    parts = []
    for i, first in enumerate(lines):
        for second in lines[i + 1 :]:
            both = wide[[first, second]].dropna().reset_index()
            both.columns = ["gene_id", "tss", "x", "y"]
            parts.append(both.assign(x_line=first, y_line=second))
    return pd.concat(parts, ignore_index=True)


def draw_across_tracks(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A scatter of effects for every two cell lines, three of them at most."""
    pairs = list(rows.groupby(["x_line", "y_line"], sort=False))[:3]
    said = []
    for axes, ((x, y), mine) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs, strict=True):
        points(axes, mine["x"].to_numpy(float), mine["y"].to_numpy(float), BLUE, alpha=0.5)
        axes.set(xlabel=f"context effect, {x}", ylabel=f"context effect, {y}", box_aspect=1)
        low = max(_LEAST, float(np.nanmin(mine[["x", "y"]].to_numpy())))
        axes.set(xlim=(low, 1.05), ylim=(low, 1.05))
        diagonal(axes)
        r = mine["x"].corr(mine["y"])
        axes.set_title(f"n = {len(mine):,}, r = {r:.2f}")
        said.append(f"{x} and {y} n = {len(mine):,}, Pearson r = {r:.3f}")
    return f"Normalised context effects of matched TSSs. {'; '.join(said)}. Dashed: equal effects."


def _activities(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Wild-type activity of matched TSSs in two runs, of two models."""
    rows = runs.effects("context", ["wt", "model"])
    names = list(dict.fromkeys(rows["run"]))
    if len(names) != 2:
        raise MissingInputError("two runs of two models are compared; name both")
    wide = rows.pivot_table(index=["gene_id", "tss"], columns="run", values="wt", aggfunc="first").dropna()
    table = wide[names].reset_index()
    table.columns = ["gene_id", "tss", "x", "y"]
    return table.assign(x_run=names[0], y_run=names[1])


def draw_activities(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A scatter on logarithmic axes."""
    axes = figure.subplots()
    shown = rows[(rows["x"] > 0) & (rows["y"] > 0)]
    points(axes, shown["x"].to_numpy(float), shown["y"].to_numpy(float), BLUE, alpha=0.6)
    x, y = rows["x_run"].iloc[0], rows["y_run"].iloc[0]
    axes.set(xscale="log", yscale="log", xlabel=f"WT activity, {x}", ylabel=f"WT activity, {y}", box_aspect=1)
    log_ticks(axes)
    rho = rows["x"].corr(rows["y"], method="spearman")
    axes.set_title(f"n = {len(rows):,}, Spearman {rho:.2f}")
    dark = len(rows) - len(shown)
    left_out = f" {dark:,} without any activity are not drawn." if dark else ""
    return (
        f"Predicted wild-type TSS activity of {x} and {y}, matched TSSs, n = {len(rows):,}; Spearman's rank "
        f"correlation {rho:.3f}. Axes are logarithmic.{left_out}"
    )


_CONTEXT = "`raycre creme` with the test context"
FIGURES = (
    PaperFigure(
        name="creme-1c",
        title="Context dependence",
        shows="Histogram of all genes' context effects; inset the sampled genes of each class.",
        paper="CREME Fig. 1c, ED 1a,b, ED 2b",
        needs=_CONTEXT,
        table=context_effects,
        draw=draw_context_effects,
        also=("creme-ed1a", "creme-ed1b", "creme-ed2b"),
        height=2.4,
    ),
    PaperFigure(
        name="creme-1f",
        title="Context swap",
        shows="Activity of TSSs in other genes' contexts, boxes by both classes.",
        paper="CREME Fig. 1f-h, ED 1d,e",
        needs="`raycre creme` with the tests swap and context",
        table=swapped,
        draw=draw_swapped,
        also=("creme-1g", "creme-1h", "creme-ed1d", "creme-ed1e"),
        columns=2,
    ),
    PaperFigure(
        name="creme-ed1c",
        title="Context dependence between cell lines",
        shows="Context effects of matched genes, every two cell lines.",
        paper="CREME ED 1c",
        needs=f"{_CONTEXT} on several tracks, or several runs",
        table=across_tracks,
        draw=draw_across_tracks,
        columns=2,
        height=2.5,
    ),
    PaperFigure(
        name="creme-ed2a",
        title="Activity by two models",
        shows="Wild-type activity by two models (Enformer, Borzoi), matched genes.",
        paper="CREME ED 2a",
        needs=f"two runs of {_CONTEXT}, one of each model",
        table=_activities,
        draw=draw_activities,
        height=2.8,
    ),
)
