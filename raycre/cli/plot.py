"""`raycre plot`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import location


def plot(
    figure: Annotated[
        str | None, typer.Argument(metavar="FIGURE", help="Its name, as in creme-2a; see --list.")
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]RUN...", help="Finished runs that it is drawn from."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", parser=location, help="PDF, SVG or PNG; default: FIGURE.pdf, here."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List all figures.")] = False,
    columns: Annotated[
        int | None, typer.Option(min=1, max=2, help="Width: one column of a page (89 mm) or two (183 mm).")
    ] = None,
    theme: Annotated[Literal["light", "dark"], typer.Option(help="Page: light, or dark.")] = "light",
    track: Annotated[
        str | None, typer.Option(help="Of CREME runs with several tracks: row or identifier.")
    ] = None,
    names: Annotated[
        str, typer.Option(help="Genes, marks, motifs or settings to draw, with commas between.")
    ] = "",
    of: Annotated[str, typer.Option(help="Class or way that it is about, where it takes one.")] = "",
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]FILE",
            help="What other programs wrote (LDSC's .results), motifs; may be repeated.",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Draw a figure of the papers from runs, for print, with its table and caption."""
    from raycre.cli.there import check_runs
    from raycre.errors import ConfigError

    if figure is not None:
        check_runs(runs or ())
    from raycre.plots.registry import list_figures

    if list_:
        print_result({"figures": list_figures()}, json_)
        return
    if figure is None:
        raise ConfigError("name a figure and its runs; `raycre plot --list` has all figures")
    from raycre.plots.draw import plot as draw
    from raycre.workflows.jobs import check_kept

    if out is not None:
        check_kept(out, "--out")
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    found = draw(
        figure,
        runs or [],
        out,
        columns=columns,
        theme=theme,
        track=track,
        names=chosen,
        of=of,
        data=data or (),
    )
    print_result(found, json_)
