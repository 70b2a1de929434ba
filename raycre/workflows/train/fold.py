"""One fold from its first epoch to its cutoffs, with a checkpoint after each epoch. It does not know Ray.

The folder of a fold holds last.pt (state after the newest epoch), then best.safetensors, history.parquet,
predictions.parquet, and cutoffs.json, written last: a fold that has it is done. Since every random number
follows from (seed, fold, epoch), an interrupted epoch is simply done again.
"""

from __future__ import annotations

import io
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from raycre.config import TrainConfig
from raycre.create.inference.checkpoints import CUTOFFS, HELD_OUT, WEIGHTS, fold_folder
from raycre.create.inference.cutoffs import cutoffs
from raycre.create.layout import CLASSES, WIDTH
from raycre.create.model.create import Create
from raycre.create.model.declaration import make
from raycre.create.model.network import Network
from raycre.create.model.sizes import SIZES, Structure
from raycre.create.model.weight_files import initialise, write_model
from raycre.create.training.augment import both_strands
from raycre.create.training.epoch import evaluate, start_fold, train_epoch
from raycre.create.training.fold import FoldData, FoldState, Recipe
from raycre.create.training.loss_weights import Weights
from raycre.engine.local_ray import usable_cpus
from raycre.errors import CheckpointError
from raycre.genome.folds import split
from raycre.published.cache import resolve
from raycre.store.files import STAMP, stamped, write_atomic, write_json
from raycre.store.parquet import as_table, with_metadata, write_table
from raycre.store.schemas import FOLD_PREDICTIONS
from raycre.workflows.devices import prepare
from raycre.workflows.timing import Timed, timed
from raycre.workflows.train.groups import Team
from raycre.workflows.train.interpretation import write_interpretation
from raycre.workflows.train.materialise import Arrays

STATE = "last.pt"
PROGRESS = "progress.json"


def recipe_of(config: TrainConfig) -> Recipe:
    """Return the recipe that a configuration asks for."""
    values = config.recipe.model_dump(exclude={"preset"})
    names = {field.name for field in fields(Weights)}
    weights = Weights(**{key: values.pop(key) for key in names})
    return Recipe(**values, weights=weights)


def network_of(config: TrainConfig) -> Network:
    """Return the model that a configuration asks for, with random weights from torch's generator."""
    model = config.model
    classes = config.inputs.classes or CLASSES
    if model.kind != Create.kind:
        return make(model.kind, model.size, model.modalities, classes)
    named, codebook = SIZES[model.size], model.codebook
    sizes = replace(
        named,
        codes=codebook.K or named.codes,
        splits=codebook.M or named.splits,
        update_ratio=codebook.mu or named.update_ratio,
        classes=len(classes),
    )
    structure = Structure(**{field.name: getattr(model, field.name) for field in fields(Structure)})
    network = Create(sizes, model.modalities, structure)
    network.classes = classes
    return network


def first_network(config: TrainConfig) -> Network:
    """Return the model before its first epoch: with the weights of `model.init`, if that is given."""
    model = network_of(config)
    if config.model.init is not None:
        initialise(model, Path(resolve(str(config.model.init))))
    return model


def fold_data(arrays: Arrays, fold: int, n: int) -> FoldData:
    """Return the training, validation and test rows of a fold over the mapped arrays."""
    train, validation, test = (np.flatnonzero(mask) for mask in split(arrays.folds, fold, n))
    return FoldData(*arrays.wide, arrays.labels, train, validation, test, arrays.replicates)


def train_fold(
    config: TrainConfig,
    fold: int,
    arrays: Arrays,
    metadata: dict[str, str],
    on_epoch: Callable[[int], object] = lambda epoch: None,
    team: Team = Team(),  # noqa: B008 - frozen
) -> None:
    """Train a fold from where its folder stands to its cutoffs.

    The workers of a team call it together, each with its own dropout; the first of them writes.

    Args:
        config: of the run; `run.out` must be reachable from here.
        fold: which set is the test set.
        arrays: materialised inputs.
        metadata: key-value metadata of Parquet files.
        on_epoch: called with the number of finished epochs.
        team: the workers that share the fold's batches.

    Raises:
        CheckpointError: last.pt is damaged, or of another shape.
        RaycreError: the loss is not finite.
        PeerFailedError: another worker of the team could not go on.
    """
    device = prepare(config.resources.cpus_per_worker, config.resources.gpus_per_worker)
    torch.use_deterministic_algorithms(True)
    # Filling costs 8 % of a step, and nothing reads memory before it is written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    folder = fold_folder(config.run.out, fold)
    if team.told((folder / CUTOFFS).is_file):
        return
    data = fold_data(arrays, fold, config.folds.n)
    make = partial(first_network, config)
    state = start_fold(fold, recipe_of(config), config.run.seed, make, device)
    stop = _resume(folder / STATE, state, device, team, metadata)
    group = team.share(state.model)
    while not stop:
        started = time.perf_counter()
        stop = team.step(state, data, config.run.seed, group)
        if team.rank == 0:
            _checkpoint(folder, state, stop, time.perf_counter() - started, metadata)
        on_epoch(state.epoch)
    if team.rank == 0:
        _finish(config, folder, state, data, metadata)
    team.told(lambda: None)  # the others wait here, so that trouble in finishing is trouble of this fold


def _checkpoint(folder: Path, state: FoldState, stop: bool, seconds: float, metadata: dict[str, str]) -> None:
    """Write the state, then what can be looked at meanwhile; times go nowhere else, as no two are equal."""
    saved = {**state.state_dict(), "stop": stop, STAMP: metadata}
    buffer = io.BytesIO()  # on a full disk torch's own writer loses the reason
    torch.save(saved, buffer)
    write_atomic(folder / STATE, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
    _write_history(folder, state, metadata)
    newest = state.history[-1]
    seen = {"loss": newest["loss"], "auprc": newest["auprc"], "best": state.best_auprc, "seconds": seconds}
    shown = {name: value if math.isfinite(value) else None for name, value in seen.items()}
    write_json(folder / PROGRESS, stamped({"epochs": state.epoch, **shown, "stop": stop}, metadata))


def _write_history(folder: Path, state: FoldState, metadata: dict[str, str]) -> None:
    table = pa.Table.from_pandas(pd.DataFrame(state.history))
    write_table(folder / "history.parquet", with_metadata(table, metadata))


def _resume(path: Path, state: FoldState, device: torch.device, team: Team, metadata: dict[str, str]) -> bool:
    """Take over the newest checkpoint, if there is one; return whether training was over.

    All workers of a team take it from the first, so that they stand at the same epoch.
    """
    held = team.told(lambda: path.read_bytes() if path.is_file() else None)
    if held is None:
        return False
    try:
        saved: dict[str, Any] = torch.load(io.BytesIO(held), map_location=device, weights_only=True)
        stop, theirs = bool(saved.pop("stop")), saved.pop(STAMP, {})
        state.load_state_dict(saved)
    except Exception as error:  # damaged bytes can fail in any way inside torch's reader
        raise CheckpointError(
            f"not a whole checkpoint of this fold ({error}); remove the file to train the fold anew",
            path=path,
        ) from error
    digests = {each.get("raycre_digest") for each in (theirs, metadata)} - {None}
    if len(digests) > 1:
        raise CheckpointError(
            "is a checkpoint of another run; remove the file to train the fold anew", path=path
        )
    return stop


def _finish(
    config: TrainConfig, folder: Path, state: FoldState, data: FoldData, metadata: dict[str, str]
) -> None:
    """Write what the best epoch is worth; cutoffs last."""
    # Only warm-up's scores, where the recipe has later epochs beat them, can leave no best model.
    state.model.load_state_dict(state.best_model or state.model.state_dict())
    views = both_strands(state.recipe.eval_ratio, state.recipe.stride)
    sets = {"validation": data.validation, "test": data.test}
    found = {name: evaluate(state.model, data, rows, views) for name, rows in sets.items()}
    tables = [_predictions(name, rows, data, found[name]) for name, rows in sets.items()]
    seed = int(np.random.SeedSequence([config.run.seed, state.fold]).generate_state(1)[0])
    write_interpretation(folder, state.model, data, data.test, metadata, config.interpretation, seed=seed)
    write_model(folder / WEIGHTS, state.model.cpu(), metadata)
    _write_history(folder, state, metadata)
    write_table(folder / HELD_OUT, as_table(pd.concat(tables), FOLD_PREDICTIONS, metadata))
    chosen = cutoffs(data.labels[data.validation], found["validation"])
    facts = {
        "rule": "smallest probability at which at most 1 % of the other classes' validation regions pass",
        "thresholds": _by_class(chosen.thresholds),
        "fpr": _by_class(chosen.fpr),
        "best_epoch": state.best_epoch if state.best_model else state.epoch - 1,  # the model's, above
        "epochs": state.epoch,
    }
    write_json(folder / CUTOFFS, stamped(facts, metadata))


def _by_class(values: np.ndarray) -> dict[str, float | None]:
    """Values by class for JSON; null for a class that was not trained (NaN)."""
    return {c: None if math.isnan(v) else v for c, v in zip(CLASSES, values.tolist(), strict=True)}


def _predictions(name: str, rows: np.ndarray, data: FoldData, probabilities: np.ndarray) -> pd.DataFrame:
    labels = np.array(CLASSES)[data.labels[rows]]
    columns = {f"p_{c}": probabilities[:, i] for i, c in enumerate(CLASSES)}
    return pd.DataFrame({"region_id": rows, "set": name, "label": labels, **columns})


class StepCost(NamedTuple):
    """What training costs here: a view in an epoch, with FLOPs; a region that is evaluated, all its views."""

    view: Timed
    evaluated: Timed


def time_step(config: TrainConfig) -> StepCost:
    """Train on and evaluate one batch of up to 64 random windows here, again and again."""
    recipe = replace(recipe_of(config), ratios=(1,) * len(CLASSES))
    torch.set_num_threads(min(config.resources.cpus_per_worker, usable_cpus()))
    n = min(recipe.batch_size, 64)
    width = WIDTH + 2 * recipe.flank
    rng = np.random.default_rng(0)
    tracks = rng.random((n, width), np.float32)
    rows = np.arange(n)
    classes = config.inputs.classes or CLASSES
    labels = np.array([CLASSES.index(name) for name in classes])[rows % len(classes)]
    data = FoldData(rng.integers(0, 4, (n, width), np.uint8), tracks, tracks, labels, rows, rows, rows)
    state = start_fold(0, recipe, 0, partial(network_of, config))
    epochs = itertools.count()
    epoch = timed(lambda: train_epoch(state, data, recipe.warmup_epochs, next(epochs)))
    views = both_strands(recipe.eval_ratio, recipe.stride)
    evaluation = timed(lambda: evaluate(state.model, data, rows, views))
    return StepCost(
        Timed(epoch.cpu_seconds / (2 * n), epoch.flops // (2 * n)),
        Timed(evaluation.cpu_seconds / n, evaluation.flops // n),
    )
