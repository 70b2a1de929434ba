"""What training one fold changes, and the workers that share it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from raycre.create.model.network import Network
from raycre.create.training.recipe import Recipe
from raycre.create.training.schedule import Plateau
from raycre.errors import RaycreError


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
