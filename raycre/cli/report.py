"""`raycre report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.bucket_path import BucketPath
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
    from raycre.report.page import write_report
    from raycre.workflows.jobs import check_kept

    check_kept(out, "--out")
    found = write_report(runs, out)
    names = ", ".join(found["runs"])
    print_result(
        found if json_ else {"report": f"{out} ({found['bytes'] / 1e6:.1f} MB) about {names}"},
        json_,
        f"next: {_how_to_open(out)}",
    )


def _how_to_open(page: Path) -> str:
    if isinstance(page, BucketPath):
        return f"copy it to a disk and open it in a browser: {page}"
    return f"open it in a browser: {page.resolve().as_uri()}"
