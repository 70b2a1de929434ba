"""What training one fold of CREATE takes: its recipe, its data, its state, and the workers that share it.

Knows nothing of how an epoch runs (recipe.py), of files or of Ray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from raycre.create.augment import EVAL_RATIO, RATIOS, STRIDE, Views, flank, view_input
from raycre.create.layout import CLASSES
from raycre.create.losses import AUTHORS_CODE, Weights
from raycre.create.model import Create
from raycre.errors import ConfigError, RaycreError


@dataclass(frozen=True)
class Recipe:
    """How a fold is trained. Defaults are the paper's; warm-up and the loss's weights the authors' code's."""

    epochs: int = 300  # at most
    warmup_epochs: int = 50  # reconstruction and encoder error only (authors' code; none in the paper)
    batch_size: int = 1024
    learning_rate: float = 5e-5  # Adam
    patience: int = 20  # epochs without a gain in validation auPRC, counted after warm-up
    ratios: tuple[int, ...] = RATIOS  # shifts by class in training
    eval_ratio: int = EVAL_RATIO  # shifts in validation and test
    stride: int = STRIDE  # bp between shifts
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

    @property
    def flank(self) -> int:
        """Bp that the data's windows need on each side."""
        return flank(max(*self.ratios, self.eval_ratio), self.stride)


@dataclass(frozen=True)
class FoldData:
    """Labelled regions as wide windows, and which of them each part of the fold uses.

    codes: uint8 (n, 1000 + 2·flank). openness, loops: numbers of that shape, or None where the model
    does not read them. labels: integer (n,). train, validation, test: int64 rows. All may be memory maps.
    """

    codes: np.ndarray
    openness: np.ndarray | None
    loops: np.ndarray | None
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def inputs(
        self, rows: np.ndarray, views: Views, modalities: Sequence[str], device: torch.device
    ) -> Tensor:
        """The model's input, float32 (rows, input rows, 1000), for one view of each of `rows`."""
        codes = torch.from_numpy(self.codes[rows]).to(device)
        openness, loops = (
            None if track is None else torch.from_numpy(track[rows].astype(np.float32)).to(device)
            for track in (self.openness, self.loops)
        )
        return view_input(codes, openness, loops, views, modalities)


@dataclass(frozen=True)
class Group:
    """The workers that train one fold together, as one of them sees it; by default it is alone.

    Each takes every size-th window of a batch. `average_gradients` runs between backward and the
    optimiser's step; the codebook's statistics are added up by SplitQuantizer.reduce.
    """

    rank: int = 0
    size: int = 1
    average_gradients: Callable[[Create], None] | None = None


@dataclass
class FoldState:
    """Everything that training changes. `epoch` counts finished epochs; `best_model` is on the CPU."""

    fold: int
    recipe: Recipe
    model: Create
    optimizer: torch.optim.Optimizer
    epoch: int = 0
    best_auprc: float = -math.inf
    best_epoch: int = -1
    best_model: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Every epoch is done, or `patience` epochs passed without a gain."""
        waited = self.epoch - 1 - max(self.best_epoch, self.recipe.warmup_epochs - 1)
        return self.epoch >= self.recipe.epochs or waited >= self.recipe.patience

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
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take over a saved state of the same fold, sizes and recipe."""
        if saved["fold"] != self.fold:
            raise RaycreError(f"a checkpoint of fold {saved['fold']} cannot continue fold {self.fold}")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.epoch, self.best_epoch = saved["epoch"], saved["best_epoch"]
        self.best_auprc, self.best_model = saved["best_auprc"], saved["best_model"]
        self.history = list(saved["history"])
