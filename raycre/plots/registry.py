"""The figures by name: those of the papers, a row each, and those of installed packages.

A package of a user's own adds a figure by an entry point of the group `raycre.figures` that names its
declaration (`raycre.plots.declaration.PaperFigure`).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from raycre.errors import ConfigError, near
from raycre.packages import Installed, check_name
from raycre.plots.declaration import PaperFigure

FAMILIES = {
    "create.models": (
        "create-2a", "create-2c", "create-2d", "create-2f", "create-3a", "create-3b", "create-3c",
    ),
    "create.by_class": ("create-classes",),
    "create.interpretation": ("create-2e", "create-4a", "create-4b", "create-4d", "create-4e"),
    "create.motifs": ("create-4c", "create-5b", "create-logos"),
    "create.regions": (
        "create-5a", "create-5d", "create-5e", "create-5f", "create-6a", "create-6b", "create-6f",
        "create-7a", "create-7b",
    ),
    "create.genetics": ("create-7c", "create-7d", "create-7f", "create-7g"),
    "creme.context": ("creme-1c", "creme-1f", "creme-ed1c", "creme-ed2a"),
    "creme.profiles": ("creme-1d", "creme-coverage"),
    "creme.tiles": ("creme-2a", "creme-2b", "creme-2c", "creme-2d", "creme-ed3e"),
    "creme.marks": ("creme-2e", "creme-2g", "creme-overlap", "creme-repeats"),
    "creme.fine": ("creme-3b", "creme-3c", "creme-3d"),
    "creme.distance": ("creme-4a", "creme-4c", "creme-ed10"),
    "creme.searches": ("creme-5b", "creme-5c", "creme-5d", "creme-5e", "creme-5f", "creme-5g"),
    "creme.together": ("creme-6a", "creme-s9", "creme-6e", "creme-6f", "creme-ed6"),
}  # fmt: skip
"""The figures of each file of this package, in the order of the papers."""

BUILT_IN = {name: family for family, names in FAMILIES.items() for name in names}
INSTALLED = Installed("raycre.figures", "a figure")


def figure_names() -> tuple[str, ...]:
    """Return the name of every figure: of the papers in their order, then installed ones."""
    return INSTALLED.names(BUILT_IN)


@cache
def find_figure(name: str) -> PaperFigure:
    """Return a declaration by its name, or by the name of a panel that it is, too (`PaperFigure.also`).

    Raises:
        ConfigError: no such figure; of a package, one that cannot be imported, or is none.
    """
    if name in BUILT_IN:
        INSTALLED.find(name, BUILT_IN)
        return _declared(name)
    point = INSTALLED.find(name, BUILT_IN)
    if point is not None:
        check_name(point)
        return INSTALLED.load(point, PaperFigure)
    panels = {panel: figure for figure in map(_declared, BUILT_IN) for panel in figure.also}
    if name in panels:
        return panels[name]
    known = (*figure_names(), *panels)
    raise ConfigError(f"no such figure{near(name, known)}; `raycre plot --list` has all", value=name)


def _declared(name: str) -> PaperFigure:
    module = import_module(f"raycre.plots.{BUILT_IN[name]}")
    figures: tuple[PaperFigure, ...] = module.FIGURES
    return next(figure for figure in figures if figure.name == name)


def list_figures() -> list[dict[str, str]]:
    """Return a row for each figure: its name, panels, what it shows and what it is drawn from."""
    rows = []
    for name in figure_names():
        try:
            figure = find_figure(name)
        except ConfigError as error:  # of another package: all others are still listed
            rows.append({"figure": name, "panels": "", "shows": error.message, "needs": ""})
            continue
        rows.append({"figure": name, "panels": figure.paper, "shows": figure.shows, "needs": figure.needs})
    return rows


def table_of_figures() -> str:
    """Return the table of docs/figures.md."""
    lines = ["| figure | panels | shows | drawn from | options |", "|---|---|---|---|---|"]
    for name in BUILT_IN:
        figure = find_figure(name)
        options = [f"`--of` {', '.join(figure.of)}"] if figure.of else []
        options += [f"`--names`: {figure.names}"] if figure.names else []
        options += [f"`--data`: {figure.data}"] if figure.data else []
        also = f" ({', '.join(figure.also)})" if figure.also else ""
        lines.append(
            f"| `{name}`{also} | {figure.paper} | {figure.shows} | {figure.needs} | "
            f"{', '.join(options) or '–'} |"
        )
    return "\n".join(lines)
