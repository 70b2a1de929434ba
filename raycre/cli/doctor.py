"""`raycre doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Json
from raycre.cli.printing import print_result
from raycre.store.location import location


def doctor(
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", parser=location, help="YAML of any verb: can it run here?"),
    ] = None,
    json_: Json = False,
) -> None:
    """Say what is installed and which devices a run would use; with --config, check all that a run needs."""
    if config is None:
        from raycre.workflows.doctor import examine

        print_result(examine(), json_)
        return
    from raycre.config.any_verb import read_any

    verb, settings = read_any(config)
    from raycre.workflows.checkup import examine_case
    from raycre.workflows.checkup_case import Case

    case = Case(verb, settings)
    found = examine_case(case)
    if json_:
        print(json.dumps({"verb": case.verb, "checks": [each._asdict() for each in found]}))
    else:
        for each in found:
            about = f" {each.about}" if each.about else ""
            print(
                f"{each.status}  {each.check}{about}: {each.message}"
                + (f"; {each.remedy}" * bool(each.remedy))
            )
    if any(each.status == "fail" for each in found):
        raise typer.Exit(2)
