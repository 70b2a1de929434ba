"""The learning rate over a fold, and what else happens round an optimiser's step.

The plateau rule is the authors' code's (golden list, 6); the paper
has a constant rate. Momentum, decay and the norm limit serve baselines as they were published.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PLATEAU_FACTOR = 0.5
PLATEAU_PATIENCE = (10, 20)  # epochs in warm-up, and after it
PLATEAU_FLOOR = (1e-6, 1e-8)
PLATEAU_GAIN = 1e-4  # relative; less is no gain
RMSPROP_MEMORY, RMSPROP_EPSILON = 0.9, 1e-6  # Keras of DanQ's time


@dataclass
class Plateau:
    """Halves the rate when the training loss stops falling; one memory for warm-up, one for what follows.

    A list of two: the lowest loss seen, and the epochs since.
    """

    factor: float = 1.0
    lowest: tuple[float, float] = (math.inf, math.inf)
    waited: tuple[int, int] = (0, 0)

    def step(self, loss: float, rate: float, warming_up: bool) -> None:
        """Take note of an epoch's training loss; `rate` is the fold's learning rate at the start."""
        phase = 0 if warming_up else 1
        lowest, waited = list(self.lowest), list(self.waited)
        if loss < lowest[phase] * (1 - PLATEAU_GAIN):
            lowest[phase], waited[phase] = loss, 0
        else:
            waited[phase] += 1
        if waited[phase] > PLATEAU_PATIENCE[phase]:
            floor = min(PLATEAU_FLOOR[phase], rate) / rate
            self.factor, waited[phase] = max(self.factor * PLATEAU_FACTOR, min(floor, self.factor)), 0
        self.lowest, self.waited = (lowest[0], lowest[1]), (waited[0], waited[1])


def make_optimizer(
    kind: str, parameters: Iterable[nn.Parameter], rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """Return "adam", "sgd" or "rmsprop" over the parameters."""
    if kind == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=weight_decay)
    if kind == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr=rate, alpha=RMSPROP_MEMORY, eps=RMSPROP_EPSILON, weight_decay=weight_decay
        )
    return torch.optim.Adam(parameters, lr=rate, weight_decay=weight_decay, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = rate


@torch.no_grad()
def limit_norms(model: nn.Module, largest: float) -> None:
    """Scale every row of a convolution's or linear layer's weight to an L2 norm of at most `largest`."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            weight: Tensor = module.weight
            norms = weight.flatten(1).norm(dim=1).clamp_min(largest)
            weight.mul_((largest / norms).view(-1, *[1] * (weight.dim() - 1)))
