"""Trained folds on disk: written by training, read by prediction. Weights travel as safetensors only."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from raycre.create.inference.ensemble import Ensemble
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.network import Network
from raycre.create.model.weight_files import Weights, read_model, read_network, read_weight_file
from raycre.errors import CheckpointError, ConfigError, MissingInputError
from raycre.genome.fingerprint import Fingerprint, read_hashed
from raycre.published.cache import resolve
from raycre.store.files import STAMP, parse_json, read_json
from raycre.store.location import path_of
from raycre.store.run import NO_TRAINING, check_training, digest_of

WEIGHTS, CUTOFFS, HELD_OUT = "best.safetensors", "cutoffs.json", "predictions.parquet"  # of a fold's folder


@dataclass(frozen=True)
class FoldCutoffs:
    """What a fold's cutoffs.json holds, by class; NaN of a class that was not trained.

    Attributes:
        thresholds: float (5,), smallest probabilities of a call.
        fpr: float (5,), false positive rates that they have on the validation set.
        digest: hash of the values.
        fingerprint: of the file.
    """

    thresholds: tuple[float, ...]
    fpr: tuple[float, ...]
    digest: str
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Training:
    """A folder of `raycre train`, and the folds of it that are used.

    Attributes:
        path: the folder.
        n_folds: of the training.
        n_views: of each probability that its cutoffs rest on; None where the record does not say.
        folds: those that are used.
        cutoffs: of each of them.
    """

    path: Path
    n_folds: int
    n_views: int | None
    folds: tuple[int, ...]
    cutoffs: tuple[FoldCutoffs, ...]


@dataclass(frozen=True)
class Checkpoint:
    """Models that can be used: a training's folds, or one file of weights. Each file is read once.

    Attributes:
        path: folder of the training run, or the file, cached where it is a published one.
        folds: numbers of the folds; (0,) for a file.
        models: of the folds, on the CPU.
        sha256: hash over the folds' weights and cutoffs, in order; of the weights alone where it is a file.
            Which run wrote them is not in it: equal models have one hash.
        fingerprints: of these files.
        training: where it is the folder of one.
        cpu_seconds: processor time that reading took.
    """

    path: Path
    folds: tuple[int, ...]
    models: tuple[Network, ...]
    sha256: str
    fingerprints: tuple[Fingerprint, ...]
    training: Training | None
    cpu_seconds: float

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the models read."""
        return tuple(self.models[0].modalities)

    @property
    def classes(self) -> tuple[str, ...]:
        """What they were trained on."""
        return self.models[0].classes

    @property
    def n_codes(self) -> int | None:
        """K of their codebooks; None where they have none."""
        quantizer = self.models[0].quantizer if isinstance(self.models[0], Create) else None
        return len(quantizer.codebook) if isinstance(quantizer, SplitQuantizer) else None

    def uses(self, key: str) -> bool:
        """Whether the configuration key of an input file is read for these modalities."""
        signal = key.removeprefix("inputs.").split("[")[0]
        return signal not in ("openness", "loops") or signal in self.modalities

    def check_signals(self, given: Collection[str]) -> None:
        """Raise where a modality of the models has no file; `given` are those that have one."""
        for name in ("openness", "loops"):
            if name in self.modalities and name not in given:
                raise ConfigError(
                    f"{self.path} was trained on {', '.join(self.modalities)}: give inputs.{name}"
                )

    def check_cutoffs(self, given: Mapping[str, float | None]) -> None:
        """Raise where cutoffs by class are given that are not one for each that the models can call."""
        for name, cutoff in given.items():
            if cutoff is None and name in self.classes:
                raise ConfigError(f"model.cutoffs: there is none for {name}; give one for each class trained")
            if cutoff is not None and name not in self.classes:
                raise ConfigError(
                    f"model.cutoffs: the models were not trained on {name} ({', '.join(self.classes)}); "
                    "leave its cutoff out",
                    value=cutoff,
                )


def fold_folder(out: Path, fold: int) -> Path:
    """Return the folder of one fold."""
    return out / "folds" / f"fold={fold}"


def read_checkpoint(folder: Path, folds: Literal["all"] | tuple[int, ...]) -> Checkpoint:
    """See which folds of a training can be used, and load their weights. Or those of a file.

    Raises:
        MissingInputError: no training there, and no file; registry:NAME that is not in the cache.
        ConfigError: no fold is named, or one twice.
        CheckpointError: folds that are not finished, damaged weights or cutoffs, or weights of another shape.
    """
    started = time.process_time()
    folder = path_of(resolve(str(folder)))
    if folds != "all" and (not folds or len(set(folds)) < len(folds)):
        raise ConfigError("model.folds: name each fold once, or all", value=list(folds))
    if folder.is_file():
        if folds != "all":
            raise ConfigError("model.folds: a file of weights has no folds; leave it out", value=list(folds))
        alone = read_weight_file(folder, of_train=False)
        seconds = time.process_time() - started
        return Checkpoint(folder, (0,), (alone.model,), alone.sha256, (alone.fingerprint,), None, seconds)
    training = read_training(folder, folds)
    weights = [read_weight_file(fold_folder(folder, k) / WEIGHTS, of_train=True) for k in training.folds]
    _check_alike(training, weights)
    digest, prints = hashlib.sha256(), []
    for of_fold, cutoffs in zip(weights, training.cutoffs, strict=True):
        digest.update(of_fold.sha256.encode() + cutoffs.digest.encode())
        prints += [of_fold.fingerprint, cutoffs.fingerprint]
    models = tuple(of_fold.model for of_fold in weights)
    seconds = time.process_time() - started
    return Checkpoint(folder, training.folds, models, digest.hexdigest(), tuple(prints), training, seconds)


def read_training(folder: Path, folds: Literal["all"] | tuple[int, ...]) -> Training:
    """Read what a training's folder says of its folds, without their weights; errors as `read_checkpoint`."""
    record_path = folder / "run.json"
    if not record_path.is_file():
        raise MissingInputError(NO_TRAINING, path=folder)
    record = read_json(record_path)
    check_training(folder, record)
    n, ratio = int(record["config"]["folds"]["n"]), record["config"].get("recipe", {}).get("eval_ratio")
    wanted = tuple(range(n)) if folds == "all" else folds
    missing = [k for k in wanted if not (fold_folder(folder, k) / CUTOFFS).is_file()]
    if missing:
        raise CheckpointError(
            f"folds {', '.join(map(str, missing))} are not trained; finish the training, or name the folds "
            "to use in model.folds",
            path=folder,
        )
    cutoffs = tuple(read_cutoffs(fold_folder(folder, k) / CUTOFFS) for k in wanted)
    n_views = None if ratio is None else 2 * int(ratio)  # both strands
    return Training(folder, n, n_views, wanted, cutoffs)


def _check_alike(training: Training, weights: Sequence[Weights]) -> None:
    """Raise where models of folds do not read the same, or were not trained on the same classes."""
    first = weights[0].model
    for fold, (model, _, _) in zip(training.folds, weights, strict=True):
        path = fold_folder(training.path, fold) / WEIGHTS
        if model.modalities != first.modalities:
            raise CheckpointError(f"reads {model.modalities}, other folds read {first.modalities}", path=path)
        if model.classes != first.classes:
            raise CheckpointError(
                f"was trained on {', '.join(model.classes)}, fold {training.folds[0]} on "
                f"{', '.join(first.classes)}; only folds of the same classes can be averaged",
                path=path,
            )


def load_ensemble(
    path: Path, folds: tuple[int, ...], n_views: int, device: torch.device, cutoffs: Sequence[float]
) -> Ensemble:
    """Load folds, or a file, onto a device; `cutoffs` are of their mean probability, by class."""
    if path.is_file():
        models = [read_network(path)]
    else:
        models = [read_model(fold_folder(path, k) / WEIGHTS) for k in folds]
    return Ensemble([model.to(device) for model in models], np.array(cutoffs, np.float32), n_views, device)


def read_cutoffs(path: Path) -> FoldCutoffs:
    """Read a fold's cutoffs and their rates, in the order of the classes.

    Raises:
        CheckpointError: a class without a cutoff.
        FormatError: not JSON.
    """
    content, read = read_hashed(path)
    held = parse_json(content, path)
    try:
        given = [held["thresholds"][name] for name in CLASSES]
        thresholds = tuple(math.nan if value is None else float(value) for value in given)
        rates = [held.get("fpr", {}).get(name) for name in CLASSES]
        fpr = tuple(math.nan if rate is None else float(rate) for rate in rates)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"no cutoff for every class ({error!r}); train the fold again", path=path
        ) from error
    digest = digest_of({key: value for key, value in held.items() if key != STAMP})
    return FoldCutoffs(thresholds, fpr, digest, read)
