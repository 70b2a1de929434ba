"""Pieces that the figures are made of: boxes, bands, histograms. Each draws into given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.figures.canvas import GREY, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
_MANY = 3_000  # points above which a vector file holds them as an image


def boxes(
    axes: Axes,
    groups: Sequence[tuple[str, Array]],
    colours: Sequence[str],
    *,
    kind: Literal["box", "violin", "points"] = "box",
    at: Sequence[float] | None = None,
    width: float = 0.62,
    counts: bool = True,
    fliers: bool = False,
) -> None:
    """Draw a box, a violin with its quartiles, or points for each group, over its name and n.

    Boxes: quartiles and median; whiskers to the last value within 1.5 quartile distances.

    Args:
        axes: where.
        groups: name and values, NaN left out; a group without values keeps its place.
        colours: of each.
        kind: of drawing.
        at: places on the x axis; by default 1, 2, …
        width: of a box.
        counts: whether n stands under the name.
        fliers: whether points beyond the whiskers are drawn.
    """
    places = list(range(1, len(groups) + 1)) if at is None else list(at)
    for (_, values), colour, x in zip(groups, colours, places, strict=True):
        known = values[np.isfinite(values)]
        if not len(known):
            continue
        if kind == "violin" and np.ptp(known) > 0:
            _violin(axes, known, x, width, colour)
        elif kind == "points":
            _swarm(axes, known, x, width, colour)
        else:
            _box(axes, known, x, width, colour, fliers)
    names = [f"{n}\nn = {np.isfinite(v).sum():,}" if counts else n for n, v in groups]
    axes.set_xticks(places, names)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(min(places) - 0.6, max(places) + 0.6)


def _box(axes: Axes, values: Array, x: float, width: float, colour: str, fliers: bool) -> None:
    line = {"color": colour, "linewidth": 0.9}
    axes.boxplot(
        [values], positions=[x], widths=width, showfliers=fliers, patch_artist=True, manage_ticks=False,
        boxprops={"facecolor": _pale(colour), "edgecolor": colour, "linewidth": 0.9},
        medianprops={"color": INK, "linewidth": 1.1}, whiskerprops=line, capprops=line,
        flierprops={"marker": ".", "markersize": 2, "markerfacecolor": colour, "markeredgecolor": "none"},
    )  # fmt: skip


def _violin(axes: Axes, values: Array, x: float, width: float, colour: str) -> None:
    drawn = axes.violinplot([values], positions=[x], widths=width * 1.25, showextrema=False, points=200)
    bodies: Any = drawn["bodies"]
    for body in bodies:
        body.set(alpha=None, linewidth=0.8)
        body.set(facecolor=_pale(colour), edgecolor=colour)
    low, middle, high = np.percentile(values, [25, 50, 75])
    for level, size in ((low, 0.7), (middle, 1.2), (high, 0.7)):
        reach = width * 0.28
        dashes: Any = "-" if level == middle else (0, (2, 1.5))
        axes.plot([x - reach, x + reach], [level, level], color=INK, linewidth=size, linestyle=dashes)


def _swarm(axes: Axes, values: Array, x: float, width: float, colour: str) -> None:
    """Points side by side where they would lie on each other, and their median."""
    ordered = np.sort(values)
    near = max(np.ptp(values), 1e-12) / 25
    row = np.zeros(len(ordered))
    for i in range(1, len(ordered)):
        row[i] = row[i - 1] + 1 if ordered[i] - ordered[i - 1] < near else 0
    shift = np.where(row % 2 == 1, (row + 1) // 2, -(row // 2)) * width * 0.16
    axes.plot(x + shift, ordered, "o", color=colour, markersize=2.6, markeredgewidth=0)
    middle = float(np.median(values))
    axes.plot([x - width * 0.4, x + width * 0.4], [middle, middle], color=INK, linewidth=1.0)


def _pale(colour: str) -> tuple[float, float, float, float]:
    """A colour let through by two thirds, so that it is pale on a light page and deep on a dark one."""
    from matplotlib.colors import to_rgba

    red, green, blue, _ = to_rgba(colour)
    return red, green, blue, 0.35


def mark(axes: Axes, x: float, text: str) -> None:
    """Write text above the drawing at x: stars of a test."""
    axes.text(x, 1.0, text, transform=axes.get_xaxis_transform(), ha="center", va="bottom", color=INK)


def bracket(axes: Axes, first: float, second: float, text: str, level: int = 0) -> None:
    """Join two places above the drawing and write the stars of their test; levels lie over each other."""
    y = 1.02 + 0.09 * level
    to_axes = axes.get_xaxis_transform()
    axes.plot(
        [first, first, second, second], [y, y + 0.02, y + 0.02, y], color=INK, linewidth=0.6,
        transform=to_axes, clip_on=False,
    )  # fmt: skip
    middle = (first + second) / 2
    axes.text(middle, y + 0.02, text, transform=to_axes, ha="center", va="bottom", fontsize=6, color=INK)


def band(
    axes: Axes, rows: pd.DataFrame, x: str, y: str, colour: str, label: str = "", **line: Any
) -> pd.DataFrame:
    """Draw the mean of y at each x, with a band of its standard error; return x, mean, sem, n.

    The standard error is s.d. (n - 1) / sqrt(n), 0 for a single value.
    """
    known = rows[np.isfinite(rows[y].to_numpy(np.float64))]
    grouped = known.groupby(x)[y]
    table: pd.DataFrame = grouped.agg(mean="mean", sem=_sem, n="size").reset_index()
    at, mean, sem = (table[c].to_numpy(np.float64) for c in (x, "mean", "sem"))
    axes.plot(at, mean, color=colour, label=label or None, **line)
    axes.fill_between(at, mean - sem, mean + sem, color=colour, alpha=0.22, linewidth=0)
    return table


def _sem(values: pd.Series) -> float:
    n = len(values)
    return float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0


def bars(
    axes: Axes, groups: Sequence[tuple[str, Array]], colours: Sequence[str], *, counts: bool = True
) -> None:
    """Draw the mean of each group with its 95 % confidence interval, over its name and (`counts`) n."""
    for x, ((_, values), colour) in enumerate(zip(groups, colours, strict=True), start=1):
        if len(values):
            mean = float(values.mean())
            reach = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else 0.0
            axes.bar(x, mean, width=0.65, color=colour)
            axes.errorbar(x, mean, reach, fmt="none", ecolor=INK, elinewidth=0.8, capsize=2)
    names = [f"{g}\nn = {len(v):,}" if counts else g for g, v in groups]
    axes.set_xticks(range(1, len(groups) + 1), names)


def histogram(
    axes: Axes, groups: Mapping[str, Array], colours: Mapping[str, str], bins: Array, **more: Any
) -> None:
    """Draw overlaid histograms as filled steps, each with its n in the legend."""
    for name, values in groups.items():
        known = values[np.isfinite(values)]
        drawn = list(bins)
        axes.hist(
            np.clip(known, bins[0], bins[-1]), bins=drawn, histtype="stepfilled", color=_pale(colours[name]),
            edgecolor=colours[name], linewidth=0.9, label=f"{name} (n = {len(known):,})", **more,
        )  # fmt: skip


def points(axes: Axes, x: Array, y: Array, colour: str | Sequence[str], **more: Any) -> None:
    """Draw points; of many, as an image inside the vector file."""
    size = more.pop("s", float(np.clip(4_000 / max(len(x), 1), 1.5, 12)))
    axes.scatter(x, y, s=size, c=colour, linewidths=0, rasterized=len(x) > _MANY, **more)


def diagonal(axes: Axes) -> None:
    """Draw the line of equal values over what is there."""
    low = min(axes.get_xlim()[0], axes.get_ylim()[0])
    high = max(axes.get_xlim()[1], axes.get_ylim()[1])
    edge = 0.03 * (high - low)  # so that no point lies on the frame
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.7, linestyle=(0, (3, 2)), zorder=0)
    axes.set(xlim=(low - edge, high + edge), ylim=(low - edge, high + edge))


def log_ticks(axes: Axes) -> None:
    """Label logarithmic axes with plain numbers: 1, 2, 5, 10, …"""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def guide(axes: Axes, *, y: float | None = None, x: float | None = None, top: float = 1.0) -> None:
    """Draw a dashed guide to the eye; an upright one up to this share of the height."""
    look: dict[str, Any] = {"color": GREY, "linewidth": 0.7, "linestyle": (0, (3, 2)), "zorder": 0}
    if y is not None:
        axes.axhline(y, **look)
    if x is not None:
        axes.axvline(x, ymax=top, **look)


def heat(axes: Axes, values: Array, colour: str, extent: tuple[float, float, float, float]) -> None:
    """Draw a matrix from nothing (0) to the full colour (1): it reads on light and dark pages."""
    from matplotlib.colors import to_rgb

    cells = np.empty((*values.shape, 4))
    cells[..., :3] = to_rgb(colour)
    cells[..., 3] = np.clip(np.nan_to_num(values), 0, 1)
    axes.imshow(cells, extent=extent, aspect="auto", interpolation="none")
