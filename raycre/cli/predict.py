"""`raycre predict`."""

from __future__ import annotations

from raycre.cli.options import Config, Deadline, DryRun, Fresh, Json, Sets, Yes, asked, with_deadline
from raycre.cli.printing import print_run


def predict(
    config: Config,
    set_: Sets = None,
    dry_run: DryRun = False,
    deadline: Deadline = None,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Classify candidate regions with a trained CREATE on Ray Data."""
    from raycre.config import PredictConfig, read_config

    settings = read_config(PredictConfig, config, with_deadline(set_, deadline))
    from raycre.workflows.predict.run import run_predict

    print_run(run_predict(settings, fresh=asked(fresh, yes), dry_run=dry_run), settings.run.out, json_)
