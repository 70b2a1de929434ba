"""Pictures of elements that were moved or copied: activity by place, and by number of copies.

A thin line for each element, a thick one for their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from raycre.figures.blocks import Block, Picture, counted
from raycre.figures.canvas import COLOURS, GREY, as_svg, for_any_page, new_panels
from raycre.figures.parts import iter_effects, track_name

_MAX_TRACKS, _MAX_LINES = 3, 60  # drawn, and of a panel
_KINDS = ("enhancer", "silencer")
_COLUMNS = ["tile_start", "distance", "copies"]


class Placement(NamedTuple):
    """What is drawn of one metric: what lies on the axes, and the words round it."""

    metric: str
    x: str
    unit: float
    title: str
    x_label: str
    y_label: str
    caption: str


_PICTURES = (
    Placement(
        "mutant/max",
        "distance",
        1000.0,
        "Elements moved",
        "where it stands, from the TSS (kb)",
        "over the largest",
        "The element in shuffled sequence at every place, over the largest activity of all places.",
    ),
    Placement(
        "mutant/control",
        "copies",
        1.0,
        "Elements copied",
        "copies",
        "over the TSS tile alone",
        "Copies of the element in shuffled sequence, each put where it does most, over the TSS tile alone.",
    ),
)


@dataclass
class Lines:
    """The elements of one kind on one track.

    Attributes:
        n: elements.
        drawn: x and y of the first of them, float64 (points,) each.
        total: x -> sum of y and number of elements with a value there.
    """

    n: int = 0
    drawn: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    total: dict[float, tuple[float, int]] = field(default_factory=dict)

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take one element: float64 (points,) each."""
        self.n += 1
        if len(self.drawn) < _MAX_LINES:
            self.drawn.append((x, y))
        for at, value in zip(x.tolist(), y.tolist(), strict=True):
            if value == value:  # not NaN
                total, n = self.total.get(at, (0.0, 0))
                self.total[at] = (total + value, n + 1)

    def mean(self) -> tuple[list[float], list[float]]:
        """Return x and the mean of y over the elements that have a value there."""
        at = sorted(self.total)
        return at, [self.total[x][0] / self.total[x][1] for x in at]


def read_placements(run: Path, tests: Sequence[str]) -> list[Block]:
    """Read elements that were moved or copied; nothing where `tests` have none.

    Raises:
        FormatError: a damaged part.
    """
    lines: list[dict[tuple[int, str], Lines]] = [{} for _ in _PICTURES]
    names: list[dict[int, str]] = [{} for _ in _PICTURES]
    for rows in (rows for test in tests for rows in iter_effects(run, test, _COLUMNS)):
        for kind, mine, known in zip(_PICTURES, lines, names, strict=True):
            _add(rows, kind, mine, known)
    return [
        draw_placements(kind, mine, known)
        for kind, mine, known in zip(_PICTURES, lines, names, strict=True)
        if mine
    ]


def _add(
    rows: pd.DataFrame, kind: Placement, lines: dict[tuple[int, str], Lines], names: dict[int, str]
) -> None:
    """Take the elements of one gene."""
    mine = rows[(rows["metric"] == kind.metric) & rows["call"].isin(_KINDS)].dropna(subset=[kind.x])
    for _, element in mine.groupby(["track_id", "tile_start", "call"]):
        track, call = int(element["track_id"].iloc[0]), str(element["call"].iloc[0])
        names.setdefault(track, track_name(element.iloc[0]))
        ordered = element.sort_values(kind.x)
        x = ordered[kind.x].to_numpy(np.float64) / kind.unit
        lines.setdefault((track, call), Lines()).add(x, ordered["effect"].to_numpy(np.float64))


@for_any_page
def draw_placements(kind: Placement, lines: dict[tuple[int, str], Lines], names: dict[int, str]) -> Picture:
    """Draw a panel for each track and kind of element.

    Args:
        kind: what is drawn.
        lines: by track id and "enhancer" or "silencer".
        names: of the tracks.
    """
    tracks = sorted(names)[:_MAX_TRACKS]
    figure, grid = new_panels(0.4 + 2.0 * len(tracks), len(tracks), len(_KINDS), sharex=True)
    for panels, track in zip(grid, tracks, strict=True):
        for axes, call in zip(panels, _KINDS, strict=True):
            mine = lines.get((track, call), Lines())
            for x, y in mine.drawn:
                axes.plot(x, y, color=COLOURS[call], linewidth=0.6, alpha=0.45)
            axes.plot(*mine.mean(), color=COLOURS[call], linewidth=2.2)
            axes.axhline(1, color=GREY, linewidth=0.6)
            axes.set(title=f"{names[track]}: {counted(mine.n, call)}", ylabel=kind.y_label)
            if not mine.n:
                axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel(kind.x_label)
        if kind.x == "copies":
            axes.locator_params(axis="x", integer=True)
    more = f" {len(tracks)} of {len(names)} tracks drawn." if len(names) > len(tracks) else ""
    return Picture(
        kind.title,
        as_svg(figure),
        f"curves of each element, {kind.y_label}, against {kind.x_label}",
        f"{kind.caption} Thin: elements, at most {_MAX_LINES} of a panel; thick: mean of all.{more}",
    )
