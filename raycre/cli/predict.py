"""`raycre predict`."""

from __future__ import annotations

from raycre.cli.options import Config, DryRun, Fresh, Json, Sets, Yes, asked
from raycre.cli.printing import print_run


def predict(
    config: Config,
    set_: Sets = None,
    dry_run: DryRun = False,
    fresh: Fresh = False,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Classify candidate regions with a trained CREATE on Ray Data."""
    from raycre.config import PredictConfig, read_config
    from raycre.config.there import check_there

    settings = read_config(PredictConfig, config, set_ or ())
    check_there(settings)
    from raycre.workflows.predict.run import run_predict

    print_run(run_predict(settings, fresh=asked(fresh, yes), dry_run=dry_run), settings.run.out, json_)
