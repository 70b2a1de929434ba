"""CREATE in k folds: a run folder from its plan to its metrics. Ray Train itself is in walk.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.config import TrainConfig
from raycre.create import metrics
from raycre.create.augment import training_samples
from raycre.create.layout import WIDTH
from raycre.engine.checkpoints import CUTOFFS, fold_folder
from raycre.engine.curves import read_test_set, write_curves
from raycre.engine.folds import first_network, recipe_of, time_step
from raycre.engine.inputs import check_out, hash_inputs, hash_rows, say_dropped, signal_paths
from raycre.engine.materialise import read_labelled, write_inputs
from raycre.engine.readings import listen, show_readings
from raycre.engine.walk import TROUBLE, Job, train_jobs
from raycre.errors import ConfigError, RaycreError
from raycre.genome.features import Signals
from raycre.genome.folds import split
from raycre.store.files import read_json
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import FOLDS, METRICS


def run_train(config: TrainConfig, *, fresh: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Train every fold that is not done; go on where an earlier run of the same configuration stopped.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        RaycreError: training failed; finished folds and epochs are kept.
    """
    check_out(config.run.out)
    readings = listen()
    recipe = recipe_of(config)
    hashes = hash_inputs(config.paths())
    first_network(config)  # sizes, or a checkpoint, that do not fit are refused before anything is written
    signals = Signals(signal_paths(config.inputs, config.model.modalities))
    table, counts = read_labelled(config, signals)
    plan = plan_folds(config, table["fold"].to_numpy(np.int64))
    if dry_run:
        show_readings()
        return {"dry_run": True, "regions": counts, **cost_of(config, plan, table)}
    run = open_training(config, hashes, hash_rows(table), fresh=fresh)
    run.note(regions=counts, loops_dropped=signals.loops_dropped)
    run.note(inputs_read=readings)
    show_readings()
    say_dropped("labelled regions", counts, signals.loops_dropped)
    write_inputs(run.out / "inputs", table, signals, recipe.flank)
    train_jobs(jobs_of(config, run, plan), config.resources, run.out)
    return finish(run, plan["fold"].tolist())


def open_training(config: TrainConfig, hashes: Mapping[str, str], rows: str, *, fresh: bool) -> Run:
    """Open the run folder of a training; `hashes` are of its input files, by key, `rows` of its regions."""
    workers = config.resources.workers_per_fold
    run = open_run(
        config.run.out,
        verb="train",
        name=config.run.name,
        config=config.model_dump(mode="json"),
        science={**config.science(), "sha256": dict(hashes), "labels_as_read": rows},
        # Workers of one fold draw dropout of their own and add up in their own order: no fold may mix them.
        layout={**config.layout(), **({"workers_per_fold": workers} if workers > 1 else {})},
        fresh=fresh,
    )
    run.note(recipe=asdict(recipe_of(config)))
    return run


def jobs_of(config: TrainConfig, run: Run, plan: pd.DataFrame, label: str = "") -> list[Job]:
    """Write the plan; return the folds that are not done. `label` is what the live table calls the run."""
    write_table(run.out / "plan.parquet", as_table(plan, FOLDS, run.metadata))
    absolute = config.run.model_copy(update={"out": run.out.resolve()})
    config = config.model_copy(update={"run": absolute})
    todo = _ledger(config).todo(plan)["fold"].tolist()
    return [Job(config, fold, run.metadata, label) for fold in todo]


def plan_folds(config: TrainConfig, fold_of: NDArray[np.int64]) -> pd.DataFrame:
    """Return a row of FOLDS for each fold to train; fold_of: int64 (n,), each region's test fold."""
    n, only = config.folds.n, config.folds.only
    if only is not None and (not only or len(set(only)) < len(only)):
        raise ConfigError("folds.only: name each fold once, or leave it out for all", value=list(only))
    rows = []
    for k in range(n) if only is None else only:
        train, validation, test = (int(mask.sum()) for mask in split(fold_of, k, n))
        rows.append((f"fold={k}", k, train, validation, test))
    return pd.DataFrame(rows, columns=FOLDS.names)


def _ledger(config: TrainConfig) -> Ledger:
    return Ledger(config.run.out, "folds", f"/{CUTOFFS}")


def finish(run: Run, folds: Sequence[int]) -> dict[str, Any]:
    """Remake the metrics from the folds' predictions; raise when a fold is missing."""
    done = [k for k in folds if (fold_folder(run.out, k) / CUTOFFS).is_file()]
    if done:
        every = pd.concat([_metrics(run, k) for k in done])
        write_table(run.out / "summary" / "metrics.parquet", as_table(every, METRICS, run.metadata))
        macro = every[every["class"] == metrics.MACRO].groupby("metric")["value"]
        scores = {str(m): {"mean": float(v.mean()), "sd": float(v.std(ddof=0))} for m, v in macro}
        write_curves(run.out, done, run.metadata)
        run.note(metrics=scores)
    record = run.finish(folds_done=done)
    missing = sorted(set(folds) - set(done))
    if missing:
        said = [fold_folder(run.out, k) / TROUBLE for k in missing]
        why = "; ".join(read_json(p)["error"] for p in said if p.is_file()) or "their workers were lost"
        raise RaycreError(f"folds {', '.join(map(str, missing))} are not trained: {why}")
    return record


def _metrics(run: Run, fold: int) -> pd.DataFrame:
    return metrics.table(*read_test_set(run.out, fold)).assign(fold=fold)


def cost_of(config: TrainConfig, plan: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Time training here, without validation; count views and bytes."""
    recipe = recipe_of(config)
    labels = table["label"].to_numpy()
    share = float(plan["n_train"].sum() / len(table))
    rows = np.arange(len(labels))
    views = len(training_samples(labels, rows, recipe.ratios, recipe.stride, recipe.strands).rows) * share
    seconds, flops = time_step(config)
    pending = _ledger(config).pending(plan["unit"])
    width = WIDTH + 2 * recipe.flank
    # Codes are always there; a track has 4 bytes at most (whole reads and loops take 2 + 1).
    per_base = 1 + 4 * len({"openness", "loops"} & set(config.model.modalities))
    at_most = views * recipe.epochs * len(pending) / len(plan)
    return {
        "folds": len(plan),
        "folds_done": len(plan) - len(pending),
        "views_per_epoch_and_fold": round(views / len(plan)),
        "epochs_at_most": recipe.epochs,
        "flops_at_most": round(at_most * flops),
        "bytes_of_inputs": len(table) * width * per_base,
        "seconds_per_view_here": round(seconds, 6),
        "worker_seconds_at_most": round(at_most * seconds, 1),
    }
