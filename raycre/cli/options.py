"""Options that several verbs take."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from raycre.store.location import location

Config = Annotated[Path, typer.Option("--config", "-c", parser=location, help="YAML file of the run.")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="Override a key: --set recipe.epochs=5.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print plan and cost; write nothing.")]
Deadline = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        help="With --dry-run: how many nodes of resources.nodes finish within it, such as 4h, for least.",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option(
        "--fresh/--resume", help="Remove the run that the folder holds (it is said what), or go on with it."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --fresh: do not ask on a terminal.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def with_deadline(sets: list[str] | None, deadline: str | None) -> list[str]:
    """Return overrides with the one that --deadline stands for."""
    return [*(sets or ()), *([] if deadline is None else [f"resources.deadline={deadline}"])]


def asked(fresh: bool, yes: bool) -> bool | Literal["ask"]:
    """Return "ask" where a person at a terminal is to agree before a run is removed; a script has decided."""
    return "ask" if fresh and not yes and sys.stdin.isatty() and sys.stderr.isatty() else fresh


def ending_with(text: Callable[[], str]) -> type[TyperCommand]:
    """Return the class of a command whose help ends with `text`, which is made when help is asked for."""

    class Command(TyperCommand):
        def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
            self.epilog = "\n\n".join([text(), *([self.epilog] if self.epilog else [])])
            super().format_help(ctx, formatter)

    return Command
