"""DanQ (Quang & Xie 2016, the model of 320 kernels) with a head of five classes: a convolution, an LSTM.

Its authors' recipe is at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.baselines.parts import (
    NO_EXTRAS,
    Baseline,
    check_input,
    declare,
    sequence_only,
    start_glorot,
)
from raycre.create.layers.blocks import convolve, max_pool
from raycre.create.layout import CLASSES, ROWS, WIDTH

CHANNELS = 320  # authors' code, as is all of the architecture
KERNEL = 26  # without padding: 1000 → 975 → 75 positions
POOL = 13
UNITS = 320  # of the LSTM, each way
HIDDEN = 925
DROPOUTS = (0.2, 0.5)  # after the pool, after the LSTM

# Ours: widths divided by 4 and 10, the dropouts of "tiny" those of CREATE's own "tiny" (sizes.py).
SIZES: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {"channels": 80, "units": 80, "hidden": 231},
    "tiny": {"channels": 32, "units": 32, "hidden": 92, "dropouts": (0.0, 0.1)},
}


class DanQ(Baseline):
    """DanQ; by default as published, but for the head and the LSTM's gates.

    Gates are plain sigmoids; the authors' library had piecewise linear ones (inferred). Of PyTorch's two
    biases per gate the second is held at zero: there was one.

    Args:
        modalities: the sequence alone.
        channels: of the convolution.
        units: of the LSTM, each way.
        hidden: units of the layer before the head.
        outputs: of the head; 919 as published.
        dropouts: after the pool, after the LSTM.

    Raises:
        ConfigError: other modalities.
    """

    kind: ClassVar[str] = "danq"

    def __init__(
        self,
        modalities: Sequence[str] = ("sequence",),
        channels: int = CHANNELS,
        units: int = UNITS,
        hidden: int = HIDDEN,
        outputs: int = len(CLASSES),
        dropouts: Sequence[float] = DROPOUTS,
    ) -> None:
        super().__init__()
        self.modalities = sequence_only(self.kind, modalities)
        self.facts = {
            "channels": channels, "units": units, "hidden": hidden, "outputs": outputs,
            "dropouts": list(dropouts),
        }  # fmt: skip
        self.conv = nn.Conv1d(ROWS["sequence"], channels, KERNEL)
        self.lstm = nn.LSTM(channels, units, batch_first=True, bidirectional=True)
        positions = (WIDTH - KERNEL + 1) // POOL
        self.dropouts = nn.ModuleList(nn.Dropout(p) for p in dropouts)
        self.hidden = nn.Linear(positions * 2 * units, hidden)
        self.head = nn.Linear(hidden, outputs)
        start_glorot(self)
        _start_lstm(self.lstm)

    def classify(self, x: Tensor) -> Tensor:
        """x, float32 (n, 4, 1000) → logits: float32 (n, outputs)."""
        check_input(x, self.modalities)
        motifs = convolve(x.transpose(1, 2).contiguous(), self.conv.weight, self.conv.bias)
        motifs = self.dropouts[0](F.relu(max_pool(motifs, POOL, POOL)))
        order, _ = self.lstm(motifs.contiguous())  # (n, 75, 2 · units)
        output: Tensor = self.head(F.relu(self.hidden(self.dropouts[1](order).flatten(1))))
        return output


@torch.no_grad()
def _start_lstm(lstm: nn.LSTM) -> None:
    """Orthogonal recurrent and Glorot-uniform input weights per gate, forget bias 1 (inferred)."""
    for name, tensor in lstm.named_parameters():
        gates = tensor.chunk(4)  # input, forget, cell, output
        if name.startswith("weight"):
            draw = nn.init.xavier_uniform_ if name.startswith("weight_ih") else nn.init.orthogonal_
            for gate in gates:
                draw(gate)
            continue
        tensor.zero_()
        if name.startswith("bias_ih"):
            gates[1].fill_(1)
        else:
            tensor.requires_grad_(False)


# DanQ. Authors' code: RMSprop, batch, epochs, patience (of the validation loss there, of auPRC here).
# Inferred: its rate of 0.001, the library's default of the time (ρ and ε stand in schedule.py).
ORIGINAL: dict[str, Any] = {
    **NO_EXTRAS,
    "optimizer": "rmsprop",
    "learning_rate": 1e-3,
    "batch_size": 100,
    "epochs": 60,
    "patience": 5,
}

MODEL = declare(DanQ, SIZES, "a convolution and a bidirectional LSTM", reads=("sequence",), original=ORIGINAL)
