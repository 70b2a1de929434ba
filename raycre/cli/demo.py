"""`raycre demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import how_to_open, print_result
from raycre.store.location import location


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", parser=location, help="Folder to write to.")] = Path(
        "demo-run"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of the genome and of every run.")] = 0,
    json_: Json = False,
) -> None:
    """Write a synthetic genome with planted grammar and run the whole chain on it."""
    from raycre.demo.run import run_demo

    print_result(run_demo(out, seed=seed), json_, f"next: {how_to_open(out / 'report.html')}")
