"""CREATE in k folds: a run folder from its plan to its metrics. Ray Train itself is in walk.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.config import TrainConfig
from raycre.create.evaluation import metrics
from raycre.create.evaluation.projection import wanted_method
from raycre.create.inference.checkpoints import CUTOFFS, fold_folder
from raycre.create.layout import WIDTH
from raycre.create.model.create import Create
from raycre.create.training.augment import training_samples
from raycre.errors import ConfigError, RaycreError
from raycre.genome.features import Signals
from raycre.genome.fingerprint import Fingerprint
from raycre.genome.folds import split
from raycre.log import say
from raycre.store.files import read_json
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import FOLDS, METRICS
from raycre.workflows.fresh import Fresh
from raycre.workflows.inputs import (
    look_at_regions,
    signal_paths,
)
from raycre.workflows.run import Start
from raycre.workflows.timing import TRAIN_START, outlook
from raycre.workflows.train.curves import read_test_set, write_curves
from raycre.workflows.train.decoders import DEAD, constant_decoders
from raycre.workflows.train.fold import first_network, recipe_of, time_step
from raycre.workflows.train.interpretation import map_methods
from raycre.workflows.train.labels import weights_by_fold
from raycre.workflows.train.materialise import read_labelled, write_inputs
from raycre.workflows.train.workers import TROUBLE, Job, train_jobs


def run_train(config: TrainConfig, *, fresh: Fresh = False, dry_run: bool = False) -> dict[str, Any]:
    """Train every fold that is not done; go on where an earlier run of the same configuration stopped.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        RaycreError: training failed; finished folds and epochs are kept.
    """
    start = Start("train", config.run.out, fresh=fresh, dry_run=dry_run)
    recipe = recipe_of(config)
    prints = start.hash_inputs(config.paths())
    signals = Signals(signal_paths(config.inputs, config.model.modalities, prints))
    labelled = read_labelled(config, signals)
    config, table = labelled.settle(config), labelled.table
    first_network(config)  # sizes, or a checkpoint, that do not fit are refused before anything is written
    facts = look_at_regions(signals, table, recipe.flank)
    start.check_inputs()
    plan = plan_folds(config, table["fold"].to_numpy(np.int64))
    if dry_run:
        start.preview()
        return {"dry_run": True, **labelled.facts(), **facts, **cost_of(config, plan, table, start.started)}
    run = start.open(
        **identity_of(config, start.hashes, labelled.rules),
        facts={
            "recipe": asdict(recipe_of(config)),
            **labelled.facts(),
            **weights_by_fold(config, table),
            "loops_dropped": signals.loops_dropped,
            **facts,
        },
    )
    labelled.say(signals.loops_dropped)
    write_inputs(run.out / "inputs", table, signals, recipe.flank, run.metadata)
    say_map([config])
    train_jobs(jobs_of(config, run, plan, init=prints.get("model.init")), config.resources, run.out)
    return finish(run, plan["fold"].tolist())


def identity_of(config: TrainConfig, hashes: Mapping[str, str], rules: Mapping[str, str]) -> dict[str, Any]:
    """Return which training a folder holds, as `open_run` takes it.

    Args:
        config: of the run.
        hashes: of its input files, by their key.
        rules: of its labels.
    """
    workers = config.resources.workers_per_fold
    return {
        "name": config.run.name,
        "config": config.model_dump(mode="json"),
        "science": {**config.science(), **rules, "sha256": dict(hashes)},
        # Workers of one fold draw dropout of their own and add up in their own order: no fold may mix them.
        "layout": {**config.layout(), **({"workers_per_fold": workers} if workers > 1 else {})},
        "inputs": hashes,
    }


def say_map(configs: Sequence[TrainConfig]) -> None:
    """Say beforehand that the maps of embeddings will be by PCA, where that stands in for UMAP."""
    if wanted_method() == "PCA" and any(config.model.kind == Create.kind for config in configs):
        say(
            "embeddings: umap-learn is not installed, so PCA stands in for UMAP on the map of each fold's "
            "regions; pip install 'raycre[umap]' before training for UMAP"
        )


def jobs_of(
    config: TrainConfig, run: Run, plan: pd.DataFrame, label: str = "", *, init: Fingerprint | None = None
) -> list[Job]:
    """Write the plan; return the folds that are not done.

    `label` is what the live table calls the run; `init` is of the weights to start from.
    """
    write_table(run.out / "plan.parquet", as_table(plan, FOLDS, run.metadata))
    absolute = config.run.model_copy(update={"out": run.out.resolve()})
    config = config.model_copy(update={"run": absolute})
    todo = _ledger(config).todo(plan)["fold"].tolist()
    return [Job(config, fold, run.metadata, label, init) for fold in todo]


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
        run.note(metrics=scores, **_interpreted(run, done))
    record = run.finish(folds_done=done)
    missing = sorted(set(folds) - set(done))
    if missing:
        said = [fold_folder(run.out, k) / TROUBLE for k in missing]
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


def cost_of(config: TrainConfig, plan: pd.DataFrame, table: pd.DataFrame, started: float) -> dict[str, Any]:
    """Time training and evaluation here; count views and bytes.

    `started` is the processor time at which the verb began. Every fold is counted with all of its epochs.
    """
    recipe = recipe_of(config)
    labels = table["label"].to_numpy()
    pending = _ledger(config).pending(plan["unit"])
    todo = plan[plan["unit"].isin(pending)]
    rows = np.arange(len(labels))
    samples = training_samples(labels, rows, recipe.ratios, recipe.stride, recipe.strands).rows
    per_region = len(samples) / len(table)  # views; as many in every fold, whose regions are stratified
    views = recipe.epochs * float(todo["n_train"].sum()) * per_region
    evaluated = float((todo["n_validation"] * (recipe.epochs + 1) + todo["n_test"]).sum())
    cost = time_step(config)
    width = WIDTH + 2 * recipe.flank
    # Codes are always there; a track has 4 bytes at most (whole reads and loops take 2 + 1).
    per_base = 1 + 4 * len({"openness", "loops"} & set(config.model.modalities))
    return {
        "folds": len(plan),
        "folds_done": len(plan) - len(pending),
        "views_per_epoch_and_fold": round(float(plan["n_train"].sum()) * per_region / len(plan)),
        "epochs_at_most": recipe.epochs,
        "flops_at_most": round(views * cost.view.flops + evaluated * cost.evaluated.flops),
        "bytes_of_inputs": len(table) * width * per_base,
        "cpu_seconds_per_view": round(cost.view.cpu_seconds, 6),
        "cpu_seconds_per_evaluation": round(cost.evaluated.cpu_seconds, 6),
        **outlook_of(
            views * cost.view.cpu_seconds + evaluated * cost.evaluated.cpu_seconds,
            len(pending),
            config,
            started,
        ),
    }


def outlook_of(cpu_seconds: float, n_folds: int, config: TrainConfig, started: float) -> dict[str, Any]:
    """How long training takes; a replica is a group of workers that share a fold."""
    resources = config.resources
    size = resources.workers_per_fold
    return outlook(
        cpu_seconds,
        units=n_folds,
        asked=resources.folds_at_once,
        cpus=size * resources.cpus_per_worker,
        gpus=resources.gpus_per_worker,
        started=started,
        framework=TRAIN_START,
    )
