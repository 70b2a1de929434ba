"""Where figures meet matplotlib: colours, empty axes, and a figure as SVG text for an HTML page.

matplotlib is an optional extra, so it is imported on use.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from raycre.errors import ConfigError

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


def as_svg(figure: Figure) -> str:
    """Return the figure as one <svg> element without colours of its own for text and axes."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", transparent=True, metadata=nothing)
    svg = text.getvalue()
    # From the element on: the XML declaration and DOCTYPE before it have no place inside HTML.
    return svg[svg.index("<svg") :].replace(INK, "currentColor")
