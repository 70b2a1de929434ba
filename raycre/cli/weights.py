"""`raycre weights list`, `fetch` and `verify`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from raycre.cli.examples import ExampleGroup
from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.errors import FormatError

weights = typer.Typer(
    cls=ExampleGroup,
    help="Published weights and track tables: list, fetch, verify.",
    no_args_is_help=True,
)


@weights.command("list")
def list_(json_: Json = False) -> None:
    """List what is published, with addresses and checksums, and what the cache has of it."""
    from raycre.workflows.downloads import list_published

    found = list_published()
    if not json_:
        short = ("name", "what", "bytes", "cached", "checked_by", "seen", "licence")
        found = {"published": [{key: row[key] for key in short} for row in found["published"]]}
    print_result(found, json_)


@weights.command()
def fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help='Names, or patterns: "borzoi-[0-3]".')
    ],
    offline: Annotated[bool, typer.Option("--offline", help="Use no network (RAYCRE_OFFLINE=1).")] = False,
    json_: Json = False,
) -> None:
    """Bring published files into the cache, going on where it was cut off, and check them."""
    from raycre.workflows.downloads import fetch_published

    found = fetch_published(names, offline=offline)
    print_result(found, json_, *_next(found))


def _next(found: dict[str, Any]) -> list[str]:
    """What to do with files that were fetched."""
    uses = [row["use"] for row in found["fetched"]]
    if any("create" in use for use in uses):
        return [f"next: raycre init predict, with model.checkpoint: {uses[0]}"]
    return [f"next: raycre init creme, with weights and track_table among {', '.join(uses)}"] if uses else []


@weights.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Default: all cached.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check cached files against their checksums."""
    from raycre.workflows.downloads import verify_published

    found = verify_published(names or ())
    print_result(found, json_)
    if found["wrong"]:
        raise FormatError(f"not in the cache as published: {', '.join(found['wrong'])}")
