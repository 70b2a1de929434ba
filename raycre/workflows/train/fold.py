"""One fold from its first epoch to its cutoffs, with a checkpoint after each epoch.

The folder of a fold holds last.pt (state after the newest epoch), then best.safetensors, history.parquet,
predictions.parquet, and cutoffs.json, written last: a fold that has it is done. Since every random number
follows from (seed, fold, epoch), an interrupted epoch is simply done again.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from raycre.create.evaluation.names import AUPRC
from raycre.create.fold_data import FoldData
from raycre.create.inference.checkpoints import CUTOFFS, HELD_OUT, WEIGHTS, fold_folder
from raycre.create.inference.cutoffs import MAX_FPR, cutoffs
from raycre.create.layout import CLASSES
from raycre.create.model.network import Network
from raycre.create.model.specification import NetworkSpec
from raycre.create.model.weight_files import initialise, read_network, write_model
from raycre.create.training.epoch import evaluate, start_fold
from raycre.create.training.fewer import keep_share
from raycre.create.training.fold import FoldState
from raycre.create.views import both_strands
from raycre.errors import CheckpointError
from raycre.events import FORWARD, emit
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.genome.folds import split
from raycre.store.files import STAMP, stamped, write_atomic, write_json
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, with_metadata, write_table
from raycre.store.schemas import FOLD_PREDICTIONS
from raycre.workflows.devices import prepare
from raycre.workflows.train.groups import Team
from raycre.workflows.train.interpretation import write_interpretation
from raycre.workflows.train.materialise import Arrays
from raycre.workflows.train.plan import TrainPlan

STATE = "last.pt"
PROGRESS = "progress.json"


def start_network(spec: NetworkSpec, init: Fingerprint | None) -> Network:
    """Return the model before its first epoch: with the weights of `init`, if that is given."""
    model = spec.build()
    if init is not None:
        initialise(model, read_start(init), init.path)
    return model


@lru_cache(maxsize=1)
def read_start(init: Fingerprint) -> Network:
    """Read the weights to start from; a process reads a file once, and leaves the model as it is.

    Raises:
        ChangedInputError: another file is there by now.
        CheckpointError: as `read_network`.
    """
    check_unchanged([init])
    return read_network(init.path)


def ledger_of(plan: TrainPlan) -> Ledger:
    """Which folds of a run are done: those that have cutoffs."""
    return Ledger(plan.out, "folds", f"/{CUTOFFS}")


def fold_data(arrays: Arrays, fold: int, n: int, keep: Sequence[float] = ()) -> FoldData:
    """Return the training, validation and test rows of a fold over the mapped arrays.

    Args:
        arrays: of the run.
        fold, n: which of how many.
        keep: share of each class's training regions that are used; empty: all.
    """
    train, validation, test = (np.flatnonzero(mask) for mask in split(arrays.folds, fold, n))
    if any(share < 1 for share in keep):
        train = keep_share(train, arrays.labels, arrays.wide.codes, keep)
    return FoldData(*arrays.wide, arrays.labels, train, validation, test, arrays.replicates)


def train_fold(
    plan: TrainPlan,
    fold: int,
    arrays: Arrays,
    metadata: dict[str, str],
    on_epoch: Callable[[int], object] = lambda epoch: None,
    team: Team = Team(),  # noqa: B008 - frozen
) -> None:
    """Train a fold from where its folder stands to its cutoffs.

    The workers of a team call it together, each with its own dropout; the first of them writes.

    Args:
        plan: of the run; its folder must be reachable from here.
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
    device = prepare(plan.share.cpus, plan.share.gpus)
    # MPS has no such kernel of some operations; there torch warns, and weights may differ in their last bits.
    torch.use_deterministic_algorithms(True, warn_only=device.type == "mps")
    # Filling costs 8 % of a step, and nothing reads memory before it is written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    folder = fold_folder(plan.out, fold)
    if team.broadcast((folder / CUTOFFS).is_file):
        return
    data = fold_data(arrays, fold, plan.folds.n, plan.recipe.keep)
    make = partial(start_network, plan.network, plan.init)
    state = start_fold(fold, plan.recipe, plan.seed, make, device)
    stop = _resume(folder / STATE, state, device, team, metadata)
    group = team.share(state.model)
    while not stop:
        started = time.perf_counter()
        stop = team.step(state, data, plan.seed, group)
        seconds = time.perf_counter() - started
        emit(FORWARD, passes=0, bases=0, seconds=seconds, device=device.type)
        if team.rank == 0:
            _checkpoint(folder, state, stop, seconds, metadata)
        on_epoch(state.epoch)
    if team.rank == 0:
        _finish(plan, folder, state, data, metadata)
    team.broadcast(lambda: None)  # the others wait here: an error in finishing is this fold's


def _checkpoint(folder: Path, state: FoldState, stop: bool, seconds: float, metadata: dict[str, str]) -> None:
    """Write the state, then what can be looked at meanwhile; times go nowhere else, as no two are equal."""
    saved = {**state.state_dict(), "stop": stop, STAMP: metadata}
    buffer = io.BytesIO()  # on a full disk torch's own writer loses the reason
    torch.save(saved, buffer)
    write_atomic(folder / STATE, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
    _write_history(folder, state, metadata)
    newest = state.history[-1]
    seen = {"loss": newest["loss"], AUPRC: newest[AUPRC], "best": state.best_auprc, "seconds": seconds}
    shown = {name: value if math.isfinite(value) else None for name, value in seen.items()}
    write_json(folder / PROGRESS, stamped({"epochs": state.epoch, **shown, "stop": stop}, metadata))


def _write_history(folder: Path, state: FoldState, metadata: dict[str, str]) -> None:
    table = pa.Table.from_pandas(pd.DataFrame(state.history))
    write_table(folder / "history.parquet", with_metadata(table, metadata))


def _resume(path: Path, state: FoldState, device: torch.device, team: Team, metadata: dict[str, str]) -> bool:
    """Take over the newest checkpoint, if there is one; return whether training was over.

    All workers of a team take it from the first, so that they stand at the same epoch.
    """
    held = team.broadcast(lambda: path.read_bytes() if path.is_file() else None)
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
    plan: TrainPlan, folder: Path, state: FoldState, data: FoldData, metadata: dict[str, str]
) -> None:
    """Write what the best epoch is worth; cutoffs last."""
    # Only warm-up's scores, where the recipe has later epochs beat them, can leave no best model.
    state.model.load_state_dict(state.best_model or state.model.state_dict())
    views = both_strands(state.recipe.eval_ratio, state.recipe.stride)
    sets = {"validation": data.validation, "test": data.test}
    found = {name: evaluate(state.model, data, rows, views) for name, rows in sets.items()}
    tables = [_predictions(name, rows, data, found[name]) for name, rows in sets.items()]
    seed = int(np.random.SeedSequence([plan.seed, state.fold]).generate_state(1)[0])
    write_interpretation(folder, state.model, data, data.test, metadata, plan.interpretation, seed=seed)
    write_model(folder / WEIGHTS, state.model.cpu(), metadata)
    _write_history(folder, state, metadata)
    write_table(folder / HELD_OUT, as_table(pd.concat(tables), FOLD_PREDICTIONS, metadata))
    chosen = cutoffs(data.labels[data.validation], found["validation"])
    facts = {
        "rule": f"smallest probability at which at most {100 * MAX_FPR:g} % of the other classes' "
        "validation regions pass",
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
