"""Motif logos: a stack of letters at each position, as high as the position says, each letter by its share.

Schneider & Stephens 1990: a position of frequencies f says 2 + sum f log2 f bits. Letters are outlines of our
own in the colours of all figures, so that a logo needs no font.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.figures.canvas import BLUE, GREEN, GREY, ORANGE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BASES = "ACGT"
MOST_BITS = 2.0  # of one position: four bases
COLOURS = {"A": GREEN, "C": BLUE, "G": ORANGE, "T": VERMILLION}
_STEPS = 24  # points of a round outline
_GAP = 0.04  # of a position's width, between letters side by side
_THIN = 1e-3  # bits; lower letters are not drawn

Outline = tuple[NDArray[np.float64], ...]


class Letter(NamedTuple):
    """A letter of a logo: its lower left corner and its size, in positions and bits."""

    base: str
    x: float
    y: float
    width: float
    height: float


def bits_of(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bits that each position says, float64 (width,), of frequencies (width, 4) of A, C, G, T."""
    logs = np.log2(frequencies, out=np.zeros_like(frequencies), where=frequencies > 0)
    bits: NDArray[np.float64] = np.clip(MOST_BITS + (frequencies * logs).sum(axis=1), 0, MOST_BITS)
    return bits


def letters_of(frequencies: NDArray[np.float64]) -> Iterator[Letter]:
    """Yield the letters of a logo, the smallest of a position lowest."""
    heights = frequencies * bits_of(frequencies)[:, None]
    for position, height in enumerate(heights):
        y = 0.0
        for base in np.argsort(height, kind="stable"):
            if height[base] > _THIN:
                yield Letter(BASES[base], position + _GAP / 2, y, 1 - _GAP, float(height[base]))
                y += float(height[base])


def _ring(first: float, last: float, inner: tuple[float, float]) -> NDArray[np.float64]:
    """A piece of a ring about the middle, between two angles in degrees, counter-clockwise."""
    angle = np.radians(np.linspace(first, last, _STEPS))
    round_ = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([0.5 + 0.5 * round_, (0.5 + np.array(inner) * round_)[::-1]])


def _box(x0: float, x1: float, y0: float, y1: float) -> NDArray[np.float64]:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _filling(*outline: NDArray[np.float64]) -> Outline:
    """Stretched to the whole square."""
    points = np.concatenate(outline)
    low, high = points.min(axis=0), points.max(axis=0)
    return tuple((part - low) / (high - low) for part in outline)


OUTLINES: dict[str, Outline] = {
    # The second one of A is its hole: it runs the other way round.
    "A": (
        np.array(
            [(0, 0), (0.2, 0), (0.29, 0.26), (0.71, 0.26), (0.8, 0), (1, 0), (0.61, 1), (0.39, 1)], float
        ),
        np.array([(0.345, 0.41), (0.5, 0.86), (0.655, 0.41)]),
    ),
    "C": _filling(_ring(42, 318, (0.29, 0.35))),
    "G": _filling(_ring(42, 318, (0.29, 0.35)), _box(0.52, 0.88, 0.38, 0.52), _box(0.7, 0.88, 0.12, 0.45)),
    "T": (_box(0, 1, 0.85, 1), _box(0.4, 0.6, 0, 0.9)),
}
"""Outlines of the letters in a square of 1; what two of a letter share is filled, a hole runs clockwise."""


def draw_logo(axes: Axes, frequencies: NDArray[np.float64]) -> None:
    """Draw a logo into axes, from 0 to 2 bits.

    Args:
        axes: where.
        frequencies: float64 (width, 4), of A, C, G, T.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    for letter in letters_of(frequencies):
        points, codes = [], []
        for part in OUTLINES[letter.base]:
            points += [*part * (letter.width, letter.height) + (letter.x, letter.y), (0, 0)]
            codes += [Path.MOVETO, *[Path.LINETO] * (len(part) - 1), Path.CLOSEPOLY]
        axes.add_patch(PathPatch(Path(points, codes), facecolor=COLOURS[letter.base], linewidth=0))
    axes.set(xlim=(0, len(frequencies)), ylim=(0, MOST_BITS), yticks=(0, 1, 2))
    axes.set_xticks(np.arange(len(frequencies)) + 0.5, _numbers(len(frequencies)))
    axes.tick_params(axis="x", length=0)
    axes.spines["bottom"].set_color(GREY)


def _numbers(width: int) -> list[str]:
    """1, 5, 10, … of long motifs; every position of short ones."""
    return [str(i) if width <= 12 or i == 1 or i % 5 == 0 else "" for i in range(1, width + 1)]


def logo_svg(name: str, frequencies: NDArray[np.float64]) -> Iterable[str]:
    """Return a logo by itself as the lines of an SVG; ticks stand at 0, 1 and 2 bits.

    Args:
        name: of the motif, which becomes the title.
        frequencies: float64 (width, 4), of A, C, G, T.
    """
    from xml.sax.saxutils import escape

    wide, high, left = 20, 40, 6  # of a position, of a bit, of the ticks
    width, height = left + wide * len(frequencies) + 2, high * MOST_BITS + 4
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">\n'
    yield f"<title>{escape(name)}: 0 to 2 bits</title>\n"
    for letter in letters_of(frequencies):
        drawn = "".join(
            "M" + "L".join(
                f"{left + wide * (letter.x + letter.width * x):.2f},"
                f"{height - 2 - high * (letter.y + letter.height * y):.2f}"
                for x, y in part
            ) + "Z"
            for part in OUTLINES[letter.base]
        )  # fmt: skip
        yield f'<path fill="{COLOURS[letter.base]}" d="{drawn}"/>\n'
    ticks = "".join(f"M{left},{height - 2 - high * bits:g}h-4" for bits in range(int(MOST_BITS) + 1))
    yield f'<path stroke="{GREY}" fill="none" d="M{left},2V{height - 2:g}{ticks}"/>\n</svg>\n'
