"""Draws a figure from runs and writes it: what `raycre plot` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raycre.errors import ConfigError, MissingInputError, near
from raycre.plots.declaration import Choice, PaperFigure
from raycre.plots.registry import find_figure
from raycre.plots.runs import Runs
from raycre.plots.sheet import WIDTHS, Theme, check_figure_name, new_sheet, print_style, write_figure
from raycre.store.location import location


def plot(
    name: str,
    runs: Sequence[str],
    out: Path | None = None,
    *,
    columns: int | None = None,
    theme: Theme = "light",
    track: str | None = None,
    names: Sequence[str] = (),
    of: str = "",
    data: Sequence[str] = (),
) -> dict[str, Any]:
    """Draw a figure and write it with its table and caption.

    Args:
        name: of the figure.
        runs: [NAME=]FOLDER of each run.
        out: PDF, SVG or PNG; by default NAME.pdf in the working folder.
        columns: 1 or 2 of a page; by default the figure's own.
        theme: light, or dark for slides.
        track, names, of: see `Runs` and `Choice`.
        data: [NAME=]FILE of what other programs have written, for figures that take it.

    Returns:
        The figure's name, the files, rows and caption.

    Raises:
        InputError: no such figure, or runs that lack what it is drawn from; nothing was written.
    """
    figure = find_figure(name)
    out = out or Path(f"{name}.pdf")
    check_figure_name(out)
    choice = _choice(figure, names, of, data)
    if columns is not None and columns not in WIDTHS:
        raise ConfigError("a figure has one column or two", value=columns)
    if not runs and figure.runs:
        raise ConfigError(f"name the runs that {name} is drawn from: {figure.needs}")
    rows = figure.table(Runs([_named(run) for run in runs], track), choice)
    if rows.empty:
        raise MissingInputError(f"nothing to draw: {figure.needs} is there, but has no rows for {name}")
    with print_style():
        sheet = new_sheet(columns or figure.columns, figure.height)
        said = figure.draw(sheet, rows, choice)
        caption = f"{figure.title}. {said}"
        files = write_figure(sheet, out, rows, caption, theme)
    return {"figure": name, "files": [str(path) for path in files], "rows": len(rows), "caption": caption}


def _choice(figure: PaperFigure, names: Sequence[str], of: str, data: Sequence[str]) -> Choice:
    if of and of not in figure.of:
        takes = f"it is one of {', '.join(figure.of)}{near(of, figure.of)}" if figure.of else "it takes none"
        raise ConfigError(f"{figure.name} is not drawn of this; {takes}", value=of)
    if names and not figure.names:
        raise ConfigError(f"{figure.name} takes no names", value=",".join(names))
    if data and not figure.data:
        raise ConfigError(f"{figure.name} takes no files", value=", ".join(data))
    files = tuple((name or path.name.partition(".")[0], path) for name, path in map(_named, data))
    missing = next((path for _, path in files if not path.is_file()), None)
    if missing is not None:
        raise MissingInputError("no such file; check the path", path=missing)
    return Choice(tuple(names), of, files)


def _named(text: str) -> tuple[str, Path]:
    """NAME=FOLDER or FOLDER."""
    name, equals, path = text.partition("=")
    if equals and name and "/" not in name and "://" not in name:
        return name, location(path)
    return "", location(text)
