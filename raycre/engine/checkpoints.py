"""Trained folds on disk: written by training, read by prediction. Weights travel as safetensors only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from raycre.config import PredictInputs
from raycre.create.ensemble import Ensemble
from raycre.create.layout import CLASSES
from raycre.create.network import Network
from raycre.create.networks import rebuild
from raycre.errors import CheckpointError, ConfigError, MissingInputError
from raycre.store.files import read_json, sha256_of, write_atomic

WEIGHTS, CUTOFFS = "best.safetensors", "cutoffs.json"
DESCRIPTION = "raycre_network"  # key of the metadata of weights that train writes


@dataclass(frozen=True)
class Checkpoint:
    """A training's folds that can be used.

    Attributes:
        folder: of the training run.
        folds: numbers of the folds.
        modalities: what the models read.
        sha256: hash over the folds' weights and cutoffs, in order.
    """

    folder: Path
    folds: tuple[int, ...]
    modalities: tuple[str, ...]
    sha256: str

    def uses(self, key: str) -> bool:
        """Whether the configuration key of an input file is read for these modalities."""
        signal = key.removeprefix("inputs.").split("[")[0]
        return signal not in ("openness", "loops") or signal in self.modalities

    def check_signals(self, inputs: PredictInputs) -> None:
        """Raise where a modality of the models has no file."""
        for name in ("openness", "loops"):
            if name in self.modalities and not getattr(inputs, name):
                raise ConfigError(
                    f"{self.folder} was trained on {', '.join(self.modalities)}: give inputs.{name}"
                )


def fold_folder(out: Path, fold: int) -> Path:
    """Return the folder of one fold."""
    return out / "folds" / f"fold={fold}"


def read_checkpoint(folder: Path, folds: Literal["all"] | tuple[int, ...]) -> Checkpoint:
    """See which folds of a training can be used, and check that their weights load.

    Raises:
        MissingInputError: no training there.
        ConfigError: no fold is named, or one twice.
        CheckpointError: folds that are not finished, damaged weights or cutoffs, or weights of another shape.
    """
    if folds != "all" and (not folds or len(set(folds)) < len(folds)):
        raise ConfigError("model.folds: name each fold once, or all", value=list(folds))
    record_path = folder / "run.json"
    if not record_path.is_file():
        raise MissingInputError("model.checkpoint: no training run here (no run.json)", path=folder)
    record = read_json(record_path)
    if record.get("verb") != "train":
        raise CheckpointError("model.checkpoint is the folder of another verb, not of train", path=folder)
    wanted = tuple(range(record["config"]["folds"]["n"])) if folds == "all" else folds
    missing = [k for k in wanted if not (fold_folder(folder, k) / CUTOFFS).is_file()]
    if missing:
        raise CheckpointError(
            f"folds {', '.join(map(str, missing))} are not trained; finish the training, or name the folds "
            "to use in model.folds",
            path=folder,
        )
    modalities, digest = None, hashlib.sha256()
    for fold in wanted:
        path = fold_folder(folder, fold) / WEIGHTS
        model = read_model(path)
        if modalities not in (None, model.modalities):
            raise CheckpointError(f"reads {model.modalities}, other folds read {modalities}", path=path)
        modalities = model.modalities
        _read_cutoffs(path.with_name(CUTOFFS))
        digest.update(sha256_of(path).encode() + sha256_of(path.with_name(CUTOFFS)).encode())
    return Checkpoint(folder, wanted, modalities or (), digest.hexdigest())


def write_model(path: Path, model: Network) -> None:
    """Write weights with what is needed to build the model again."""
    about = json.dumps({"kind": model.kind, **model.describe()})
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_atomic(path, lambda temporary: save_file(state, temporary, metadata={DESCRIPTION: about}))


def read_model(path: Path) -> Network:
    """Build a model from its file, in evaluation mode.

    Raises:
        MissingInputError: no such file.
        CheckpointError: not safetensors, not written by raycre, or tensors of another shape.
    """
    if not path.is_file():
        raise MissingInputError("no weights here", path=path)
    try:
        with safe_open(path, "pt") as file:
            about = (file.metadata() or {}).get(DESCRIPTION)
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        raise CheckpointError(f"not a whole safetensors file ({error})", path=path) from error
    if about is None:
        raise CheckpointError("weights without raycre's description; train wrote no such file", path=path)
    try:
        facts = json.loads(about)
        model = rebuild(facts.pop("kind"), facts)
    except (ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"raycre's description of the model is damaged ({error!r})", path=path
        ) from error
    except CheckpointError as error:
        raise CheckpointError(error.message, path=path, value=error.value) from error
    wrong = _differences(model, {k: tuple(v.shape) for k, v in state.items()})
    if wrong:
        raise CheckpointError(f"tensors of another shape: {'; '.join(wrong[:5])}", path=path)
    model.load_state_dict(state)
    return model.eval()


def _differences(model: Network, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    return [
        f"{name} is {shapes.get(name, 'missing')}, the model has {own.get(name, 'none')}"
        for name in sorted(own.keys() | shapes.keys())
        if own.get(name) != shapes.get(name)
    ]


def load_ensemble(folder: Path, folds: tuple[int, ...], n_views: int, device: torch.device) -> Ensemble:
    """Load folds with their cutoffs onto a device."""
    models = [read_model(fold_folder(folder, k) / WEIGHTS).to(device) for k in folds]
    cutoffs = [_read_cutoffs(fold_folder(folder, k) / CUTOFFS) for k in folds]
    return Ensemble(models, np.array(cutoffs, np.float32), n_views, device)


def _read_cutoffs(path: Path) -> list[float]:
    """Return a fold's cutoffs in the order of the classes."""
    found = read_json(path)
    try:
        return [float(found["thresholds"][name]) for name in CLASSES]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"no cutoff for every class ({error!r}); train the fold again", path=path
        ) from error
