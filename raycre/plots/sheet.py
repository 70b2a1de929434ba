"""Where figures for print meet matplotlib: style, sizes, light and dark, and the files that are written.

A figure F.pdf is written with what it is drawn from, F.parquet and F.tsv, and with its caption, F.txt.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa

from raycre.errors import ConfigError
from raycre.figures.canvas import INK, style
from raycre.plots.fonts import embed_font
from raycre.store.files import write_atomic
from raycre.store.parquet import write_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Theme = Literal["light", "dark"]
WIDTHS = {1: 3.5, 2: 7.2}  # inches of one and of two columns: 89 and 183 mm
FORMATS = (".pdf", ".svg", ".png")
DPI = 300  # of PNG, and of points that vector files hold as an image
_PAPER = {"light": ("#ffffff", INK), "dark": ("#15171a", "#e8e8e6")}  # page, ink

_STYLE: dict[Any, Any] = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "figure.titlesize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "patch.linewidth": 0.7,
    "hatch.linewidth": 0.5,
    "axes.unicode_minus": True,  # a minus as wide as a digit
    "pdf.fonttype": 42,  # text is embedded as TrueType, to be read and edited
    "ps.fonttype": 42,
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
}


@contextmanager
def print_style() -> Iterator[None]:
    """Draw for print inside the block.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    with style():
        from matplotlib import rc_context

        with rc_context(_STYLE):
            yield


def new_sheet(columns: int, height: float) -> Figure:
    """Return an empty figure as wide as one or two columns; `height` in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03)
    return Figure(figsize=(WIDTHS[columns], height), layout=layout)


def check_figure_name(out: Path) -> None:
    """Raise ConfigError for a file that is no PDF, SVG or PNG."""
    if out.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"figures are written as {', '.join(FORMATS)}; name a file that ends so", value=str(out)
        )


def write_figure(figure: Figure, out: Path, rows: pd.DataFrame, caption: str, theme: Theme) -> list[Path]:
    """Write a figure, its table as Parquet and TSV, and its caption; return the files.

    Equal figures give equal bytes, whatever the file is called.

    Args:
        figure: as it was drawn, in light colours.
        out: of the figure; the others lie beside it, with their own endings.
        rows: what it is drawn from.
        caption: is written into the figure's file, too.
        theme: "dark" for dark slides.
    """
    page, ink = _PAPER[theme]
    if ink != INK:
        recolour(figure, ink)
    kind = out.suffix[1:].lower()
    drawn = io.BytesIO()
    figure.savefig(drawn, format=kind, facecolor=page, metadata=_metadata(kind, caption))
    image = drawn.getvalue()
    if kind == "svg":
        image = embed_font(image.decode()).encode()
    beside = {suffix: out.with_suffix(suffix) for suffix in (".parquet", ".tsv", ".txt")}
    table = pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata({"caption": caption})
    write_table(beside[".parquet"], table)
    text = rows.to_csv(sep="\t", index=False, float_format="%.10g", lineterminator="\n")
    write_atomic(beside[".tsv"], lambda temporary: temporary.write_text(text))
    write_atomic(beside[".txt"], lambda temporary: temporary.write_text(caption + "\n"))
    write_atomic(out, lambda temporary: temporary.write_bytes(image))
    return [out, *beside.values()]


def recolour(figure: Figure, ink: str) -> None:
    """Turn everything that is drawn in ink into another colour."""
    from matplotlib.colors import same_color

    for artist in figure.findobj():
        for what in ("color", "edgecolor", "facecolor", "markeredgecolor", "markerfacecolor"):
            read, write = getattr(artist, f"get_{what}", None), getattr(artist, f"set_{what}", None)
            if read is None or write is None:
                continue
            colour = read()
            if isinstance(colour, str) or (isinstance(colour, tuple) and len(colour) in (3, 4)):
                if colour != "none" and same_color(colour, INK):
                    write(ink)
            elif colour is not None and len(colour) and all(same_color(c[:3], INK) for c in colour):
                write(ink)


def _metadata(kind: str, caption: str) -> dict[str, Any]:
    """What a reader of the file finds of it; nothing that changes with the day or the file's name."""
    title = caption.partition(". ")[0]
    if kind == "pdf":
        return {"Title": title, "Subject": caption, "Creator": "raycre", "CreationDate": None}
    if kind == "svg":
        return {"Title": title, "Description": caption, "Creator": "raycre", "Date": None}
    return {"Title": title, "Description": caption, "Software": "raycre"}
