"""Figures of elements that were moved or copied: activity by distance, and by number of copies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from raycre.creme.formulas import (
    INSERTED_OVER_CONTROL,
    INSERTED_OVER_WT,
    MUTANT_OVER_MAX,
    MUTANT_OVER_ORIGINAL,
)
from raycre.figures.canvas import COLOURS
from raycre.plots.charts import band, guide
from raycre.plots.creme.common import KB, KINDS
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.runs import Runs
from raycre.plots.words import BAND, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ELEMENT = ["run", "gene_id", "tss", "tile_start", "call"]
_NEXT = 5.0  # kb: the place right after the TSS tile
_MOST_LINES = 200  # thin ones of a panel


def _moved(runs: Runs, choice: Choice, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Each element at each place: kb from the TSS, effect."""
    rows = runs.effects("distance", ["tile_start", "distance"])
    rows = rows[rows["metric"].isin(metrics) & rows["call"].isin(KINDS)]
    table = rows[[*_ELEMENT, "distance", "metric", "effect"]].dropna(subset=["effect"])
    return table.assign(kb=table["distance"] / 1000).reset_index(drop=True)


def draw_moved(
    figure: Figure, rows: pd.DataFrame, choice: Choice, label: str, level: float, said: str
) -> str:
    """A line for each kind, over the distance."""
    axes = figure.subplots()
    for kind in KINDS:
        mine = rows[rows["call"] == kind]
        if len(mine):
            n = len(mine.drop_duplicates(_ELEMENT))
            band(axes, mine, "kb", "effect", COLOURS[kind], f"{kind} (n = {n:,})")
    guide(axes, y=level, x=_NEXT)
    axes.set(xlabel=KB, ylabel=label)
    axes.legend(loc="best", handlelength=1.4)
    counts = [(kind, len(rows[rows["call"] == kind].drop_duplicates(_ELEMENT))) for kind in KINDS]
    nearest = rows.loc[rows["kb"].abs() == _NEXT].groupby(["call", "kb"], as_index=False)["effect"].mean()
    means = "; ".join(
        f"{kind} at {kb:+g} kb {value:.3f}"
        for kind, kb, value in zip(nearest["call"], nearest["kb"], nearest["effect"], strict=True)
    )
    return (
        f"{said}; {listed(counts)}, {len(rows):,} placements. Lines: means; next to the TSS tile "
        f"{means}. {BAND} "
        "Dashed: the place right after the TSS tile, and no difference. No test."
    )


def copied(runs: Runs, choice: Choice) -> pd.DataFrame:
    """Each element in each number of copies, over the element at its original place."""
    rows = runs.effects("multiplicity", ["tile_start", "copies"])
    rows = rows[(rows["metric"] == MUTANT_OVER_ORIGINAL) & rows["call"].isin(KINDS)]
    table = rows[[*_ELEMENT, "copies", "effect"]].dropna(subset=["effect", "copies"])
    return table.astype({"copies": "int64"}).reset_index(drop=True)


def draw_copied(figure: Figure, rows: pd.DataFrame, choice: Choice) -> str:
    """A panel for each kind: thin lines of elements, their mean."""
    counts = []
    for axes, kind in zip(figure.subplots(1, 2), KINDS, strict=True):
        mine = rows[rows["call"] == kind]
        elements = list(mine.groupby(_ELEMENT))
        for _, element in elements[:_MOST_LINES]:
            ordered = element.sort_values("copies")
            axes.plot(ordered["copies"], ordered["effect"], color=COLOURS[kind], linewidth=0.4, alpha=0.4)
        if len(mine):
            band(axes, mine, "copies", "effect", COLOURS[kind], linewidth=1.8)
        guide(axes, y=1)
        axes.set(title=f"{kind}, n = {len(elements):,}", xlabel="copies")
        axes.locator_params(axis="x", integer=True)
        counts.append((kind, len(elements)))
        if kind == KINDS[0]:
            axes.set_ylabel("fold change over the original")
    return (
        "Copies of an element in shuffled sequence, each put where it does most, over the element at "
        "its original "
        f"place; {listed(counts)}. Thin: elements (at most {_MOST_LINES}); thick: mean. {BAND} Dashed: "
        "1. No test."
    )


_MOVED = "`raycre creme` with the test distance"
FIGURES = (
    PaperFigure(
        name="creme-4a",
        title="Distance from the TSS",
        shows="Activity by an element's distance over its maximum, enhancers and silencers.",
        paper="CREME Fig. 4a,b, ED 5a,b",
        needs=_MOVED,
        table=partial(_moved, metrics=(MUTANT_OVER_MAX,)),
        draw=partial(
            draw_moved,
            label="fold change over maximum",
            level=1,
            said="Activity of an element moved along shuffled sequence, over its largest one at any place",
        ),
        also=("creme-4b", "creme-ed5a", "creme-ed5b"),
    ),
    PaperFigure(
        name="creme-4c",
        title="Sufficiency by distance",
        shows="An element's sufficiency by its distance, enhancers and silencers.",
        paper="CREME Fig. 4c,d, ED 5c,d",
        needs=_MOVED,
        table=partial(_moved, metrics=(INSERTED_OVER_WT, INSERTED_OVER_CONTROL)),
        draw=partial(
            draw_moved,
            label="tile sufficiency",
            level=0,
            said="Sufficiency of an element moved along shuffled sequence, (MUT − CONTROL) over WT for "
            "enhancers and over CONTROL for silencers",
        ),
        also=("creme-4d", "creme-ed5c", "creme-ed5d"),
    ),
    PaperFigure(
        name="creme-ed10",
        title="Copies of an element",
        shows="Activity by number of copies over the element at its original place.",
        paper="CREME ED 10",
        needs="`raycre creme` with the test multiplicity",
        table=copied,
        draw=draw_copied,
        columns=2,
        height=2.4,
    ),
)
