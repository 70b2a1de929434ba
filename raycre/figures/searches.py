"""Pictures of the greedy search: its curves, what independent tiles would have done, and sets put back.

Draws the searches that change activity most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Cell, Picture, Table
from raycre.figures.canvas import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    VERMILLION,
    as_svg,
    for_any_page,
    legend_columns,
    new_panels,
)
from raycre.figures.parts import iter_effects, track_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_LINES = 4  # of a gene and a track, drawn of each way of the search
_COLUMNS = ["tss", "round", "search"]
# By the metric column: name, colour and line of each curve.
_CURVES = {
    "greedy/wt": ("search", INK, "-"),
    "additive/wt": ("additive", ORANGE, "--"),
    "multiplicative/wt": ("multiplicative", BLUE, ":"),
}
_SEARCH, _FAR = "greedy/wt", "mse(greedy,additive)"
_CLASSIFIED = (_FAR, "mse(ln(greedy),ln(multiplicative))")  # metrics with a call about the whole search
# What the paper shows of sets: for each way of the search the metric, and over what it is.
_SETS = {"min": ("mutant/wt", "wild type"), "max": ("mutant/control", "TSS alone")}
_WAYS = {"min": "to less activity", "max": "to more activity"}


Identity: TypeAlias = tuple[str, int, int, str]
"""Gene, TSS, track and way of a search."""


def read_searches(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read greedy searches and the sets of tiles put back; nothing where `tests` have no search.

    Raises:
        FormatError: a damaged part.
    """
    chosen: dict[str, list[tuple[float, pd.DataFrame]]] = {way: [] for way in _WAYS}
    counts: Counter[tuple[str, str, str]] = Counter()
    searching = {test: _searches(run, test) for test in tests}
    for rows in (rows for test in tests if searching[test] for rows in iter_effects(run, test, _COLUMNS)):
        classified = rows[rows["metric"].isin(_CLASSIFIED)].fillna({"call": "unknown"})
        counts.update(zip(classified["search"], classified["metric"], classified["call"], strict=True))
        for way, lines in chosen.items():
            for _, mine in rows[rows["search"] == way].groupby("track_id"):
                change = (mine.loc[mine["metric"] == _SEARCH, "effect"] - 1).abs().max()
                lines.append((-1.0 if pd.isna(change) else float(change), mine))
            lines.sort(key=lambda line: -line[0])
            del lines[_MAX_LINES:]
    if not counts:
        return []
    curves = {way: [mine for _, mine in lines] for way, lines in chosen.items() if lines}
    wanted = {_identity(mine) for lines in curves.values() for mine in lines}
    sets: dict[Identity, pd.DataFrame] = {}
    for rows in (rows for test in tests if not searching[test] for rows in iter_effects(run, test, _COLUMNS)):
        parts = [mine for _, mine in rows.groupby(["track_id", "search"])]
        sets |= {_identity(mine): mine for mine in parts if _identity(mine) in wanted}
    return [classes_table(counts), draw_searches(curves, sets)]


def _searches(run: Path, test: str) -> bool:
    """Say whether a test's rows are of searches, and not of sets."""
    first = next(iter_effects(run, test, _COLUMNS), None)
    return first is not None and bool((first["metric"] == _SEARCH).any())


def _identity(rows: pd.DataFrame) -> Identity:
    first = rows.iloc[0]
    return str(first["gene_id"]), int(first["tss"]), int(first["track_id"]), str(first["search"])


def classes_table(counts: Counter[tuple[str, str, str]]) -> Table:
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


@for_any_page
def draw_searches(curves: dict[str, list[pd.DataFrame]], sets: dict[Identity, pd.DataFrame]) -> Picture:
    """Draw two panels for each gene and track: the search, and the sets that it found put back.

    Args:
        curves: by way of the search, rows of the interaction test, each of one gene, track and way.
        sets: rows of the set test, likewise, by what tells them apart.
    """
    height = max(map(len, curves.values()))
    wide = 2 if sets else 1
    figure, grid = new_panels(0.5 + 1.7 * height, height, wide * len(curves), narrow_height=2.1)
    for axes in grid.flat:
        axes.set_axis_off()
    for column, (way, lines) in enumerate(curves.items()):
        for panels, mine in zip(grid[:, wide * column : wide * (column + 1)], lines, strict=False):
            first = mine.iloc[0]
            _draw_curves(panels[0], mine, f"{first['gene_name']}, {track_name(first)}\n{_WAYS[way]}")
            known = sets.get(_identity(mine))
            if known is not None:
                _draw_set(panels[1], known, way)
        grid[len(lines) - 1, wide * column].set_xlabel("tiles shuffled")
        if sets:
            grid[len(lines) - 1, wide * column + 1].set_xlabel("tiles put back")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=legend_columns(labels))
    return Picture(
        "Tiles together",
        as_svg(figure),
        "curves of activity against the number of tiles shuffled, with what additive and multiplicative "
        "tiles would do, and of activity as these tiles are put back",
        f"The searches that change activity most, at most {_MAX_LINES} of each way. Search: every round "
        "shuffles the tile that changes activity most, and keeps it so. Additive and multiplicative: from "
        "each of these tiles on its own. Sets: the TSS tile and the first tiles of the search, all else "
        "shuffled.",
    )


def _draw_curves(axes: Axes, rows: pd.DataFrame, title: str) -> None:
    for metric, (label, colour, line) in _CURVES.items():
        mine = rows[rows["metric"] == metric]
        axes.plot(*curve(mine), line, color=colour, label=label, marker="." if line == "-" else None)
    called = rows.loc[rows["metric"] == _FAR, "call"].dropna()
    axes.set_title(f"{title}{': ' + called.iloc[0] if len(called) else ''}")
    _finish(axes, "over wild type")


def _draw_set(axes: Axes, rows: pd.DataFrame, way: str) -> None:
    metric, over = _SETS[way]
    mine = rows[rows["metric"] == metric]
    mine = mine.assign(round=mine["round"].fillna(-1)).sort_values("round")
    axes.plot(mine["round"].to_numpy(np.int64) + 1, mine["effect"], ".-", color=VERMILLION)
    _finish(axes, f"over {over}")


def _finish(axes: Axes, ylabel: str) -> None:
    axes.set_axis_on()
    axes.axhline(1, color=GREY, linewidth=0.6)
    axes.locator_params(axis="x", integer=True, nbins=6)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0), max(high, 1.1))
    axes.set_ylabel(ylabel)
