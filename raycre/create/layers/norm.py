"""Batch norm over a batch that several workers hold parts of.

Arrays in, arrays out; how sums travel between workers is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Reduce = Callable[[Tensor], Tensor]  # sum over workers; its gradient is the sum of the workers' gradients


class SharedBatchNorm(nn.BatchNorm1d):
    """nn.BatchNorm1d with the same state, which in training can take its statistics over all workers.

    Attributes:
        reduce: sums a vector over the workers, differentiably. None, and evaluation, is nn.BatchNorm1d.
    """

    reduce: Reduce | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise input: float (n, channels, positions), this worker's part of the batch."""
        if self.reduce is None or not self.training:
            return super().forward(input)
        x = input.float()
        channels = x.shape[1]
        parts = torch.cat([x.sum(dim=(0, 2)), x.new_tensor([x.shape[0] * x.shape[2]])])
        totals = self.reduce(parts)
        n = totals[channels].detach()
        mean = totals[:channels] / n
        centred = x - mean[:, None]
        variance = self.reduce(centred.square().sum(dim=(0, 2))) / n  # a second pass: E[x²] - E[x]² cancels
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        found = centred * torch.rsqrt(variance + self.eps)[:, None]
        if self.affine:
            found = found * self.weight[:, None] + self.bias[:, None]
        return found.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, unbiased: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(unbiased, share)


def share_norms(model: nn.Module, reduce: Reduce) -> None:
    """Make every nn.BatchNorm1d below `model` one over all workers, in place; its parameters stay the same.

    So no model needs to know whether it is trained by one worker or by several.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm1d):
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum, child.affine)
                shared.__dict__.update({k: v for k, v in child.__dict__.items() if k != "reduce"})
                shared.reduce = reduce
                setattr(parent, name, shared)
