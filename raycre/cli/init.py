"""`raycre init`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.store.location import location


def complete_verb(incomplete: str) -> list[str]:
    """Return the verbs that a shell may complete a word to."""
    from raycre.workflows.init import verbs

    return [verb for verb in verbs() if verb.startswith(incomplete)]


def init(
    verb: Annotated[
        str,
        typer.Argument(
            metavar="VERB", help="Whose: prepare, train, predict or creme.", autocompletion=complete_verb
        ),
    ],
    fill: Annotated[
        list[Path] | None,
        typer.Option(
            "--fill", "-f", parser=location,
            help="A file, a folder of files, or of a run; several times. Content says what it is for.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", parser=location, help="File to write; default: VERB.yaml.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    json_: Json = False,
) -> None:  # fmt: skip
    """Write a commented configuration, filled in from your files."""
    from raycre.workflows.init import write_config

    found = write_config(verb, fill or (), out, force=force)
    if json_:
        print(json.dumps(found))
        return
    test = " config" if verb == "creme" else ""
    filled = ", ".join(f"{key} {value}" for key, value in found["filled"].items())
    print(
        f"{found['config']}: "
        + (f"filled in: {filled}" if filled else "a template; --fill FILE… puts files in")
    )
    if found["not_used"]:
        print(f"not used by {verb}: {', '.join(found['not_used'])}")
    print(f"to fill in by hand: {', '.join(found['to_fill_in']) or 'nothing'}")
    if verb == "predict" and "checkpoint" in found["to_fill_in"]:
        print(
            "checkpoint: a trained CREATE: --fill its run folder, or registry:create-sequence (docs/faq.md)"
        )
    if verb == "creme":
        print("examples to replace: genes, tracks")
    print(f"next: raycre {verb}{test} --config {found['config']} --dry-run")
