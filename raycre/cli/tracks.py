"""`raycre tracks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.backbones.registry import BACKBONES
from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import location


def tracks(
    query: Annotated[
        list[str],
        typer.Argument(
            metavar="QUERY...", help="assay=CAGE biosample=K562; any text; rows; an identifier; all."
        ),
    ],
    model: Annotated[
        str, typer.Option(help=f"Whose: {', '.join(sorted(BACKBONES))}, or one that a package registers.")
    ] = "enformer",
    head: Annotated[str, typer.Option(help="human or mouse.")] = "human",
    table: Annotated[Path | None, typer.Option(help="A track table of your own.", parser=location)] = None,
    strands: Annotated[str, typer.Option(help="summed or separate, as model.strands of Borzoi.")] = "summed",
    weights_: Annotated[
        str | None, typer.Option("--weights", help="Of a backbone that needs them to say its tracks.")
    ] = None,
    json_: Json = False,
) -> None:
    """Print the tracks that a query finds."""
    from raycre.workflows.tracks import find_tracks

    print_result(find_tracks(query, model, head, table, strands, weights_), json_)
