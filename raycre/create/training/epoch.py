"""Training one fold of CREATE (CREATE Methods, "Model training" and "Model evaluation"), as plain functions.

What is trained on comes as arrays; what must outlive an interruption goes through FoldState.state_dict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from raycre.create.evaluation import metrics
from raycre.create.evaluation.names import AUPRC
from raycre.create.fold_data import FoldData
from raycre.create.inference.fast import classifier_of
from raycre.create.model.losses import class_weights
from raycre.create.model.network import Network
from raycre.create.training.fold import FoldState, Group
from raycre.create.training.recipe import Recipe
from raycre.create.training.schedule import Plateau, limit_norms, make_optimizer, set_rate
from raycre.create.views import Views, both_strands, training_samples
from raycre.errors import LabelError, RaycreError


class EpochReport(NamedTuple):
    """What an epoch brought: its row of the history; is it the best so far; is it the last?"""

    record: dict[str, float]
    improved: bool
    stop: bool


def start_fold(
    fold: int,
    recipe: Recipe,
    seed: int,
    make: Callable[[], Network],
    device: str | torch.device = "cpu",
) -> FoldState:
    """A fold before its first epoch; the weights that `make` draws follow from (seed, fold) alone."""
    _seed_torch(seed, fold, 0)
    model = make().to(device)
    optimizer = make_optimizer(
        recipe.optimizer, model.parameters(), recipe.learning_rate, recipe.momentum, recipe.weight_decay
    )
    return FoldState(fold, recipe, model, optimizer, Plateau())


def step_epoch(state: FoldState, data: FoldData, seed: int, group: Group | None = None) -> EpochReport:
    """Train the next epoch, validate, and decide: the best is kept, and patience ends the fold.

    Warm-up epochs train no classifier: they cannot be the best. They are validated only where the recipe
    scores them (auprc is NaN otherwise); what follows must then beat them.

    Raises:
        RaycreError, LabelError: as train_epoch; LabelError also where validation has but one class.
    """
    recipe, epoch = state.recipe, state.epoch
    warming_up = epoch < recipe.warmup_epochs
    record = {"epoch": float(epoch), **train_epoch(state, data, epoch, seed, group)}
    if recipe.schedule == "plateau":
        state.plateau.step(record["loss"], recipe.learning_rate, warming_up)
    improved, record[AUPRC] = False, math.nan
    if recipe.score_warmup or not warming_up:
        views = both_strands(recipe.eval_ratio, recipe.stride)
        probabilities = evaluate(state.model, data, data.validation, views)
        record[AUPRC] = metrics.macro(metrics.auprc(data.labels[data.validation], probabilities))
        if math.isnan(record[AUPRC]):
            raise LabelError(
                f"validation of fold {state.fold} has regions of one class only; ask for fewer folds"
            )
        improved = record[AUPRC] > state.best_auprc
    if improved:
        state.best_auprc, state.best_epoch = record[AUPRC], epoch
        if not warming_up:
            state.best_model = {k: v.detach().cpu().clone() for k, v in state.model.state_dict().items()}
    state.history.append(record)
    state.epoch = epoch + 1
    return EpochReport(record, improved and not warming_up, state.finished)


def train_epoch(
    state: FoldState, data: FoldData, epoch: int, seed: int, group: Group | None = None
) -> dict[str, float]:
    """One pass over every training view, in an order and with dropout drawn from (seed, fold, epoch).

    An interrupted epoch can so be repeated from the state before it, bit for bit. Seeds torch's
    generators. The views left over after the last whole batch wait for another epoch, unless the recipe
    takes them as a smaller batch.

    Returns:
        Mean over batches of the loss, of each of its terms (unweighted) and of the codebook's perplexity;
        and the learning rate.

    Raises:
        RaycreError: a term is not finite; the state is spoilt, go back to the one before the epoch.
        LabelError: fewer training views than workers.
    """
    group = group or Group()
    recipe, model = state.recipe, state.model
    device = next(model.parameters()).device
    samples = training_samples(data.labels, data.train, recipe.ratios, recipe.stride, recipe.strands)
    batches = _batches(_generator(seed, state.fold, epoch + 1), len(samples.rows), recipe, group.size)
    if not batches:
        raise LabelError(
            f"fold {state.fold} has {len(samples.rows)} training views, in batches of {recipe.batch_size}, "
            f"for {group.size} workers; lower resources.workers_per_fold"
        )
    _seed_torch(seed, state.fold, epoch + 1, group.rank)
    sums: dict[str, Tensor] = {}
    by_class = _weights_of_classes(state, data, device)
    model.train()
    for number, batch in enumerate(batches):
        mine = batch[group.rank :: group.size]
        rows, views = samples.rows[mine], Views(samples.views.offsets[mine], samples.views.is_rc[mine])
        x = data.inputs(rows, views, model.modalities, device, model.log_openness)
        labels = torch.from_numpy(model.outputs_of(data.labels[rows])).to(device)
        set_rate(state.optimizer, recipe.rate_at(epoch, number, len(batches)) * state.plateau.factor)
        state.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            step = model.losses(x, labels, recipe.weights, epoch < recipe.warmup_epochs, **by_class)
        if not torch.isfinite(step.total):
            raise _not_finite(step.terms, f"fold {state.fold}, epoch {epoch}, batch {number}")
        step.total.backward()
        if group.average_gradients is not None:
            group.average_gradients(model)
        state.optimizer.step()
        if recipe.max_norm is not None:
            limit_norms(model, recipe.max_norm)
        for name, value in {"loss": step.total, **step.terms, "perplexity": step.perplexity}.items():
            sums[name] = sums.get(name, torch.zeros((), device=device)) + value.detach()
    return {name: float(value) / len(batches) for name, value in sums.items()} | {
        "learning_rate": recipe.rate_at(epoch, 0, len(batches)) * state.plateau.factor
    }


def _weights_of_classes(state: FoldState, data: FoldData, device: torch.device) -> dict[str, Tensor]:
    """Weights by class as an argument of `Network.losses`; none where the recipe asks for none.

    They follow from the fold's whole training set, whatever part of it this worker trains on.
    """
    if state.recipe.balance != "weights":
        return {}
    model = state.model
    counts = np.bincount(model.outputs_of(data.labels[data.train]), minlength=len(model.classes))
    return {"by_class": torch.from_numpy(class_weights(counts)).to(device)}


def _batches(random: np.random.Generator, n_views: int, recipe: Recipe, workers: int) -> list[np.ndarray]:
    """Cut a random order of the views in batches that all workers can share evenly."""
    size = min(recipe.batch_size, n_views) // workers * workers
    if not size:
        return []
    order = random.permutation(n_views)
    whole = n_views // size * size
    left = order[whole : whole + (n_views - whole) // workers * workers]
    batches = list(order[:whole].reshape(-1, size))
    return batches if recipe.drop_last or not len(left) else [*batches, left]


@torch.no_grad()
def evaluate(
    model: Network, data: FoldData, rows: np.ndarray, views: Views, batch_size: int = 64
) -> np.ndarray:
    """Class probabilities of the regions `rows`, averaged over `views`: float32 (rows, 5).

    NaN in the columns of classes that the model was not trained on.
    """
    if not len(rows):
        raise LabelError("no regions to evaluate; a fold needs regions in validation and in test")
    device = next(model.parameters()).device
    classifier = classifier_of(model.eval())
    means = []
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        wide = data.wide_inputs(part, model.modalities, device, model.log_openness)
        means.append(classifier.probabilities(wide, views).float().cpu().numpy())
    return np.concatenate(means)


def _generator(*identity: int) -> np.random.Generator:
    """Random numbers that follow from what the work is, and not from where or when it runs."""
    return np.random.default_rng(np.random.SeedSequence(identity))


def _seed_torch(*identity: int) -> None:
    torch.manual_seed(int(_generator(*identity).integers(2**32)))


def _not_finite(found: dict[str, Tensor], where: str) -> RaycreError:
    bad = {name: term.item() for name, term in found.items() if not torch.isfinite(term)}
    blame = ", ".join(f"{name} is {value}" for name, value in bad.items()) or "only the sum overflows"
    return RaycreError(
        f"{where}: the loss is not finite: {blame}; lower recipe.learning_rate, or look for outliers in the "
        "tracks (the state after the last whole epoch is kept)"
    )
