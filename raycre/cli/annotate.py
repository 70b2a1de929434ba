"""The verb `annotate` of the command line: a command for each annotation, made from its declaration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from raycre.annotate.registry import INSTALLED, find_annotation
from raycre.cli.built_in import ANNOTATIONS
from raycre.cli.declared import Commands, Declared, arguments, flags, group_of, parameter, with_signature
from raycre.cli.options import DryRun, Fresh, Json, Yes, asked
from raycre.cli.printing import print_result
from raycre.store.location import location

RegionFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--regions", "-r", metavar="[NAME=]FILE", help="BED, narrowPeak, Parquet or a table; may be repeated."
    ),
]
Runs = Annotated[
    list[str] | None,
    typer.Option(
        "--run", metavar="[NAME=]FOLDER", help="Finished run of predict, creme or annotate; may be repeated."
    ),
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        help="Column that tells the groups; name is column 4 of BED. Default: call, group, class or label."
    ),
]
Compare = Annotated[
    list[str] | None,
    typer.Option(
        "--compare",
        metavar="A,B",
        help="Groups to compare, A the greater; may be repeated. Default: each with background, else all.",
    ),
]
Direction = Annotated[
    Literal["greater", "less", "two-sided"], typer.Option(help="What the first group is expected to be.")
]
TestReading = Annotated[
    Literal["continuity", "no-continuity", "no-tie-correction"],
    typer.Option(
        "--rank-sum", help="Normal approximation: corrected for ties and continuity, ties alone, neither."
    ),
]
CremeTest = Annotated[str, typer.Option(help="Of a CREME run: whose calls.")]
CremeTrack = Annotated[
    str | None, typer.Option(help="Of a CREME run with several tracks: row or identifier.")
]
GenomeFile = Annotated[
    Path | None,
    typer.Option("--fasta", parser=location, help="The genome; regions are checked against it."),
]
Replicas = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto", help="Share long work (motifs) among so many Ray replicas; default: this process."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", parser=location, help="Folder of the results; default: RUN/annotations/NAME."
    ),
]


def annotation_callback(annotation: Declared) -> Callable[..., None]:
    """Return a function that typer makes a command of: its parameters are those that are declared."""
    own = [each.name for each in annotation.taken]

    def run_command(**given: Any) -> None:
        from raycre.cli.there import check_files, check_paths, check_runs
        from raycre.options import split_label
        from raycre.workflows.annotate.asked import parse_pair, results_folder

        check_runs(given["run"] or ())
        check_paths(split_label(text)[1] for text in given["regions"] or ())
        check_files(annotation.taken, given)
        for text in given["pairs"] or ():
            parse_pair(text)
        results_folder(given["out"], annotation.name, given["regions"] or (), given["run"] or ())
        from raycre.workflows.annotate.run import run_annotation

        as_json, fresh = given.pop("json_"), asked(given.pop("fresh"), given.pop("yes"))
        options = {name: given.pop(name) for name in own}
        for name in ("regions", "run", "pairs"):
            given[name] = given[name] or ()
        print_result(run_annotation(annotation.name, options, fresh=fresh, **given), as_json)

    parameters = [
        *arguments(annotation.taken),
        parameter("regions", RegionFiles, None),
        parameter("run", Runs, None),
        parameter("group_by", GroupBy, None),
        parameter("pairs", Compare, None),
        *flags(annotation.taken),
        parameter("alternative", Direction, "greater"),
        parameter("reading", TestReading, "continuity"),
        parameter("test", CremeTest, "sufficiency"),
        parameter("track", CremeTrack, None),
        parameter("fasta", GenomeFile, None),
        parameter("out", Out, None),
        parameter("replicas", Replicas, None),
        parameter("dry_run", DryRun, False),
        parameter("fresh", Fresh, False),
        parameter("yes", Yes, False),
        parameter("json_", Json, False),
    ]
    return with_signature(run_command, parameters, annotation.summary)


annotate = typer.Typer(
    cls=group_of(Commands(INSTALLED, ANNOTATIONS, find_annotation, annotation_callback)),
    help="What regions are: motifs, conservation, methylation, contacts, variants, genes; do groups differ.",
    no_args_is_help=True,
)
