"""`raycre report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import location


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", parser=location, help="Folders of runs, finished or not."),
    ],
    out: Annotated[Path, typer.Option(parser=location, help="HTML page to write.")] = Path("report.html"),
    json_: Json = False,
) -> None:
    """Write one HTML page with the tables and figures of runs."""
    from raycre.report.page import write_report
    from raycre.workflows.jobs import check_kept

    check_kept(out, "--out")
    print_result(write_report(runs, out), json_)
