"""`raycre creme`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.built_in import TESTS
from raycre.cli.options import Config, Deadline, DryRun, Fresh, Json, Sets, Yes, asked, with_deadline
from raycre.cli.printing import print_run
from raycre.errors import ConfigError, near
from raycre.packages import Installed
from raycre.store.location import location


def list_tests() -> str:
    """Return a line for each test, for the end of the help."""
    return "\n\n".join(["Tests:", *_lines_of_tests()])


def complete_test(incomplete: str) -> list[str]:
    """Return the tests that a shell may complete a word to."""
    names = (*Installed("raycre.tests", "a test").names(TESTS), "pipeline", "config")
    return [name for name in names if name.startswith(incomplete)]


def _lines_of_tests() -> list[str]:
    if Installed("raycre.tests", "a test").points():
        from raycre.creme.tests import describe_tests

        return describe_tests()
    return [f"{name}: {summary}" for name, summary in TESTS.items()]


def creme(
    test: Annotated[
        str,
        typer.Argument(
            help="Name of a test (they are listed below); pipeline for all tests of the paper; config for "
            "those of the configuration.",
            autocompletion=complete_test,
        ),
    ],
    config: Config,
    set_: Sets = None,
    create_run: Annotated[
        Path | None,
        typer.Option(
            "--create-run",
            parser=location,
            help="Folder of `raycre predict`: its calls are joined to the tiles.",
        ),
    ] = None,
    chain: Annotated[
        Path | None,
        typer.Option(
            "--chain", parser=location, help="Chain file from the assembly of --create-run to this one."
        ),
    ] = None,
    dry_run: DryRun = False,
    deadline: Deadline = None,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Perturb genes with CREME on Ray actors."""
    from raycre.config import PerturbConfig, read_config
    from raycre.creme.tests import RESERVED, names_of_tests

    known = (*names_of_tests(), *RESERVED)
    if test not in known:
        raise ConfigError(
            f"tests are {', '.join(names_of_tests())}, pipeline, or config{near(test, known)}", value=test
        )
    sets = with_deadline(set_, deadline)
    if test != "config":
        sets.append("tests=pipeline" if test == "pipeline" else f"tests=[{test}]")
    if create_run is not None:
        sets.append(f"create_run={json.dumps(str(create_run))}")
    if chain is not None:
        sets.append(f"chain={json.dumps(str(chain))}")
    settings = read_config(PerturbConfig, config, sets)
    from raycre.workflows.perturb.run import run_creme

    print_run(run_creme(settings, fresh=asked(fresh, yes), dry_run=dry_run), settings.run.out, json_)
