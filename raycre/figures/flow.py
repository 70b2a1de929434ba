"""An alluvial picture of where the regions of each class go: true class on the left, call on the right.

Draws counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raycre.figures.blocks import Picture
from raycre.figures.canvas import COLOURS, INK, as_svg, for_any_page, is_narrow, new_panels
from raycre.genome.classes import CLASSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 0.03  # between classes, as a share of all regions
_BAR = 0.02  # width of a class's bar, as a share of the picture's
_MARGIN, _NARROW_MARGIN = 0.16, 0.64  # of the picture, on each side, for what is written there


@for_any_page
def draw_flow(counts: NDArray[np.int64]) -> Picture:
    """Draw regions by truth (rows) and most probable class (columns), int64 (5, 5), not all 0."""
    figure, [[axes]] = new_panels(3.6)
    flow_into(axes, counts, margin=_NARROW_MARGIN if is_narrow() else _MARGIN)
    return Picture(
        "From truth to call",
        as_svg(figure),
        "ribbons from each true class on the left to each most probable class on the right",
        f"The {counts.sum():,} test regions, true class on the left, most probable class on the right; a "
        "ribbon is as high as its regions are many, in the colour of the truth.",
    )


def flow_into(axes: Axes, counts: NDArray[np.int64], margin: float = _MARGIN) -> None:
    """Draw the ribbons of `draw_flow` into axes."""
    shown = present(counts)
    names, counts = [CLASSES[i] for i in shown], counts[np.ix_(shown, shown)]
    tops = [starts(counts.sum(axis=axis)) for axis in (1, 0)]
    left, right = tops[0].copy(), tops[1].copy()
    for row, column in np.ndindex(*counts.shape):
        height = counts[row, column] / counts.sum()
        if height:
            _draw_ribbon(axes, float(left[row]), float(right[column]), height, COLOURS[names[row]])
            left[row] += height
            right[column] += height
    sides = zip((0.0, 1 - _BAR), tops, (1, 0), ("right", "left"), (-0.01, 1.01), strict=True)
    for x, first, axis, align, label_at in sides:
        for name, top, n in zip(names, first, counts.sum(axis=axis), strict=True):
            height = n / counts.sum()
            axes.fill_between([x, x + _BAR], top, top + height, color=COLOURS[name], linewidth=0)
            axes.text(label_at, top + height / 2, f"{name} {n:,}", ha=align, va="center", color=INK)
    axes.set(xlim=(-margin, 1 + margin), ylim=(1 + _GAP * (len(names) - 1), 0))
    axes.set_axis_off()


def present(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the classes that a region has or is called, of (5, 5) by truth and call."""
    return np.flatnonzero(counts.sum(axis=0) + counts.sum(axis=1))


def starts(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Top of each class's bar, from the top down, when all regions are 1 high and classes lie apart."""
    before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    values: NDArray[np.float64] = before / sizes.sum() + _GAP * np.arange(len(sizes))
    return values


def _draw_ribbon(axes: Axes, left: float, right: float, height: float, colour: str) -> None:
    t = np.linspace(0, 1, 40)
    top = left + (right - left) * t * t * (3 - 2 * t)  # level at both ends
    x = _BAR + t * (1 - 2 * _BAR)
    axes.fill_between(x, top, top + height, color=colour, alpha=0.35, linewidth=0)
