"""`raycre train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from raycre.cli.options import Config, Deadline, DryRun, Fresh, Json, Sets, Yes, asked, with_deadline
from raycre.cli.printing import print_run
from raycre.store.location import location


def list_models() -> str:
    """Return the names of the models, for the end of the help."""
    from raycre.create.names import known

    return f"Models (--set model=NAME): {', '.join(known())}."


def train(
    config: Config,
    set_: Sets = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", help="Train every combination: --sweep K=50,100 --sweep M=4,16."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            "--init",
            parser=location,
            help="Weights to start from: of train, the authors' .pth, or registry:NAME.",
        ),
    ] = None,
    dry_run: DryRun = False,
    deadline: Deadline = None,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Train CREATE, a variant of it or a baseline in k folds on Ray Train."""
    from raycre.config import TrainConfig, read_config
    from raycre.config.sweep import read_sweep

    sets = [
        *with_deadline(set_, deadline),
        *([] if init is None else [f"model.init={json.dumps(str(init))}"]),
    ]
    if sweep:
        combinations = read_sweep(config, sets, sweep)
        from raycre.workflows.train.sweep import run_sweep

        out = combinations[0].config.run.out.parent.parent
        found = run_sweep(combinations, fresh=asked(fresh, yes), dry_run=dry_run)
    else:
        settings = read_config(TrainConfig, config, sets)
        from raycre.workflows.train.run import run_train

        out = settings.run.out
        found = run_train(settings, fresh=asked(fresh, yes), dry_run=dry_run)
    print_run(found, out, json_)
