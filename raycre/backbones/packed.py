"""Matrix products by oneDNN, and dense layers whose weights it lays out once.

PyTorch multiplies float32 matrices on a CPU by MKL. oneDNN, which comes with it for convolutions and for
torch.compile, is a fifth faster on some processors (benchmarks/RESULTS.md) when the weights lie in its own
order; it adds the bias and applies a ReLU on the way out. It rounds three times as much, 6e-6 of an output's
s.d. instead of 2e-6, since it sums in another order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

# What torch.compile calls when weights are frozen; builds without oneDNN do not have it.
AVAILABLE = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def serves(x: Tensor) -> bool:
    """Whether oneDNN may multiply this: float32 on a CPU, no gradients wanted."""
    return AVAILABLE and x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """x times the transpose of `weight` where `serves(x)`: (m, in) and (out, in) to (m, out).

    Args:
        weight: packed, or contiguous: of others oneDNN makes very slow work.
        bias: (out,).
        activation: "none" or "relu".
    """
    output: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
    return output


class Dense(nn.Linear):
    """A dense layer, (…, in) to (…, out), with a ReLU after it if so wanted.

    After `pack`, inputs that oneDNN `serves` meet weights packed at the first call; the plain ones are kept
    too, so the layer takes twice the memory. Moving or casting it forgets those. Else a plain layer.

    Args:
        size_in, size_out, bias: as in nn.Linear.
        relu: whether negative outputs become 0.
    """

    def __init__(self, size_in: int, size_out: int, bias: bool = True, relu: bool = False) -> None:
        super().__init__(size_in, size_out, bias)
        self.relu = relu
        self.packs = False
        self._packed: Tensor | None = None

    def pack(self) -> None:
        """Let it use packed weights from now on; call it when the weights are final."""
        self.packs, self._packed = AVAILABLE, None

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) to (…, out)."""
        if self.packs and serves(x):
            output: Tensor = self._product(x.flatten(0, -2)).unflatten(0, x.shape[:-1])
            return output
        y = F.linear(x, self.weight, self.bias)
        return F.relu(y) if self.relu else y

    def _product(self, x: Tensor) -> Tensor:
        if self._packed is None:
            # Not told how many rows come: bits would depend on what the first call was.
            self._packed = torch.ops.mkldnn._reorder_linear_weight(self.weight)
        return product(x, self._packed, self.bias, "relu" if self.relu else "none")

    def _apply(self, *given, **named):  # type: ignore[no-untyped-def]
        self._packed = None
        return super()._apply(*given, **named)  # type: ignore[no-untyped-call]


if AVAILABLE:

    @register_flop_formula(torch.ops.mkldnn._linear_pointwise)
    def _flops(x: torch.Size, weight: torch.Size, *_: object, **__: object) -> int:
        """Multiplications and additions of one product, counted as those of plain layers."""
        return 2 * x.numel() * weight[0]
