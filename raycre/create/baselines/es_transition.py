"""An ES-transition-like network (after Huang & Ovcharenko 2022) with a head of five classes.

"-like": the authors publish their layers only inside a binary weights file that was not read. Ours are the
channel plan that the same group published for its next network of this input (five convolutions and a layer
of 180), with DeepSEA's kernels and pools: of the same scale, and not known to be the same network. Its
authors' recipe is at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.baselines.parts import (
    NO_EXTRAS,
    Baseline,
    Stack,
    check_input,
    declare,
    sequence_only,
    start_glorot,
)
from raycre.create.layout import CLASSES

CHANNELS = (320, 320, 240, 240, 480)  # inferred: the group's next network
KERNELS = (8, 8, 8, 8, 8)  # inferred: DeepSEA's; 1000 → 986 → 246 → 232 → 58 → 51 → 12 positions
POOLS = (1, 4, 1, 4, 4)  # inferred: DeepSEA's
DROPOUTS = (0.0, 0.2, 0.0, 0.2, 0.5)  # inferred: DeepSEA's
HIDDEN = 180  # inferred: the group's next network

# Ours: widths divided by 4 and 10, the dropouts of "tiny" those of CREATE's own "tiny" (sizes.py).
SIZES: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {"channels": (80, 80, 60, 60, 120), "hidden": 45},
    "tiny": {"channels": (32, 32, 24, 24, 48), "hidden": 18, "dropouts": (0.0, 0.0, 0.0, 0.0, 0.1)},
}


class EsTransition(Baseline):
    """ES-transition-like network. Every width is an argument: the true ones can be put in once known.

    Args:
        modalities: the sequence alone.
        channels, kernels: of each convolution.
        pools: after each convolution; 1 is none.
        dropouts: after each pool.
        hidden: units of the layer before the head.
        outputs: of the head; 3 as published (enhancer, silencer, control).

    Raises:
        ConfigError: other modalities, or lists of unequal length.
    """

    kind: ClassVar[str] = "es-transition"

    def __init__(
        self,
        modalities: Sequence[str] = ("sequence",),
        channels: Sequence[int] = CHANNELS,
        kernels: Sequence[int] = KERNELS,
        pools: Sequence[int] = POOLS,
        dropouts: Sequence[float] = DROPOUTS,
        hidden: int = HIDDEN,
        outputs: int = len(CLASSES),
    ) -> None:
        super().__init__()
        self.modalities = sequence_only(self.kind, modalities)
        self.facts = {
            "channels": list(channels), "kernels": list(kernels), "pools": list(pools),
            "dropouts": list(dropouts), "hidden": hidden, "outputs": outputs,
        }  # fmt: skip
        self.stack = Stack(channels, kernels, pools, dropouts)
        self.hidden = nn.Linear(self.stack.features, hidden)
        self.head = nn.Linear(hidden, outputs)
        start_glorot(self)

    def classify(self, x: Tensor) -> Tensor:
        """x, float32 (n, 4, 1000) → logits: float32 (n, outputs)."""
        check_input(x, self.modalities)
        output: Tensor = self.head(F.relu(self.hidden(self.stack(x))))
        return output


# ES-transition. Authors' code: Adam, epochs, patience (of the validation loss there, of auPRC here), 64
# windows a device.
# Inferred: its rate of 0.001, the library's default; four devices, as in the group's other scripts.
ORIGINAL: dict[str, Any] = {
    **NO_EXTRAS,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "batch_size": 256,
    "epochs": 200,
    "patience": 10,
}

MODEL = declare(
    EsTransition,
    SIZES,
    "*ES-transition-like*: five convolutions of a sibling of the same group, widths inferred",
    note="the published layers are in a file that could not be read",
    reads=("sequence",),
    original=ORIGINAL,
)
