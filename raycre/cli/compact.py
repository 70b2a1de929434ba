"""`raycre compact`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import location


def compact(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", parser=location, help="Folder of a finished run of predict or annotate."
        ),
    ],
    part_mb: Annotated[
        int,
        typer.Option("--part-mb", metavar="MB", help="Size of a merged file, about."),
    ] = 128,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be merged; write nothing.")
    ] = False,
    json_: Json = False,
) -> None:
    """Merge the many small files of a finished run into few large ones; rows and results stay as they are."""
    from raycre.workflows.compact import run_compact

    found = run_compact(run, part_mb=part_mb, dry_run=dry_run)
    if json_:
        print_result(found, json_)
        return
    if not found["folders"]:
        print("nothing to merge: the run has no parts")
    for name, of in found["folders"].items():
        size = f"{of['bytes'] / 1e6:,.1f} MB"
        size += f" in place of which {of['bytes_after'] / 1e6:,.1f} MB" if "bytes_after" in of else ""
        would = "would become " if dry_run else "are now "
        print(f"{name}: {of['files']:,} files {would}{of['files_after']:,} ({size})")
