"""Figures of a run by their title, as the report has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raycre.errors import ConfigError, near
from raycre.figures.blocks import Picture
from raycre.figures.canvas import style
from raycre.report.page import read_chapter
from raycre.store.files import write_atomic
from raycre.store.location import location


@dataclass(frozen=True)
class Figure:
    """A figure; a notebook shows it.

    Attributes:
        title, caption: of it.
        svg: the figure, as an <svg> element.
    """

    title: str
    caption: str
    svg: str

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg}<figcaption>{self.caption}</figcaption></figure>"

    def save(self, path: str | Path) -> Path:
        """Write the figure as an SVG file, whole or not at all; return where it lies.

        Raises:
            ConfigError: a name that does not end with .svg.
        """
        out = location(path)
        if out.suffix != ".svg":
            raise ConfigError("figures are written as SVG; name a file that ends with .svg", value=str(path))
        text = self.svg if "xmlns=" in self.svg else self.svg.replace("<svg", f"<svg {XMLNS}", 1)
        write_atomic(out, lambda temporary: temporary.write_text(text))
        return out


XMLNS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def figures_of(run: Path) -> dict[str, Figure]:
    """Return a run's figures by their title; of equal titles the first keeps it, others get a number.

    Raises:
        ConfigError: matplotlib is not installed.
        FormatError: a damaged table.
    """
    with style():
        blocks = read_chapter(run).figures
    found: dict[str, Figure] = {}
    for block in blocks:
        if isinstance(block, Picture):
            title, number = block.title, 1
            while title in found:
                number += 1
                title = f"{block.title} ({number})"
            found[title] = Figure(title, block.caption, block.svg)
    return found


def figure_of(run: Path, title: str) -> Figure:
    """Return one figure; a part of its title that only one has is enough, in any case of letters.

    Raises:
        ConfigError: no such figure, or several.
    """
    found = figures_of(run)
    hits = [name for name in found if name == title] or [
        name for name in found if title.casefold() in name.casefold()
    ]
    if len(hits) != 1:
        what = (
            f"{len(hits)} figures have this in their title" if hits else f"no such figure{near(title, found)}"
        )
        raise ConfigError(f"{what}; there are {', '.join(hits or found) or 'none'}", path=run, value=title)
    return found[hits[0]]
