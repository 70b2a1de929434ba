"""What training one fold of CREATE takes: its recipe, its data, its state, and the workers that share it.

Knows nothing of how an epoch runs (recipe.py), of files or of Ray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from raycre.create.layout import CLASSES
from raycre.create.model.network import Network
from raycre.create.training.augment import EVAL_RATIO, RATIOS, STRIDE, Views, flank, to_input, view_input
from raycre.create.training.loss_weights import AUTHORS_CODE, Weights
from raycre.create.training.schedule import Plateau
from raycre.errors import ConfigError, RaycreError


@dataclass(frozen=True)
class Recipe:
    """How a fold is trained; the defaults are the paper's, and the authors' code's for what it adds.

    Attributes:
        epochs: at most.
        warmup_epochs: reconstruction and encoder error only (authors' code; none in the paper).
        batch_size: windows.
        learning_rate: of the optimiser at the start. warmup_rate, warmup_decay: in warm-up, if others.
        schedule: "constant" (paper), or "plateau": halved when the training loss has not fallen for
            PLATEAU_PATIENCE epochs (authors' code).
        optimizer: "adam" (both); the others are for baselines as published.
        momentum: of sgd. decay: learning rate / (1 + decay · steps); warm-up counts its own steps.
        weight_decay: L2 in the gradient.
        max_norm: largest L2 norm of a row of any convolution or linear weight after a step; None: free.
        patience: epochs without a gain in validation auPRC, counted after warm-up, that end the fold.
        stop_from: no fold ends early before this epoch (200 in the authors' code; 0 in the paper).
        score_warmup: validate in warm-up too; a later epoch must beat those scores to be kept
            (authors' code).
        drop_last: leave out the windows after the last whole batch of an epoch (authors' code).
        balance: of classes that are not equally many: "shifts", as `ratios` says (paper); "weights" in the
            cross-entropy (losses.class_weights); or "none". The last two go with one ratio for all.
        ratios: shifts by class in training. eval_ratio: shifts in validation and test.
        stride: bp between shifts.
        strands: reverse complements of "every" shift (authors' code) or of the "original" window only
            (as the paper can be read), in training.
        precision: "float32", or "bfloat16" for the forward pass where the device has it.
        weights: of the loss's terms.
    """

    epochs: int = 300
    warmup_epochs: int = 50
    batch_size: int = 1024
    learning_rate: float = 5e-5
    warmup_rate: float | None = None
    warmup_decay: float | None = None
    schedule: Literal["constant", "plateau"] = "constant"
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: float = 0.0
    decay: float = 0.0
    weight_decay: float = 0.0
    max_norm: float | None = None
    patience: int = 20
    stop_from: int = 0
    score_warmup: bool = False
    drop_last: bool = True
    balance: Literal["shifts", "weights", "none"] = "shifts"
    ratios: tuple[int, ...] = RATIOS
    eval_ratio: int = EVAL_RATIO
    stride: int = STRIDE
    strands: Literal["every", "original"] = "every"
    precision: Literal["float32", "bfloat16"] = "float32"
    weights: Weights = AUTHORS_CODE

    def __post_init__(self) -> None:
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ConfigError(
                f"warm-up must leave some of the {self.epochs} epochs for the classes",
                value=self.warmup_epochs,
            )
        if min(self.batch_size, self.patience, self.learning_rate) <= 0:
            raise ConfigError("batch_size, patience and learning_rate must be positive")
        if len(self.ratios) != len(CLASSES):
            raise ConfigError(f"one ratio for each of {', '.join(CLASSES)}", value=self.ratios)

    def rate_at(self, epoch: int, batch: int, batches: int) -> float:
        """Learning rate of a step, before the plateau's factor; each phase counts its own steps."""
        warming_up = epoch < self.warmup_epochs
        rate, decay, first = self.learning_rate, self.decay, self.warmup_epochs
        if warming_up:
            rate = rate if self.warmup_rate is None else self.warmup_rate
            decay, first = decay if self.warmup_decay is None else self.warmup_decay, 0
        return rate / (1 + decay * ((epoch - first) * batches + batch))

    @property
    def flank(self) -> int:
        """Bp that the data's windows need on each side."""
        return flank(max(*self.ratios, self.eval_ratio), self.stride)


@dataclass(frozen=True)
class FoldData:
    """Labelled regions as wide windows, and which of them each part of the fold uses.

    codes: uint8 (n, 1000 + 2·flank). openness, loops: numbers of that shape, or None where the model
    does not read them; openness is the sum over `replicates`. labels: integer (n,). train, validation,
    test: int64 rows. All may be memory maps.
    """

    codes: np.ndarray
    openness: np.ndarray | None
    loops: np.ndarray | None
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    replicates: int = 1

    def inputs(
        self,
        rows: np.ndarray,
        views: Views,
        modalities: Sequence[str],
        device: torch.device,
        log_openness: bool = True,
    ) -> Tensor:
        """The model's input, float32 (rows, input rows, 1000), for one view of each of `rows`."""
        raw = self._raw(rows, device)
        return view_input(*raw, views, modalities, log_openness=log_openness)

    def wide_inputs(
        self, rows: np.ndarray, modalities: Sequence[str], device: torch.device, log_openness: bool = True
    ) -> Tensor:
        """The same for the wide windows that all views of `rows` are cut from."""
        return to_input(*self._raw(rows, device), modalities, log_openness)

    def _raw(self, rows: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor | None]:
        codes = torch.from_numpy(self.codes[rows]).to(device)
        # Divided before it travels: a GPU may multiply by the reciprocal, which is not the same.
        openness, loops = (
            None if track is None else torch.from_numpy(track[rows].astype(np.float32) / divisor).to(device)
            for track, divisor in ((self.openness, np.float32(self.replicates)), (self.loops, np.float32(1)))
        )
        return codes, openness, loops


@dataclass(frozen=True)
class Group:
    """The workers that train one fold together, as one of them sees it; by default it is alone.

    Each takes every size-th window of a batch. `average_gradients` runs between backward and the
    optimiser's step; the codebook's statistics are added up by SplitQuantizer.reduce.
    """

    rank: int = 0
    size: int = 1
    average_gradients: Callable[[Network], None] | None = None


@dataclass
class FoldState:
    """Everything that training changes. `epoch` counts finished epochs; `best_model` is on the CPU.

    `best_model` is empty as long as no epoch after warm-up beat `best_auprc`.
    """

    fold: int
    recipe: Recipe
    model: Network
    optimizer: torch.optim.Optimizer
    plateau: Plateau
    epoch: int = 0
    best_auprc: float = -math.inf
    best_epoch: int = -1
    best_model: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Every epoch is done, or `patience` epochs passed without a gain."""
        waited = self.epoch - 1 - max(self.best_epoch, self.recipe.warmup_epochs - 1)
        early = waited >= self.recipe.patience and self.epoch > self.recipe.stop_from
        return self.epoch >= self.recipe.epochs or early

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain numbers only: torch.load(weights_only=True) reads it back."""
        return {
            "fold": self.fold,
            "epoch": self.epoch,
            "best_auprc": self.best_auprc,
            "best_epoch": self.best_epoch,
            "best_model": self.best_model,
            "history": self.history,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "plateau": asdict(self.plateau),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a saved state of the same fold, sizes and recipe."""
        if saved["fold"] != self.fold:
            raise RaycreError(f"a checkpoint of fold {saved['fold']} cannot continue fold {self.fold}")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.plateau = Plateau(**saved["plateau"])
        self.epoch, self.best_epoch = saved["epoch"], saved["best_epoch"]
        self.best_auprc, self.best_model = saved["best_auprc"], saved["best_model"]
        self.history = list(saved["history"])
