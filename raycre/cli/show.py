"""`raycre show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.store.location import location


def show(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", parser=location, help="Folder of a run, finished or not.")
    ],
    json_: Json = False,
) -> None:
    """Say what a run is: what was found, where it lies, what to do next."""
    if json_:
        from raycre.store.summary import read_record

        print(json.dumps(read_record(run)[1]))
        return
    from raycre.cli.there import check_runs

    check_runs([run])
    from raycre.api.runs import open_run

    print(open_run(run))
