"""Training one fold of CREATE (CREATE Methods, "Model training" and "Model evaluation"), as plain functions.

Knows nothing of Ray, of files or of other folds: what is trained on comes as arrays, what must outlive
an interruption goes through FoldState.state_dict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from raycre.create import losses, metrics
from raycre.create.augment import Views, both_strands, training_samples
from raycre.create.fold import FoldData, FoldState, Group, Recipe
from raycre.create.layout import MODALITIES
from raycre.create.model import Create, Sizes
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
    sizes: Sizes | None = None,
    modalities: Sequence[str] = MODALITIES,
    device: str | torch.device = "cpu",
) -> FoldState:
    """A fold before its first epoch; its weights follow from (seed, fold) alone."""
    _seed_torch(seed, fold, 0)
    model = Create(sizes, modalities).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, fused=True)
    return FoldState(fold, recipe, model, optimizer)


def step_epoch(state: FoldState, data: FoldData, seed: int, group: Group | None = None) -> EpochReport:
    """Train the next epoch, validate, and decide: the best is kept, and patience ends the fold.

    Warm-up epochs train no classifier: they are not validated (auprc is NaN) and cannot be the best.

    Raises:
        RaycreError, LabelError: as train_epoch; LabelError also where validation has but one class.
    """
    recipe, epoch = state.recipe, state.epoch
    record = {"epoch": float(epoch), **train_epoch(state, data, epoch, seed, group)}
    improved = False
    record["auprc"] = math.nan
    if epoch >= recipe.warmup_epochs:
        views = both_strands(recipe.eval_ratio, recipe.stride)
        probabilities = evaluate(state.model, data, data.validation, views)
        record["auprc"] = metrics.macro(metrics.auprc(data.labels[data.validation], probabilities))
        if math.isnan(record["auprc"]):
            raise LabelError(f"validation of fold {state.fold} has regions of one class only")
        improved = record["auprc"] > state.best_auprc
    if improved:
        state.best_auprc, state.best_epoch = record["auprc"], epoch
        state.best_model = {k: v.detach().cpu().clone() for k, v in state.model.state_dict().items()}
    state.history.append(record)
    state.epoch = epoch + 1
    return EpochReport(record, improved, state.finished)


def train_epoch(
    state: FoldState, data: FoldData, epoch: int, seed: int, group: Group | None = None
) -> dict[str, float]:
    """One pass over every training view, in an order and with dropout drawn from (seed, fold, epoch).

    An interrupted epoch can so be repeated from the state before it, bit for bit. Seeds torch's
    generators. The views left over after the last whole batch wait for another epoch.

    Returns:
        Mean over batches of the loss, of each of its terms (unweighted) and of the codebook's perplexity.

    Raises:
        RaycreError: a term is not finite; the state is spoilt, go back to the one before the epoch.
        LabelError: fewer training views than workers.
    """
    group = group or Group()
    recipe, model = state.recipe, state.model
    device = next(model.parameters()).device
    samples = training_samples(data.labels, data.train, recipe.ratios, recipe.stride)
    batch_size = min(recipe.batch_size, len(samples.rows)) // group.size * group.size
    if not batch_size:
        raise LabelError(f"fold {state.fold} has {len(samples.rows)} training views for {group.size} workers")
    warming_up = epoch < recipe.warmup_epochs
    weights = (
        replace(recipe.weights, reconstruction=1.0, classification=0.0) if warming_up else recipe.weights
    )
    order = _generator(seed, state.fold, epoch + 1).permutation(len(samples.rows))
    _seed_torch(seed, state.fold, epoch + 1, group.rank)
    n_batches = len(order) // batch_size
    sums: dict[str, Tensor] = {}
    model.train()
    for batch in order[: n_batches * batch_size].reshape(n_batches, batch_size):
        mine = batch[group.rank :: group.size]
        rows, views = samples.rows[mine], Views(samples.views.offsets[mine], samples.views.is_rc[mine])
        x = data.inputs(rows, views, model.modalities, device)
        labels = torch.from_numpy(data.labels[rows].astype(np.int64)).to(device)
        output = model(x)
        found = losses.terms(output, x, labels, model.modalities, weights, model.weight_tensors())
        loss = losses.total(found, weights)
        if not torch.isfinite(loss):
            raise _not_finite(found, state.fold, epoch)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if group.average_gradients is not None:
            group.average_gradients(model)
        state.optimizer.step()
        for name, value in {"loss": loss, **found, "perplexity": output.perplexity}.items():
            sums[name] = sums.get(name, torch.zeros((), device=device)) + value.detach()
    return {name: float(value) / n_batches for name, value in sums.items()}


@torch.no_grad()
def evaluate(
    model: Create, data: FoldData, rows: np.ndarray, views: Views, batch_size: int = 64
) -> np.ndarray:
    """Class probabilities of the regions `rows`, averaged over `views`: float32 (rows, classes)."""
    if not len(rows):
        raise LabelError("no regions to evaluate; a fold needs regions in validation and in test")
    device = next(model.parameters()).device
    model.eval()
    means = []
    for start in range(0, len(rows), batch_size):
        part = rows[start : start + batch_size]
        total = torch.zeros(len(part), model.sizes.classes, device=device)
        for offset, is_rc in zip(*views, strict=True):
            view = Views(np.full(len(part), offset), np.full(len(part), is_rc))
            total += torch.softmax(model.classify(data.inputs(part, view, model.modalities, device)), dim=1)
        means.append((total / len(views.is_rc)).cpu().numpy())
    return np.concatenate(means)


def _generator(*identity: int) -> np.random.Generator:
    """Random numbers that follow from what the work is, and not from where or when it runs."""
    return np.random.default_rng(np.random.SeedSequence(identity))


def _seed_torch(*identity: int) -> None:
    torch.manual_seed(int(_generator(*identity).integers(2**32)))


def _not_finite(found: dict[str, Tensor], fold: int, epoch: int) -> RaycreError:
    bad = {name: term.item() for name, term in found.items() if not torch.isfinite(term)}
    blame = ", ".join(f"{name} is {value}" for name, value in bad.items()) or "only the sum overflows"
    return RaycreError(
        f"fold {fold}, epoch {epoch}: the loss is not finite: {blame}; lower the learning rate, or look for "
        "NaN and negative values in the tracks"
    )
