"""What the baselines have in common: the loss of the head, a stack of convolutions, checks of their input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers.blocks import convolve, max_pool
from raycre.create.layout import ROWS, WIDTH, check_modalities
from raycre.create.model.declaration import RegionModel
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.losses import cross_entropy
from raycre.create.model.network import Network, Step
from raycre.errors import ConfigError, RaycreError

# What CREATE's recipe has and no baseline's authors had. None of them left out a last, smaller batch as far
# as their sources show (inferred).
NO_EXTRAS: dict[str, Any] = {
    "schedule": "constant",
    "stop_from": 0,
    "score_warmup": False,
    "drop_last": False,
}


def class_step(logits: Tensor, labels: Tensor, by_class: Tensor | None = None) -> Step:
    """Softmax cross-entropy, mean over windows (inferred: no focal term, and class weights only if asked).

    Args:
        logits: float32 (n, classes).
        labels: int64 (n,).
        by_class: float32 (classes,), weights of the classes; None for 1.
    """
    error = cross_entropy(logits, labels, by_class)
    return Step(error, {"cross_entropy": error}, error.new_tensor(torch.nan))


class Baseline(Network):
    """A network whose constructor takes `modalities` and `facts`, and whose loss is that of its head.

    Attributes:
        facts: arguments of the constructor, beside the modalities, ready for JSON.
    """

    facts: dict[str, Any]

    def losses(
        self,
        x: Tensor,
        labels: Tensor,
        weights: LossWeights,
        warming_up: bool,
        by_class: Tensor | None = None,
    ) -> Step:
        """Cross-entropy; there is no warm-up, and CREATE's weights play no part."""
        return class_step(self.classify(x), labels, by_class)

    def describe(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"modalities": list(self.modalities), **self.facts}


def declare(
    network: type[Baseline], sizes: Mapping[str, Mapping[str, Any]], summary: str, **more: Any
) -> RegionModel:
    """Declare a baseline.

    Args:
        network: its class.
        sizes: further arguments of its constructor at each named size.
        summary: one line for people.
        more: further fields of the declaration.
    """
    return RegionModel(
        name=network.kind,
        summary=summary,
        make=lambda size, modalities, n: network(modalities=modalities, outputs=n, **sizes[size]),
        rebuild=lambda facts: network(**facts),
        **more,
    )


def sequence_only(kind: str, modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the modalities where they are the sequence alone.

    Raises:
        ConfigError: others, or none.
    """
    chosen = check_modalities(modalities)
    if chosen != ("sequence",):
        raise ConfigError(f"{kind} reads the sequence alone; set model.modalities: [sequence]", value=chosen)
    return chosen


def check_input(x: Tensor, modalities: Sequence[str]) -> None:
    """Raise RaycreError where x is not (n, rows of the modalities, 1000)."""
    wanted = (sum(ROWS[name] for name in modalities), WIDTH)
    if x.shape[1:] != wanted:
        raise RaycreError(
            f"input of shape {tuple(x.shape)}; {'+'.join(modalities)} takes (n, {wanted[0]}, {wanted[1]})"
        )


def start_glorot(model: nn.Module) -> None:
    """Draw convolutions and linear layers by Glorot's uniform rule, biases zero.

    Inferred: the default of the library that DanQ, ES-transition and DeepICSH were written in.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class Stack(nn.Module):
    """Valid convolutions of stride 1, each with ReLU, max-pool and dropout; the result is flattened.

    x, float32 (n, 4, 1000), becomes float32 (n, positions · channels), by position and then channel.

    Args:
        channels, kernels: of each convolution.
        pools: width and stride of the pool after each; 1 is none. Positions left over are dropped.
        dropouts: after each pool.
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[int],
        pools: Sequence[int],
        dropouts: Sequence[float],
    ) -> None:
        super().__init__()
        if not len(channels) == len(kernels) == len(pools) == len(dropouts):
            raise ConfigError("as many channels as kernels, pools and dropouts", value=tuple(channels))
        widths = pairwise((ROWS["sequence"], *channels))
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, kernel) for (before, after), kernel in zip(widths, kernels, strict=True)
        )
        self.dropouts = nn.ModuleList(nn.Dropout(p) for p in dropouts)
        self.pools = tuple(pools)
        positions = WIDTH
        for kernel, pool in zip(kernels, pools, strict=True):
            positions = (positions - kernel + 1) // pool
        self.features = positions * channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2).contiguous()
        for conv, pool, dropout in zip(self.convs, self.pools, self.dropouts, strict=True):
            x = convolve(x, conv.get_parameter("weight"), conv.get_parameter("bias"))
            # A maximum is the same before and after ReLU, and cheaper before.
            x = dropout(F.relu(max_pool(x, pool, pool) if pool > 1 else x))
        return x.flatten(1)
