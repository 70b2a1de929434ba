"""The verb `compare` of the command line: a command for each comparison, made from its declaration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from raycre.cli.built_in import COMPARISONS
from raycre.cli.declared import Commands, Declared, arguments, flags, group_of, parameter, with_signature
from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.compare.registry import INSTALLED, find_comparison
from raycre.store.location import location

CremeRun = Annotated[
    Path, typer.Argument(metavar="RUN", parser=location, help="Folder of a finished `raycre creme` run.")
]
Test = Annotated[str, typer.Option(help="Whose effects and calls: necessity or sufficiency.")]
Track = Annotated[str | None, typer.Option(help="Row or identifier of the track, where the run has several.")]
RunFasta = Annotated[
    Path | None, typer.Option("--fasta", parser=location, help="The run's FASTA, where it has moved.")
]
Sizes = Annotated[
    Path | None,
    typer.Option(parser=location, help="Table of chromosome sizes, where the FASTA is not at hand."),
]
CompareOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", parser=location, help="Folder for the results; default: the run's summary."),
]

OF_EVERY_RUN = ("test", "track", "fasta", "sizes", "out")  # options that are not a comparison's own


def callback_of(comparison: Declared) -> Callable[..., None]:
    """Return a function that typer makes a command of: its parameters are those that are declared."""

    def run_command(**given: Any) -> None:
        from raycre.cli.there import check_files
        from raycre.store.run import read_finished

        read_finished(given["run"], "creme")
        check_files(comparison.taken, given)
        from raycre.workflows.compare.run import run_comparison

        run, as_json = given.pop("run"), given.pop("json_")
        of_run = {name: given.pop(name) for name in OF_EVERY_RUN if name in given}
        found = run_comparison(comparison.name, run, given, **of_run)
        print_result(found, as_json, f"next: raycre report {run}")

    parameters = [
        parameter("run", CremeRun),
        *arguments(comparison.taken),
        parameter("test", Test, comparison.test),
        parameter("track", Track, None),
        *flags(comparison.taken),
        *([parameter("fasta", RunFasta, None)] if comparison.needs else []),
        *([parameter("sizes", Sizes, None)] if "sizes" in comparison.needs else []),
        parameter("out", CompareOut, None),
        parameter("json_", Json, False),
    ]
    return with_signature(run_command, parameters, comparison.summary)


compare = typer.Typer(
    cls=group_of(Commands(INSTALLED, COMPARISONS, find_comparison, callback_of)),
    help="A finished CREME run against other data: marks, annotations, repeats, CRISPRi, motifs, saliency.",
    no_args_is_help=True,
)
