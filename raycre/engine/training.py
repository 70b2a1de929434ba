"""CREATE in k folds: one Ray Train run whose workers walk through the folds.

Starting Ray Train costs 15-25 s on two cores, so it is paid once: worker r takes folds r, r + workers, ...
`report()` is a barrier over a run's workers, so no fold uses it; a fold's state is its own files.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import ray.train
from numpy.typing import NDArray
from ray.train.torch import TorchTrainer

from raycre.config import TrainConfig
from raycre.create import metrics
from raycre.create.layout import CLASSES, WIDTH
from raycre.engine.checkpoints import CUTOFFS, fold_folder
from raycre.engine.cluster import connected, replicas
from raycre.engine.folds import PROGRESS, first_network, recipe_of, time_step, train_fold
from raycre.engine.inputs import check_out, hash_inputs, say_dropped, signal_paths
from raycre.engine.materialise import open_inputs, read_labelled, write_inputs
from raycre.engine.progress import progress
from raycre.errors import ConfigError, RaycreError
from raycre.genome.features import Signals
from raycre.genome.folds import split
from raycre.store.files import read_json, write_json
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import FOLDS, METRICS

RAY_FOLDER = "train"  # Ray Train's own; nothing of it is kept
TROUBLE = "error.json"  # why a fold could not be trained
MAX_FAILURES = 3  # lost workers that Ray Train replaces before it gives up


def run_train(config: TrainConfig, *, fresh: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Train every fold that is not done; go on where an earlier run of the same configuration stopped.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        RaycreError: training failed; finished folds and epochs are kept.
    """
    check_out(config.run.out)
    recipe = recipe_of(config)
    hashes = hash_inputs(config.paths())
    first_network(config)  # sizes, or a checkpoint, that do not fit are refused before anything is written
    signals = Signals(signal_paths(config.inputs, config.model.modalities))
    table, counts = read_labelled(config, signals)
    plan = _plan(config, table["fold"].to_numpy(np.int64))
    if dry_run:
        return {"dry_run": True, "regions": counts, **_cost(config, plan, table)}
    run = open_run(
        config.run.out,
        verb="train",
        name=config.run.name,
        config=config.model_dump(mode="json"),
        science={**config.science(), "sha256": hashes},
        layout=config.layout(),
        fresh=fresh,
    )
    run.note(regions=counts, loops_dropped=signals.loops_dropped, recipe=asdict(recipe))
    say_dropped("labelled regions", counts, signals.loops_dropped)
    write_inputs(run.out / "inputs", table, signals, recipe.flank)
    write_table(run.out / "plan.parquet", as_table(plan, FOLDS, run.metadata))
    pending = _ledger(config).pending(plan["unit"])
    todo = [int(k) for k, unit in zip(plan["fold"], plan["unit"], strict=True) if unit in pending]
    if todo:
        _train(config, todo, run)
    return _finish(run, plan["fold"].tolist())


def _train(config: TrainConfig, todo: list[int], run: Run) -> None:
    resources = config.resources
    absolute = config.run.model_copy(update={"out": run.out.resolve()})
    order = {
        "config": config.model_copy(update={"run": absolute}),
        "folds": todo,
        "metadata": run.metadata,
    }
    with connected(), _watched(config, todo):
        cpus, gpus = resources.cpus_per_worker, resources.gpus_per_worker
        n = replicas(resources.folds_at_once, cpus=cpus, gpus=gpus, most=len(todo))
        scaling = ray.train.ScalingConfig(
            num_workers=n,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
        )
        trainer = TorchTrainer(
            _worker,
            train_loop_config=order,
            scaling_config=scaling,
            run_config=ray.train.RunConfig(
                name=uuid.uuid4().hex,  # never an older run's: our own files say how far each fold is
                storage_path=str(run.out.resolve() / RAY_FOLDER),
                failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
            ),
        )
        try:
            trainer.fit()
        except ray.train.TrainingFailedError as error:
            raise RaycreError(
                f"training stopped: {error}; finished epochs are kept, run again to go on"
            ) from error
    shutil.rmtree(run.out / RAY_FOLDER, ignore_errors=True)


def _worker(order: dict[str, Any]) -> None:
    """Train every n-th fold, n being the number of workers; a fold that cannot be trained stops no other."""
    context = ray.train.get_context()
    config: TrainConfig = order["config"]
    arrays = open_inputs(config.run.out / "inputs")
    for fold in order["folds"][context.get_world_rank() :: context.get_world_size()]:
        trouble = fold_folder(config.run.out, fold) / TROUBLE
        trouble.unlink(missing_ok=True)
        try:
            train_fold(config, fold, arrays, order["metadata"])
        except Exception as error:
            # Not raised: Ray Train would start all workers anew, three times, for what happens again.
            write_json(trouble, {"error": f"{type(error).__name__}: {error}"})
    ray.train.report({})


@contextmanager
def _watched(config: TrainConfig, todo: list[int]) -> Iterator[None]:
    """Show finished epochs of all folds while they train; a fold that stopped early counts whole."""
    epochs, over = config.recipe.epochs, threading.Event()

    def finished() -> int:
        total = 0
        for path in (fold_folder(config.run.out, k) / PROGRESS for k in todo):
            if path.is_file():
                seen = read_json(path)
                total += epochs if seen["stop"] else seen["epochs"]
        return total

    with progress(f"epochs of {len(todo)} folds", epochs * len(todo), finished()) as show:

        def watch() -> None:
            while not over.wait(1.0):
                show(finished())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            show(finished())


def _plan(config: TrainConfig, fold_of: NDArray[np.int64]) -> pd.DataFrame:
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


def _finish(run: Run, folds: list[int]) -> dict[str, Any]:
    """Remake the metrics from the folds' predictions; raise when a fold is missing."""
    done = [k for k in folds if (fold_folder(run.out, k) / CUTOFFS).is_file()]
    if done:
        every = pd.concat([_metrics(run, k) for k in done])
        write_table(run.out / "summary" / "metrics.parquet", as_table(every, METRICS, run.metadata))
        macro = every[every["class"] == metrics.MACRO].groupby("metric")["value"]
        scores = {str(m): {"mean": float(v.mean()), "sd": float(v.std(ddof=0))} for m, v in macro}
        run.note(metrics=scores)
    record = run.finish(folds_done=done)
    missing = sorted(set(folds) - set(done))
    if missing:
        said = [fold_folder(run.out, k) / TROUBLE for k in missing]
        why = "; ".join(read_json(p)["error"] for p in said if p.is_file()) or "their workers were lost"
        raise RaycreError(f"folds {', '.join(map(str, missing))} are not trained: {why}")
    return record


def _metrics(run: Run, fold: int) -> pd.DataFrame:
    rows = read_table(fold_folder(run.out, fold) / "predictions.parquet").to_pandas()
    test = rows[rows["set"] == "test"]
    labels = np.array([CLASSES.index(c) for c in test["label"]])
    found = metrics.table(labels, test[[f"p_{c}" for c in CLASSES]].to_numpy())
    return found.assign(fold=fold)


def _cost(config: TrainConfig, plan: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Time one training step and one validation pass here; count views and bytes."""
    recipe = recipe_of(config)
    labels = table["label"].to_numpy()
    share = float(plan["n_train"].sum() / len(table))
    views = 2 * int(np.bincount(labels, minlength=len(CLASSES)) @ np.array(recipe.ratios)) * share
    seconds, flops = time_step(config)
    pending = _ledger(config).pending(plan["unit"])
    width = WIDTH + 2 * recipe.flank
    per_base = 1 + 4 * (len(config.model.modalities) - 1)
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
