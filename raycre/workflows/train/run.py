"""`raycre train`: a model of regions in k folds, from its configuration to the metrics of a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.config import TrainConfig
from raycre.create.evaluation import metrics
from raycre.create.evaluation.decoders import DEAD
from raycre.create.evaluation.names import MACRO
from raycre.create.evaluation.projection import wanted_method
from raycre.create.inference.checkpoints import CUTOFFS, fold_folder
from raycre.create.layout import WIDTH
from raycre.create.model.create import Create
from raycre.create.training.recipe import Folds
from raycre.engine.jobs import GROUP
from raycre.errors import ConfigError, RaycreError
from raycre.genome.features import Signals
from raycre.genome.folds import split
from raycre.genome.signal_values import OPENNESS_VALUES, signal_values
from raycre.log import say
from raycre.store.files import read_json
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import FOLDS, METRICS
from raycre.workflows.fresh import Fresh
from raycre.workflows.inputs import (
    look_at_regions,
    signal_paths,
)
from raycre.workflows.pricing import priced
from raycre.workflows.run import Start
from raycre.workflows.train.cost import cost_of
from raycre.workflows.train.curves import read_test_set, write_curves
from raycre.workflows.train.fold import ledger_of, start_network
from raycre.workflows.train.interpretation import constant_decoders, map_methods
from raycre.workflows.train.labels import weights_by_fold
from raycre.workflows.train.materialise import read_labelled, write_inputs
from raycre.workflows.train.plan import TrainPlan, plan_of
from raycre.workflows.train.workers import ERROR_FILE, Job, TrainJobs, train_jobs


def run_train(
    config: TrainConfig, *, fresh: Fresh = False, dry_run: bool = False, train: TrainJobs = train_jobs
) -> dict[str, Any]:
    """Train every fold that is not done; go on where an earlier run of the same configuration stopped.

    Args:
        config: of the run.
        fresh: whether an earlier run in the folder is removed first.
        dry_run: whether only plan and cost are made.
        train: trains the folds: groups of Ray Train's workers.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        RaycreError: training failed; finished folds and epochs are kept.
    """
    with Start("train", config.run.out, fresh=fresh, dry_run=dry_run) as start:
        return _run(config, start, train)


def _run(config: TrainConfig, start: Start, train: TrainJobs) -> dict[str, Any]:
    plan = plan_of(config)
    prints = start.hash_inputs(plan.paths)
    plan = replace(plan, init=prints.get("model.init"))
    signals = Signals(signal_paths(plan.signals, plan.network.modalities, prints))
    labelled = read_labelled(plan, signals)
    plan, table = plan.settle(labelled.classes), labelled.table
    start_network(plan.network, plan.init)  # what does not fit is refused before anything is written
    flank = plan.recipe.flank
    facts = look_at_regions(signals, table, flank)
    start.check_inputs()
    folds = split_folds(plan.folds, table["fold"].to_numpy(np.int64))
    if start.dry_run:
        start.preview()
        cost = cost_of(plan, folds, table, start.started)
        share, left = plan.share.times(plan.workers_per_fold), cost["folds"] - cost["folds_done"]
        cost |= priced(cost, share, left, config.resources.prices())
        return {"dry_run": True, **labelled.facts(), **facts, **cost}
    todo = train is train_jobs and (start.fresh or ledger_of(plan).pending(folds["unit"]))
    run = start.open(
        **plan.identity(start.hashes, labelled.rules),
        share=plan.share.times(plan.workers_per_fold) if todo else None,
        what=GROUP,
        facts={
            "recipe": asdict(plan.recipe),
            **labelled.facts(),
            **weights_by_fold(plan, table),
            "loops_dropped": signals.loops_dropped,
            OPENNESS_VALUES: openness_values(signals, table),
            **facts,
        },
    )
    labelled.say(signals.loops_dropped)
    write_inputs(run.out / "inputs", table, signals, flank, run.metadata)
    say_map([plan])
    train(jobs_of(plan, run, folds), plan.share, plan.workers_per_fold, run.out)
    return finish(run, folds["fold"].tolist())


def openness_values(signals: Signals, table: pd.DataFrame) -> dict[str, Any] | None:
    """Describe the tracks that a model is trained on, for whoever uses it with others; None without any."""
    return signal_values(signals.openness, table, WIDTH) if signals.openness else None


def say_map(plans: Sequence[TrainPlan]) -> None:
    """Say beforehand that the maps of embeddings will be by PCA, where that stands in for UMAP."""
    if wanted_method() == "PCA" and any(plan.network.kind == Create.kind for plan in plans):
        say(
            "embeddings: umap-learn is not installed, so PCA stands in for UMAP on the map of each fold's "
            "regions; pip install 'raycre[umap]' before training for UMAP"
        )


def jobs_of(plan: TrainPlan, run: Run, folds: pd.DataFrame, label: str = "") -> list[Job]:
    """Write the folds to plan.parquet; return those that are not done.

    `label` is what the live table calls the run.
    """
    write_table(run.out / "plan.parquet", as_table(folds, FOLDS, run.metadata))
    plan = replace(plan, out=run.out.resolve())
    return [
        Job(plan, fold, run.metadata, label, run.epoch)
        for fold in ledger_of(plan).todo(folds)["fold"].tolist()
    ]


def split_folds(folds: Folds, fold_of: NDArray[np.int64]) -> pd.DataFrame:
    """Return a row of FOLDS for each fold to train; fold_of: int64 (n,), each region's test fold."""
    n, only = folds.n, folds.only
    if only is not None and (not only or len(set(only)) < len(only)):
        raise ConfigError("folds.only: name each fold once, or leave it out for all", value=list(only))
    rows = []
    for k in folds.trained:
        train, validation, test = (int(mask.sum()) for mask in split(fold_of, k, n))
        rows.append((f"fold={k}", k, train, validation, test))
    return pd.DataFrame(rows, columns=FOLDS.names)


def finish(run: Run, folds: Sequence[int]) -> dict[str, Any]:
    """Remake the metrics from the folds' predictions; raise when a fold is missing."""
    done = [k for k in folds if (fold_folder(run.out, k) / CUTOFFS).is_file()]
    if done:
        every = pd.concat([_metrics(run, k) for k in done])
        write_table(run.out / "summary" / "metrics.parquet", as_table(every, METRICS, run.metadata))
        macro = every[every["class"] == MACRO].groupby("metric")["value"]
        scores = {str(m): {"mean": float(v.mean()), "sd": float(v.std(ddof=0))} for m, v in macro}
        write_curves(run.out, done, run.metadata)
        run.note(metrics=scores, **_interpreted(run, done))
    record = run.finish(folds_done=done)
    missing = sorted(set(folds) - set(done))
    if missing:
        said = [fold_folder(run.out, k) / ERROR_FILE for k in missing]
        why = "; ".join(read_json(p)["error"] for p in said if p.is_file()) or "their workers were lost"
        raise RaycreError(f"folds {', '.join(map(str, missing))} are not trained: {why}")
    return record


def _interpreted(run: Run, done: Sequence[int]) -> dict[str, object]:
    """Which decoders are constant and how regions are mapped, of the folds that are done; say the first."""
    folders = {k: fold_folder(run.out, k) for k in done}
    dead = constant_decoders(folders)
    for name, folds in dead.items():
        say(
            f"warning: {run.out.name}: the {name} decoder's output is constant in {len(folds)} of "
            f"{len(done)} folds ({', '.join(map(str, folds))}): over regions it varies by less than "
            f"{DEAD:.0%} of what its input does (decoders.parquet), so that what decoding without a feature "
            f"changes in {name} is void there; train longer, or raise "
            f"recipe.{'reconstruction' if name == 'sequence' else name}"
        )
    maps = map_methods(folders)
    return {"constant_decoders": dead, **({"embedding_maps": maps} if maps else {})}


def _metrics(run: Run, fold: int) -> pd.DataFrame:
    return metrics.table(*read_test_set(run.out, fold)).assign(fold=fold)
