"""Trained folds on disk: written by training, read by prediction. Weights travel as safetensors only."""

from __future__ import annotations

import hashlib
import math
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
from raycre.create.model.weight_files import read_model, read_network, sha256_of_weights
from raycre.errors import CheckpointError, ConfigError, MissingInputError
from raycre.genome.fingerprint import Fingerprint, fingerprint
from raycre.published.cache import resolve
from raycre.store.files import STAMP, read_json
from raycre.store.run import digest_of

WEIGHTS, CUTOFFS, PREDICTIONS = "best.safetensors", "cutoffs.json", "predictions.parquet"


@dataclass(frozen=True)
class Checkpoint:
    """Models that can be used: a training's folds, or one file of weights.

    Attributes:
        path: folder of the training run, or the file, cached where it is a published one.
        folds: numbers of the folds; (0,) for a file.
        modalities: what the models read.
        classes: what they were trained on.
        n_codes: K of their codebooks; None where they have none.
        sha256: hash over the folds' weights and cutoffs, in order; of the weights alone where it is a file.
            Which run wrote them is not in it: equal models have one hash.
        fingerprints: of these files.
    """

    path: Path
    folds: tuple[int, ...]
    modalities: tuple[str, ...]
    classes: tuple[str, ...]
    n_codes: int | None
    sha256: str
    fingerprints: tuple[Fingerprint, ...] = ()

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
    """See which folds of a training can be used, and check that their weights load. Or so for a file.

    Raises:
        MissingInputError: no training there, and no file; registry:NAME that is not in the cache.
        ConfigError: no fold is named, or one twice.
        CheckpointError: folds that are not finished, damaged weights or cutoffs, or weights of another shape.
    """
    folder = Path(resolve(str(folder)))
    if folds != "all" and (not folds or len(set(folds)) < len(folds)):
        raise ConfigError("model.folds: name each fold once, or all", value=list(folds))
    if folder.is_file():
        if folds != "all":
            raise ConfigError("model.folds: a file of weights has no folds; leave it out", value=list(folds))
        model = read_network(folder)
        facts = model.modalities, model.classes, n_codes_of(model)
        return Checkpoint(folder, (0,), *facts, sha256_of_weights(folder), (fingerprint(folder),))
    record_path = folder / "run.json"
    if not record_path.is_file():
        raise MissingInputError("model.checkpoint: no training run here (no run.json)", path=folder)
    record = read_json(record_path)
    if record.get("verb") != "train":
        hint = "; name one of its runs, a folder below sweep/" if record.get("verb") == "sweep" else ""
        raise CheckpointError(
            f"model.checkpoint is the folder of another verb, not of train{hint}", path=folder
        )
    wanted = tuple(range(record["config"]["folds"]["n"])) if folds == "all" else folds
    missing = [k for k in wanted if not (fold_folder(folder, k) / CUTOFFS).is_file()]
    if missing:
        raise CheckpointError(
            f"folds {', '.join(map(str, missing))} are not trained; finish the training, or name the folds "
            "to use in model.folds",
            path=folder,
        )
    first, digest = None, hashlib.sha256()
    prints: list[Fingerprint] = []
    for fold in wanted:
        path = fold_folder(folder, fold) / WEIGHTS
        model = read_model(path)
        first = first or model
        if model.modalities != first.modalities:
            raise CheckpointError(f"reads {model.modalities}, other folds read {first.modalities}", path=path)
        if model.classes != first.classes:
            raise CheckpointError(
                f"was trained on {', '.join(model.classes)}, fold {wanted[0]} on {', '.join(first.classes)}; "
                "only folds of the same classes can be averaged",
                path=path,
            )
        read_cutoffs(path.with_name(CUTOFFS))
        prints += [fingerprint(path), fingerprint(path.with_name(CUTOFFS))]
        cutoffs = {key: v for key, v in read_json(path.with_name(CUTOFFS)).items() if key != STAMP}
        digest.update(sha256_of_weights(path).encode() + digest_of(cutoffs).encode())
    assert first is not None
    facts = first.modalities, first.classes, n_codes_of(first)
    return Checkpoint(folder, wanted, *facts, digest.hexdigest(), tuple(prints))


def n_codes_of(model: Network) -> int | None:
    """Return K, or None of a model without a codebook."""
    quantizer = model.quantizer if isinstance(model, Create) else None
    return len(quantizer.codebook) if isinstance(quantizer, SplitQuantizer) else None


def load_ensemble(
    path: Path, folds: tuple[int, ...], n_views: int, device: torch.device, cutoffs: Sequence[float]
) -> Ensemble:
    """Load folds, or a file, onto a device; `cutoffs` are of their mean probability, by class."""
    if path.is_file():
        models = [read_network(path)]
    else:
        models = [read_model(fold_folder(path, k) / WEIGHTS) for k in folds]
    return Ensemble([model.to(device) for model in models], np.array(cutoffs, np.float32), n_views, device)


def read_cutoffs(path: Path) -> list[float]:
    """Return a fold's cutoffs in the order of the classes; NaN for a class that was not trained."""
    found = read_json(path)
    try:
        given = [found["thresholds"][name] for name in CLASSES]
        return [math.nan if value is None else float(value) for value in given]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"no cutoff for every class ({error!r}); train the fold again", path=path
        ) from error
