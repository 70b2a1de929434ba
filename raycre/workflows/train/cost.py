"""What a training costs: a step and an evaluation timed here, times the views and regions of its folds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from raycre.create.fold_data import FoldData
from raycre.create.layout import CLASSES, WIDTH
from raycre.create.training.epoch import evaluate, start_fold, train_epoch
from raycre.create.views import both_strands, training_samples
from raycre.engine.local_ray import usable_cpus
from raycre.workflows.timing import TRAIN_START, Timed, outlook, timed
from raycre.workflows.train.fold import ledger_of
from raycre.workflows.train.plan import TrainPlan


class StepCost(NamedTuple):
    """What training costs here: a view in an epoch, with FLOPs; a region that is evaluated, all its views."""

    view: Timed
    evaluated: Timed


def time_step(plan: TrainPlan) -> StepCost:
    """Train on and evaluate one batch of up to 64 random windows here, again and again."""
    recipe = replace(plan.recipe, ratios=(1, 1, 1, 1, 1))
    torch.set_num_threads(min(plan.share.cpus, usable_cpus()))
    n = min(recipe.batch_size, 64)
    width = WIDTH + 2 * recipe.flank
    rng = np.random.default_rng(0)
    tracks = rng.random((n, width), np.float32)
    rows = np.arange(n)
    classes = plan.network.classes
    labels = np.array([CLASSES.index(name) for name in classes])[rows % len(classes)]
    data = FoldData(rng.integers(0, 4, (n, width), np.uint8), tracks, tracks, labels, rows, rows, rows)
    state = start_fold(0, recipe, 0, plan.network.build)
    epochs = itertools.count()
    epoch = timed(lambda: train_epoch(state, data, recipe.warmup_epochs, next(epochs)))
    views = both_strands(recipe.eval_ratio, recipe.stride)
    evaluation = timed(lambda: evaluate(state.model, data, rows, views))
    return StepCost(
        Timed(epoch.cpu_seconds / (2 * n), epoch.flops // (2 * n)),
        Timed(evaluation.cpu_seconds / n, evaluation.flops // n),
    )


def cost_of(plan: TrainPlan, folds: pd.DataFrame, table: pd.DataFrame, started: float) -> dict[str, Any]:
    """Time training and evaluation here; count views and bytes.

    Every fold is counted with all of its epochs.

    Args:
        plan: of the training.
        folds: rows of FOLDS.
        table: labelled regions.
        started: processor time at which the verb began.
    """
    recipe = plan.recipe
    labels = table["label"].to_numpy()
    pending = ledger_of(plan).pending(folds["unit"])
    todo = folds[folds["unit"].isin(pending)]
    rows = np.arange(len(labels))
    samples = training_samples(labels, rows, recipe.ratios, recipe.stride, recipe.strands).rows
    kept = np.array(recipe.keep)[labels[samples]].sum()
    per_region = float(kept) / len(table)  # views; as many in every fold, whose regions are stratified
    views = recipe.epochs * float(todo["n_train"].sum()) * per_region
    evaluated = float((todo["n_validation"] * (recipe.epochs + 1) + todo["n_test"]).sum())
    cost = time_step(plan)
    width = WIDTH + 2 * recipe.flank
    # Bases are always there; a track has 4 bytes at most (whole reads and loops take 2 + 1).
    per_base = 1 + 4 * len({"openness", "loops"} & set(plan.network.modalities))
    return {
        "folds": len(folds),
        "folds_done": len(folds) - len(pending),
        "views_per_epoch_and_fold": round(float(folds["n_train"].sum()) * per_region / len(folds)),
        "epochs_at_most": recipe.epochs,
        "flops_at_most": round(views * cost.view.flops + evaluated * cost.evaluated.flops),
        "bytes_of_inputs": len(table) * width * per_base,
        "cpu_seconds_per_view": round(cost.view.cpu_seconds, 6),
        "cpu_seconds_per_evaluation": round(cost.evaluated.cpu_seconds, 6),
        **outlook_of(
            views * cost.view.cpu_seconds + evaluated * cost.evaluated.cpu_seconds,
            len(pending),
            plan,
            started,
        ),
    }


def outlook_of(cpu_seconds: float, n_folds: int, plan: TrainPlan, started: float) -> dict[str, Any]:
    """How long training takes; a replica is a group of workers that share a fold."""
    share, size = plan.share, plan.workers_per_fold
    return outlook(
        cpu_seconds,
        units=n_folds,
        asked=share.most,
        cpus=size * share.cpus,
        gpus=share.gpus,
        started=started,
        framework=TRAIN_START,
        memory=size * share.memory,
    )
