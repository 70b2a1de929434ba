"""`raycre export`: an option for each format, made from the table of formats."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.export.names import EXPORTS
from raycre.store.location import location

Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", parser=location, help="Folder of a run: of predict or creme; tsv of any."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", "-o", parser=location, help="Folder for the files; default: RUN-export, beside the run."
    ),
]
Test = Annotated[
    list[str] | None, typer.Option("--test", help="Of CREME's tests only this one; several times.")
]
Gene = Annotated[
    list[str] | None, typer.Option("--gene", help="Only this gene, by name or id; several times.")
]
Track = Annotated[list[str] | None, typer.Option("--track", help="Only this track, by row or identifier.")]
Every = Annotated[bool, typer.Option("--every", help="Background regions and tiles without a call, too.")]
Sizes = Annotated[
    Path | None,
    typer.Option("--sizes", parser=location, help="Chromosomes' lengths, where the run's FASTA has moved."),
]
Assembly = Annotated[
    str, typer.Option("--assembly", help="UCSC's name, as hg38; default: told by the lengths.")
]
Email = Annotated[str, typer.Option("--email", help="Of whom to ask about a hub.")]


def export(**given: Any) -> None:
    """Write a run as files that IGV, UCSC's browser and others open."""
    from raycre.cli.there import check_runs

    check_runs([given["run"]])
    from raycre.workflows.export import run_export

    run, as_json = given.pop("run"), given.pop("json_")
    formats = [name for name in EXPORTS if given.pop(name.replace("-", "_"))]
    found = run_export(run, formats, **given)
    if as_json:
        print_result(found, as_json)
        return
    for name, files in found["files"].items():
        print(f"{name}: {len(files):,} {'file' if len(files) == 1 else 'files'}")
    print(f"files: {found['out']}")
    print(f"next: {_next(formats, found['out'])}")


def _next(formats: list[str], out: str) -> str:
    if "ucsc-hub" in formats:
        return (
            f"put {out}/hub on a web server, and give UCSC (My Data, Track Hubs) the address of its hub.txt"
        )
    if "igv-session" in formats:
        return f"open {out}/igv_session.xml in IGV (File, Open Session)"
    if formats == ["tsv"]:
        return "read them with pandas, R or a spreadsheet; coordinates count from 0"
    return "open them in IGV (File, Load from File, or drop them on igv.org/app) on the run's genome"


def _parameters() -> list[inspect.Parameter]:
    formats: list[tuple[str, Any, Any]] = [
        (
            name.replace("-", "_"),
            Annotated[bool, typer.Option(f"--{name}", help=f"{summary[:1].upper()}{summary[1:]}.")],
            False,
        )
        for name, summary in EXPORTS.items()
    ]
    more = [("out", Out, None), ("test", Test, None), ("gene", Gene, None), ("track", Track, None),
            ("every", Every, False), ("sizes", Sizes, None), ("assembly", Assembly, ""), ("email", Email, ""),
            ("json_", Json, False)]  # fmt: skip
    given = [("run", Run, inspect.Parameter.empty), *formats, *more]
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default in given
    ]


export.__signature__ = inspect.Signature(_parameters())  # type: ignore[attr-defined]
export.__annotations__ = {each.name: each.annotation for each in _parameters()}
