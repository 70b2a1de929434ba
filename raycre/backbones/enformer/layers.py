"""The layers that Enformer is made of (Avsec et al. 2021, Nature Methods 18:1196, Methods).

Submodule names and indices are the checkpoint's; gaps in them are dropout and reshaping layers, which do
nothing at inference.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from raycre.backbones.contract import Pooling
from raycre.backbones.enformer.relative import Projected
from raycre.backbones.packed import Dense
from raycre.backbones.precision import Layers, apply_precision

FEW_ROWS = 64  # the last block reads so few rows without keys and values of all the others


class Gelu(nn.Module):
    """x sigmoid(1.702 x), the approximation that Enformer was trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class ConvBlock(Layers):
    """Normalise, activate, convolve to the same length: (n, in, length) to (n, out, length)."""

    def __init__(self, channels_in: int, channels_out: int, width: int) -> None:
        super().__init__(
            nn.BatchNorm1d(channels_in, eps=1e-5),
            Gelu(),
            nn.Conv1d(channels_in, channels_out, width, padding=width // 2),
        )


class Residual(nn.Module):
    """x + fn(x, ...)."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor, *context: Tensor) -> Tensor:
        output: Tensor = x + self.fn(x, *context)
        return output


class AttentionPool(Pooling):
    """Halve the length; each channel weighs its two positions by a softmax over learnt logits.

    A softmax over two logits is a sigmoid of their difference, and the logits W x have no bias, so
    W (x0 - x1) is all that is needed: half the products of the textbook form.
    """

    kernel_size = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_attn_logits = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
        difference = first - second
        logits = apply_precision(self.to_attn_logits, difference.unsqueeze(-1)).squeeze(-1)
        return torch.addcmul(second, logits.sigmoid(), difference)


class Attends(Protocol):
    """What a block asks of its attention: see `relative.Attention`. `positions` is whatever that needs."""

    def precompute(self, positions: Tensor, /) -> None: ...
    def project(self, x: Tensor) -> Projected: ...
    def attend(self, projected: Projected, positions: Tensor, /) -> Tensor: ...
    def read_rows(self, x: Tensor, rows: Sequence[int], positions: Tensor, /) -> Tensor: ...


class TransformerBlock(nn.ModuleList):
    """Attention, then two dense layers row by row, each added to its input.

    Attention comes in two parts: `project` sees each row by itself, `finish` all of them.
    """

    def __init__(self, channels: int, attention: nn.Module, eps: float = 1e-5) -> None:
        dense = numbered(
            {
                0: nn.LayerNorm(channels, eps=eps),
                1: Dense(channels, 2 * channels, relu=True),
                4: Dense(2 * channels, channels),
            }
        )
        normed = nn.ModuleList([nn.LayerNorm(channels, eps=eps), attention])
        super().__init__([Residual(normed), Residual(dense)])

    @property
    def norm_and_attention(self) -> tuple[nn.LayerNorm, Attends]:
        """The first part's layers, without its residual connection."""
        norm, attention = cast(nn.ModuleList, cast(Residual, self[0]).fn)
        return cast(nn.LayerNorm, norm), cast(Attends, attention)

    def pack(self) -> None:
        """Lay out the weights of all dense layers for prediction, when they are final: see `Dense`."""
        for module in self.modules():
            if isinstance(module, Dense):
                module.pack()

    def project(self, x: Tensor) -> Projected:
        """Queries, keys and values of each row, (n, length, channels), by itself."""
        norm, attention = self.norm_and_attention
        return attention.project(norm(x))

    def finish(self, x: Tensor, projected: Projected, positions: Tensor) -> Tensor:
        """(n, length, channels) and what `project` gave for it, to the block's output of the same shape."""
        _, attention = self.norm_and_attention
        output: Tensor = self[1](x + attention.attend(projected, positions))
        return output

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """(n, length, channels) to the same shape."""
        return self.finish(x, self.project(x), positions)

    def read_rows(self, x: Tensor, rows: Sequence[int], positions: Tensor) -> Tensor:
        """`forward` at some rows alone: (n, length, channels) to (n, len(rows), channels)."""
        output: Tensor
        if len(rows) > FEW_ROWS:
            output = self(x, positions)[:, list(rows)]
            return output
        norm, attention = self.norm_and_attention
        output = self[1](x[:, list(rows)] + attention.read_rows(norm(x), rows, positions))
        return output


def numbered(modules: dict[int, nn.Module]) -> Layers:
    """Layers that keep the checkpoint's indices, gaps included."""
    return Layers(OrderedDict((str(i), module) for i, module in modules.items()))
