"""Pictures of the greedy search: its curves, what independent tiles would have done, and sets put back.

Draws the genes whose curves are farthest from additive. Knows no sequence and no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Cell, Picture, Table
from raycre.figures.canvas import BLUE, GREY, INK, ORANGE, VERMILLION, as_svg, new_figure
from raycre.figures.parts import iter_effects, track_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_LINES = 6  # of a gene and a track, drawn
# By the metric column: name, colour and line of each curve.
_CURVES = {
    "greedy/wt": ("search", INK, "-"),
    "additive/wt": ("additive", ORANGE, "--"),
    "multiplicative/wt": ("multiplicative", BLUE, ":"),
}
_FAR = "mse(greedy,additive)"
_CLASSED = (_FAR, "mse(ln(greedy),ln(multiplicative))")  # metrics with a call about the whole search
# What the paper shows of sets: for each way of the search the metric, and over what it is.
_SETS = {"min": ("mutant/wt", "wild type"), "max": ("mutant/control", "TSS tile alone")}
_WAYS = {"min": "towards less activity", "max": "towards more activity"}


def read_searches(run: Path) -> list[Block]:
    """Read the interaction and set tests of a run; nothing where it has none.

    Raises:
        FormatError: a damaged part.
    """
    lines: list[tuple[float, pd.DataFrame]] = []
    counts: dict[tuple[str, str, str], int] = {}
    for rows in iter_effects(run, "interaction", ["round", "search"]):
        for row in rows[rows["metric"].isin(_CLASSED)].to_dict("records"):
            key = (str(row["search"]), row["metric"], str(row["call"] or "unknown"))
            counts[key] = counts.get(key, 0) + 1
        for _, mine in rows.groupby("track_id"):
            far = mine.loc[mine["metric"] == _FAR, "effect"].max()
            lines.append((-1.0 if pd.isna(far) else float(far), mine))
        lines = sorted(lines, key=lambda line: -line[0])[:_MAX_LINES]
    if not lines:
        return []
    chosen = [mine for _, mine in lines]
    wanted = {(m["gene_id"].iloc[0], m["track_id"].iloc[0]) for m in chosen}
    sets = [
        mine
        for rows in iter_effects(run, "sets", ["round", "search"])
        if rows["gene_id"].iloc[0] in {gene for gene, _ in wanted}
        for key, mine in rows.groupby(["gene_id", "track_id"])
        if key in wanted
    ]
    return [classes_table(counts), draw_searches(chosen, sets)]


def classes_table(counts: dict[tuple[str, str, str], int]) -> Table:
    """Return how many searches are of each class.

    Args:
        counts: searches by way, metric and call.
    """
    rows: list[list[Cell]] = [
        [_WAYS.get(search, search), metric, call, n] for (search, metric, call), n in sorted(counts.items())
    ]
    return Table("Searches by class, over genes and tracks.", ["search", "by", "class", "n"], rows)


def curve(rows: pd.DataFrame) -> tuple[list[int], list[float]]:
    """Return a curve's points: tiles so far, from 0 where it is 1, and effect.

    Args:
        rows: round and effect, one row a round.
    """
    ordered = rows.sort_values("round")
    return [0, *(ordered["round"].astype(int) + 1)], [1.0, *ordered["effect"].astype(float)]


def draw_searches(chosen: list[pd.DataFrame], sets: list[pd.DataFrame]) -> Picture:
    """Draw a line of panels for each gene and track: the ways of the search, and the sets of each way.

    Args:
        chosen: rows of the interaction test, each of one gene and track.
        sets: rows of the set test, likewise, of any of these.
    """
    ways = [w for w in _WAYS if any((m["search"] == w).any() for m in chosen)]
    panels = [(w, False) for w in ways] + [(w, True) for w in ways if sets]
    figure = new_figure(10.5, 0.5 + 1.7 * len(chosen))
    grid = figure.subplots(len(chosen), len(panels), squeeze=False)
    for line, mine in zip(grid, chosen, strict=True):
        first = mine.iloc[0]
        known = [s for s in sets if (s["gene_id"].iloc[0], s["track_id"].iloc[0]) == tuple(
            first[["gene_id", "track_id"]])]  # fmt: skip
        for axes, (way, is_set) in zip(line, panels, strict=True):
            if is_set:
                _draw_set(axes, known[0][known[0]["search"] == way] if known else mine[:0], way)
            else:
                _draw_curves(axes, mine[mine["search"] == way], way)
        line[0].set_title(f"{first['gene_name']}, {track_name(first)}\n{line[0].get_title('left')}")
    for axes in grid[-1]:
        axes.set_xlabel("tiles")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(handles))
    return Picture(
        "Tiles together",
        as_svg(figure),
        "curves of activity over the wild type against the number of tiles shuffled, with what additive and "
        "multiplicative tiles would do, and of activity as these tiles are put back",
        f"The {len(chosen)} of a gene and a track that are farthest from additive. Search: every round "
        "shuffles the tile that changes activity most, and keeps it so. Additive and multiplicative: from "
        "each of these tiles on its own. Sets: the TSS tile and the first tiles of the search, all else "
        "shuffled.",
    )


def _draw_curves(axes: Axes, rows: pd.DataFrame, way: str) -> None:
    for metric, (label, colour, line) in _CURVES.items():
        mine = rows[rows["metric"] == metric]
        axes.plot(*curve(mine), line, color=colour, label=label, marker="." if line == "-" else None)
    called = rows.loc[rows["metric"] == _FAR, "call"].dropna()
    axes.set_title(f"{_WAYS[way]}{': ' + called.iloc[0] if len(called) else ''}")
    _finish(axes, "over wild type")


def _draw_set(axes: Axes, rows: pd.DataFrame, way: str) -> None:
    metric, over = _SETS[way]
    mine = rows[rows["metric"] == metric].assign(round=rows["round"].fillna(-1)).sort_values("round")
    axes.plot(mine["round"].to_numpy(np.int64) + 1, mine["effect"], ".-", color=VERMILLION, label="set")
    axes.set_title(f"sets, {way}")
    _finish(axes, f"over {over}")


def _finish(axes: Axes, ylabel: str) -> None:
    axes.axhline(1, color=GREY, linewidth=0.6)
    axes.locator_params(axis="x", integer=True, nbins=6)
    axes.set_ylabel(ylabel)
