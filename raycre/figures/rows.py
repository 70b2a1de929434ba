"""Effects of a test that no other figure draws: each row by the place of its tile, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Cell, Picture, Table, counted
from raycre.figures.canvas import BLUE, COLOURS, GREY, as_svg, for_any_page, new_panels
from raycre.figures.parts import iter_effects, track_name

_MAX_PANELS, _MAX_POINTS = 6, 2_000  # of a test; of its rows, those of the first genes


def read_rows(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read the effects of tests, each with a table and a picture; nothing of one without rows.

    Raises:
        FormatError: a damaged part.
    """
    return [block for test in tests for block in _read(run, test)]


def _read(run: Path, test: str) -> list[Block]:
    drawn: list[pd.DataFrame] = []
    every: list[pd.DataFrame] = []
    n_drawn = 0
    for rows in iter_effects(run, test, ["distance"]):
        every.append(rows[["track_id", "metric", "call", "effect"]])
        if n_drawn < _MAX_POINTS:
            drawn.append(rows)
            n_drawn += len(rows)
    if not every:
        return []
    points = pd.concat(drawn, ignore_index=True)
    return [summary_table(test, pd.concat(every, ignore_index=True)), draw_rows(test, points)]


def summary_table(test: str, rows: pd.DataFrame) -> Table:
    """Return number, median and mean of a test's effects by track, metric and call.

    Args:
        test: its name.
        rows: track_id, metric, call and effect.
    """
    texts = rows.assign(call=rows["call"].astype(object).where(rows["call"].notna(), "no call"))
    effects = texts.groupby(["track_id", "metric", "call"], observed=True)["effect"]
    table = effects.agg(["size", "median", "mean"]).reset_index()
    cells: list[list[Cell]] = [
        [str(r["track_id"]), str(r["metric"]), str(r["call"]), int(r["size"]), r["median"], r["mean"]]
        for r in table.to_dict("records")
    ]
    return Table(
        f"Effects of the test {test} by track, metric and call.",
        ["track", "metric", "call", "rows", "median", "mean"],
        cells,
        tall=len(cells) > 24,
    )


@for_any_page
def draw_rows(test: str, rows: pd.DataFrame) -> Picture:
    """Draw a panel for each track and metric: effects against the distance of their tile from the TSS.

    Args:
        test: its name.
        rows: distance and the columns that all tests share (`parts.SHARED`).
    """
    panels = list(rows.groupby(["track_id", "metric"], observed=True))
    n = min(len(panels), _MAX_PANELS)
    figure, grid = new_panels(0.4 + 2.0 * n, n, sharex=True)
    for axes, ((_, metric), mine) in zip(grid.flat, panels, strict=False):
        colours = [COLOURS.get(str(call), BLUE) for call in mine["call"]]
        axes.scatter(mine["distance"] / 1000, mine["effect"].astype(np.float64), s=10, c=colours)
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set(title=track_name(mine.iloc[0]), ylabel=str(metric))
    grid.flat[-1].set_xlabel("distance from the TSS (kb)")
    more = f"; {_MAX_PANELS} of {len(panels)} panels drawn" if len(panels) > _MAX_PANELS else ""
    return Picture(
        test,
        as_svg(figure),
        f"effects of the test {test} against the distance of the tile from the TSS",
        f"{counted(len(rows), 'row')} of the first genes{more}.",
    )
