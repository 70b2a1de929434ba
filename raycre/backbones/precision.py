"""Matrix products in a lower precision than everything between them.

Weights of dense and convolution layers become bfloat16; norms, activations, attention and the sums that
blocks add to stay float32. How far results move is in benchmarks/RESULTS.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d)


def apply_precision(layer: nn.Module, x: Tensor) -> Tensor:
    """Apply a layer in the precision of its weights, and return that of `x`."""
    output: Tensor = layer(x.to(layer.weight.dtype)).to(x.dtype) if isinstance(layer, LAYERS) else layer(x)
    return output


class Layers(nn.Sequential):
    """A Sequential whose layers with weights each run in their own precision."""

    def forward(self, x: Tensor) -> Tensor:
        """Run one layer after another."""
        for layer in self:
            x = apply_precision(layer, x)
        return x


def lower(model: nn.Module, dtype: torch.dtype) -> None:
    """Turn the weights of all dense and convolution layers below `model` to `dtype`."""
    for module in model.modules():
        if isinstance(module, LAYERS):
            module.to(dtype)
