"""Where figures meet matplotlib: colours, empty axes, and a figure as SVG text for an HTML page.

matplotlib is an optional extra, so it is imported on use.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from textwrap import wrap
from typing import TYPE_CHECKING, Any, ParamSpec

from numpy.typing import NDArray

from raycre.errors import ConfigError
from raycre.figures.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The hues of Okabe & Ito (2008), "Color Universal Design", in shades that stand out by 3:1 at least
# from a white and from a dark page, and that lie apart for any colour vision (tests/unit/test_palette.py has
# both rules).
BLUE, ORANGE, VERMILLION, GREEN = "#2A82C7", "#D27908", "#C53828", "#0EA356"
GREY = "#777777"  # for what is neither this nor that

# One colour per class over all figures, of CREATE's regions and of CREME's tiles.
COLOURS = {
    "silencer": BLUE,
    "enhancer": ORANGE,
    "promoter": VERMILLION,
    "insulator": GREEN,
    "background": GREY,
    "neither": GREY,
}

# A colour that nothing else has; as_svg turns it into the text colour of the page, light or dark.
INK = "#0a0b0c"

# Inches of a figure: in a page's column on a desk, and on a screen of 420 px without scrolling.
WIDTH, NARROW = 10.5, 4.0
LETTERS, _HANDLE, _MARGIN = 52, 6, 7  # of 9 points: in a narrow figure; of a legend's patch, and of an axis
_narrow: ContextVar[bool] = ContextVar("narrow", default=False)
Given = ParamSpec("Given")

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "text.parse_math": False,  # a gene's name may hold $
    "legend.frameon": False,
    "legend.fontsize": 8.5,  # 11 px: the least that a page shows
    "legend.title_fontsize": 8.5,
    "figure.facecolor": "none",
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",  # text stays text: sharp, searchable, in the page's font
    "svg.hashsalt": "raycre",  # equal figures give equal bytes
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the report's style inside the block.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise ConfigError("figures need matplotlib; pip install 'raycre[plots]'") from error
    with rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of width × height inches, known to nobody else: no window, no state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def new_panels(
    height: float,
    lines: int = 1,
    columns: int = 1,
    *,
    side_by_side: int = 1,
    narrow_height: float | None = None,
    width: float = WIDTH,
    sharex: bool = False,
    sharey: bool = False,
) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of lines × columns panels, and these: axes (lines, columns).

    Args:
        height: inches of the figure.
        lines, columns: of panels, on a wide page.
        side_by_side: panels in a row of a narrow page, where a line becomes as many rows as it takes.
        narrow_height: inches of such a row; None: of a line.
        width: inches of the figure on a wide page.
        sharex, sharey: whether panels share their axes.
    """
    if not is_narrow():
        figure = new_figure(width, height)
        return figure, figure.subplots(lines, columns, squeeze=False, sharex=sharex, sharey=sharey)
    each = min(side_by_side, columns)
    rows = -(-columns // each)
    figure = new_figure(NARROW, (narrow_height or height / lines) * lines * rows)
    placed = figure.subplots(lines * rows, each, squeeze=False, sharex=sharex, sharey=sharey).reshape(
        lines, rows * each
    )
    for axes in placed[:, columns:].flat:
        axes.remove()
    for axes in placed[-1]:
        axes.tick_params(labelbottom=True)  # of those above a place that is left empty, too
    return figure, placed[:, :columns]


def is_narrow() -> bool:
    """Whether a figure is drawn for a page as narrow as a phone."""
    return _narrow.get()


def for_any_page(draw: Callable[Given, Picture]) -> Callable[Given, Picture]:
    """Let a function draw twice: for a wide page, and for one as narrow as a phone (`Picture.narrow`)."""

    @wraps(draw)
    def twice(*args: Given.args, **named: Given.kwargs) -> Picture:
        picture = draw(*args, **named)
        before = _narrow.set(True)
        try:
            return replace(picture, narrow=draw(*args, **named).svg)
        finally:
            _narrow.reset(before)

    return twice


def legend_columns(labels: Sequence[str]) -> int:
    """Return how many columns of a legend fit beside each other."""
    if not is_narrow():
        return max(1, len(labels))
    return max(1, min(len(labels), LETTERS // (max(map(len, labels), default=0) + _HANDLE)))


def as_svg(figure: Figure) -> str:
    """Return the figure as one <svg> element without colours of its own for text and axes."""
    from matplotlib import rc_context

    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    if is_narrow():
        _break_titles(figure)
    # Names inside must not be those of the same figure drawn for another width.
    with rc_context({"svg.hashsalt": "raycre narrow"} if is_narrow() else {}):
        figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    # From the element on: the XML declaration and DOCTYPE before it have no place inside HTML.
    return svg[svg.index("<svg") :].replace(INK, "currentColor")


def _break_titles(figure: Figure) -> None:
    """Break titles of panels into lines that are no longer than their panel is wide."""
    for axes in figure.axes:
        place = axes.get_subplotspec()
        columns = place.get_gridspec().ncols if place is not None else 1
        letters = LETTERS // columns - _MARGIN  # it begins where the axis does
        title = axes.get_title("left")
        broken = "\n".join(part for line in title.split("\n") for part in wrap(line, letters) or [""])
        if broken != title:
            axes.set_title(broken)
