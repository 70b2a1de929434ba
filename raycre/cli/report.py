"""`raycre report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import how_to_open, print_result
from raycre.store.location import location


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", parser=location, help="Folders of runs, finished or not."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", parser=location, help="HTML page to write.")] = Path(
        "report.html"
    ),
    json_: Json = False,
) -> None:
    """Write one HTML page with the tables and figures of runs."""
    from raycre.cli.there import check_runs

    check_runs(runs)
    from raycre.report.page import write_report
    from raycre.workflows.jobs import check_kept

    check_kept(out, "--out")
    found = write_report(runs, out)
    names = ", ".join(found["runs"])
    print_result(
        found if json_ else {"report": f"{out} ({found['bytes'] / 1e6:.1f} MB) about {names}"},
        json_,
        f"next: {how_to_open(out)}",
    )
