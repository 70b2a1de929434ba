"""`raycre status`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.errors import ConfigError, RaycreError
from raycre.store.location import location

EVERY = 10.0  # seconds between two looks with --watch


def status(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", parser=location, help="Folder of a run, on a disk or in a bucket."),
    ],
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every few seconds until it ends.")
    ] = False,
    timeline: Annotated[
        Path | None,
        typer.Option(
            "--timeline", parser=location, help="Write a page of units, replicas and losses over time."
        ),
    ] = None,
    nodes: Annotated[
        Path | None,
        typer.Option(
            "--nodes",
            parser=location,
            help="YAML list of types of nodes with prices, for what it has cost so far.",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Say how far a run is: done, pending, failed, rate, time left, replicas, losses, cost so far."""
    from raycre.cli.there import check_folder

    check_folder(run)
    from raycre.store.files import write_atomic
    from raycre.workflows.pricing import read_prices
    from raycre.workflows.status.read import RunStatus, read_status
    from raycre.workflows.status.timeline import timeline_page
    from raycre.workflows.status.words import lines_of

    table = None if nodes is None else read_prices(nodes)
    if timeline is not None and timeline.is_dir():
        raise ConfigError("--timeline takes the name of a page, not a folder", value=str(timeline))

    def look() -> RunStatus:
        found = read_status(run, nodes=table)
        if timeline is not None:
            write_atomic(timeline, lambda temporary: temporary.write_text(timeline_page(found)))
        print(json.dumps(found.as_json()) if json_ else "\n".join(lines_of(found)), flush=True)
        return found

    seen = look()
    while watch and seen.state in ("running", "silent"):
        time.sleep(EVERY)
        if not json_:
            print()
        try:
            seen = look()
        except RaycreError as error:  # a store that is away for a while, a folder that is removed
            if error.exit_code == 2:
                raise
            print(f"error: {error}", flush=True)
