"""A model of regions of one's own, whole in one file: GC content and accessibility in bins of 100 bp.

To give it to raycre, name its declaration in the `pyproject.toml` of your package and install that:

    [project.entry-points."raycre.models"]
    gc-and-signal = "lab_parts.gc_and_signal:MODEL"

From then on `model: gc-and-signal` trains it in `raycre train`, in the same folds as CREATE and its
baselines, and `raycre predict` takes its run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.create.baselines.parts import Baseline, check_input, declare
from raycre.create.layout import WIDTH, check_modalities

BIN = 100  # bp


class GcAndSignal(Baseline):
    """GC content and mean accessibility in ten bins, one hidden layer, a logit for each class."""

    kind: ClassVar[str] = "gc-and-signal"

    def __init__(self, modalities: Sequence[str], hidden: int = 32, outputs: int = 5) -> None:
        super().__init__()
        # 1. What it reads, and the arguments that make it again when its weights are read.
        self.modalities = check_modalities(modalities)
        self.facts: dict[str, Any] = {"hidden": hidden, "outputs": outputs}
        # 2. Its layers, as in any torch module; the last one is named `head`.
        self.hidden = nn.Linear(len(self.modalities) * WIDTH // BIN, hidden)
        self.head = nn.Linear(hidden, outputs)

    def classify(self, x: Tensor) -> Tensor:
        """3. The one method: float32 (n, rows, 1000) to logits, float32 (n, outputs)."""
        check_input(x, self.modalities)
        gc = x[:, 1:3].sum(dim=1, keepdim=True)  # rows are A, C, G, T, then accessibility as a logarithm
        rows = torch.cat([gc, x[:, 4:]], dim=1)
        return self.head(F.relu(self.hidden(F.avg_pool1d(rows, BIN).flatten(1))))


# 4. Its declaration: arguments at each named size, a line for people, what it reads, its own recipe.
MODEL = declare(
    GcAndSignal,
    {"paper": {}, "small": {"hidden": 16}, "tiny": {"hidden": 8}},
    "GC content and accessibility in ten bins, one hidden layer",
    reads=("sequence", "openness"),
    needs=(("sequence",),),
    original={"learning_rate": 1e-2, "batch_size": 32},
)
