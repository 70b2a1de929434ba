"""DeepICSH (K562 and HepG2 silencers from 5-mers and signals) with a head of five classes.

Two branches: 5-mer counts through an auto-encoder that is trained first and frozen, and 12 numbers of
signals with attention over them. Its authors' recipe is at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.baselines.kmers import CHANNELS, CODE, AutoEncoder, kmer_counts, same
from raycre.create.baselines.parts import NO_EXTRAS, Baseline, check_input, declare, start_glorot
from raycre.create.layout import CLASSES, ROWS, WIDTH, check_modalities
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.network import Step
from raycre.errors import ConfigError

SIGNALS = 12  # authors' code; theirs are peak signals whose names they do not give
MIN_SIGNALS = 4  # inferred: a convolution of width 8 over fewer would see padding for the most part
ROW = 128  # authors' code, as is all of the architecture: width of a row of what is merged
HIDDEN = (512, 256, 128)
DROPOUTS = (0.4, 0.5, 0.5)  # sequence branch, signals branch, before the last hidden layer
SIGNAL_KERNELS = (8, 1, 3, 1)

# Ours: widths divided by 4 and 8, the dropouts of "tiny" those of CREATE's own "tiny" (sizes.py).
SIZES: dict[str, dict[str, Any]] = {
    "paper": {},
    "small": {"row": 32, "hidden": (128, 64, 32), "channels": 4},
    "tiny": {"row": 16, "hidden": (64, 32, 16), "channels": 2, "dropouts": (0.0, 0.0, 0.1)},
}


class DeepIcsh(Baseline):
    """DeepICSH over CREATE's own inputs; by default as published, but for the head and what it reads.

    Warm-up epochs train the auto-encoder alone; afterwards it has no gradient. Without warm-up it would
    stay as it was drawn.

    The signals are inferred: means of openness in six equal bins of the window and of loops in six, as
    logarithms, openness first, each from 5' to 3'; with one track, its means in twelve bins. It so has
    the information that CREATE has, and no tracks of its own. Counts are of the whole window of 1,000 bp and
    divided by their maximum in it (inferred).

    Args:
        modalities: the sequence, and openness, loops or both.
        signals: numbers of the second branch, at least 4; shared evenly by the tracks.
        row: width of a row of what is merged; even.
        hidden: units of the three layers before the head.
        channels: of the auto-encoder.
        outputs: of the head; 1 as published.
        dropouts: sequence branch, signals branch, before the last hidden layer.
        raw_counts: leave 5-mer counts as they are, as the authors did.

    Raises:
        ConfigError: no sequence or no track among the modalities; signals that the tracks cannot share.
    """

    kind: ClassVar[str] = "deepicsh"

    def __init__(
        self,
        modalities: Sequence[str] = tuple(ROWS),
        signals: int = SIGNALS,
        row: int = ROW,
        hidden: Sequence[int] = HIDDEN,
        channels: int = CHANNELS,
        outputs: int = len(CLASSES),
        dropouts: Sequence[float] = DROPOUTS,
        raw_counts: bool = False,
    ) -> None:
        super().__init__()
        self.modalities = check_modalities(modalities)
        n_tracks = len(self.modalities) - 1
        if self.modalities[0] != "sequence" or not n_tracks:
            raise ConfigError(
                "deepicsh reads the sequence and at least one track; add to model.modalities",
                value=self.modalities,
            )
        if signals < MIN_SIGNALS or signals % n_tracks:
            raise ConfigError(
                f"signals must be at least {MIN_SIGNALS}, and as many for each of {n_tracks} tracks",
                value=signals,
            )
        self.facts = {
            "signals": signals, "row": row, "hidden": list(hidden), "channels": channels,
            "outputs": outputs, "dropouts": list(dropouts), "raw_counts": raw_counts,
        }  # fmt: skip
        self.raw_counts = raw_counts
        self.bins = bin_widths(signals // n_tracks)
        half = row // 2
        self.autoencoder = AutoEncoder(channels)
        self.dense = nn.ModuleList(
            nn.Linear(before, after) for before, after in pairwise((CODE, row, half, half, row))
        )
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, kernel)
            for (before, after), kernel in zip(
                pairwise((1, row, half, half, row)), SIGNAL_KERNELS, strict=True
            )
        )
        self.attention = nn.Sequential(nn.Linear(row, half), nn.Tanh(), nn.Linear(half, 1))
        self.hidden = nn.ModuleList(
            nn.Linear(before, after) for before, after in pairwise(((4 + 2 * signals) * row, *hidden))
        )
        self.head = nn.Linear(hidden[-1], outputs)
        self.dropouts = nn.ModuleList(nn.Dropout(p) for p in dropouts)
        start_glorot(self)

    def counts(self, x: Tensor) -> Tensor:
        """5-mer counts of the windows as the auto-encoder takes them: float32 (n, 1024)."""
        found = kmer_counts(x[:, : ROWS["sequence"]])
        return found if self.raw_counts else found / found.amax(dim=1, keepdim=True)

    def signals(self, x: Tensor) -> Tensor:
        """Mean of each track in each of its bins, track by track: float32 (n, signals)."""
        bins = x[:, ROWS["sequence"] :].split(self.bins, dim=2)
        return torch.stack([part.mean(dim=2) for part in bins], dim=2).flatten(1)

    def attend(self, encoded: Tensor) -> Tensor:
        """Weights of the signals, summing to 1: (n, signals, row) → float32 (n, signals, 1)."""
        return torch.softmax(self.attention(encoded), dim=1)

    def merge(self, x: Tensor) -> Tensor:
        """Both branches as rows: x → float32 (n, 4 + 2 · signals, row), 28 rows of 128 as published."""
        with torch.no_grad():  # frozen: neither a loss nor a weight decay reaches it
            code = self.autoencoder.encode(self.counts(x))
        d1 = self.dense[0](code)  # linear
        d2 = F.relu(self.dense[1](d1))
        d3 = F.relu(self.dense[2](d2))
        d4 = self.dropouts[0](F.relu(self.dense[3](d3)))
        encoded, now = [], self.signals(x).unsqueeze(1)
        for conv in self.convs:
            now = F.relu(same(now, conv))  # type: ignore[arg-type]
            encoded.append(now.transpose(1, 2))
        c1, c2, c3, c4 = encoded
        c4 = self.dropouts[1](c4)
        attended = (self.attend(c4) * c4).sum(dim=1)
        single = torch.stack([d1, torch.cat([d2, d3], dim=1), d4, attended], dim=1)
        return torch.cat([single, torch.cat([c2, c3], dim=2), c1], dim=1)

    def classify(self, x: Tensor) -> Tensor:
        """x, float32 (n, rows, 1000) → logits: float32 (n, outputs)."""
        check_input(x, self.modalities)
        merged = self.merge(x).flatten(1)
        hidden = F.relu(self.hidden[1](F.relu(self.hidden[0](merged))))
        output: Tensor = self.head(F.relu(self.hidden[2](self.dropouts[2](hidden))))
        return output

    def losses(
        self,
        x: Tensor,
        labels: Tensor,
        weights: LossWeights,
        warming_up: bool,
        by_class: Tensor | None = None,
    ) -> Step:
        """Cross-entropy; while warming up, the auto-encoder's squared error, mean over 5-mers and windows."""
        if not warming_up:
            return super().losses(x, labels, weights, warming_up, by_class)
        check_input(x, self.modalities)
        counts = self.counts(x)
        error = F.mse_loss(self.autoencoder(counts), counts)
        return Step(error, {"counts": error}, error.new_tensor(torch.nan))


def bin_widths(n: int) -> list[int]:
    """Widths in bp of n bins of a window, equal to within 1 bp; 6 and 12 read the same from either end."""
    edges = [(2 * WIDTH * i + n) // (2 * n) for i in range(n + 1)]
    return [end - start for start, end in pairwise(edges)]


# DeepICSH, inferred: ten views a region (ratio 5, both strands) ten times over are the authors' up to 100
# epochs. They stop earlier by a validation loss; here the encoder is the one at the end, as it was for them
# too.
WARMUP = 10

# DeepICSH. Authors' code: Adam, rate, decay, batch, ten epochs for the classifier, and the best of them kept
# (by validation accuracy there, by auPRC here; patience 10 stops none of them early).
# The auto-encoder's rate and decay are theirs, too; it has the classifier's batch (theirs: 64 or 128).
ORIGINAL: dict[str, Any] = {
    **NO_EXTRAS,
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "decay": 1e-4,
    "warmup_rate": 1e-4,
    "warmup_decay": 1e-6,
    "batch_size": 64,
    "warmup_epochs": WARMUP,
    "epochs": WARMUP + 10,
    "patience": 10,
}

MODEL = declare(
    DeepIcsh,
    SIZES,
    "5-mer counts through an auto-encoder (trained in warm-up, then frozen), 12 numbers from the tracks with "
    "attention",
    note="the published 12 tracks are not known: here they are six bins of accessibility and six of loops",
    needs=(("sequence",), ("openness", "loops")),
    warmup_epochs=WARMUP,
    original=ORIGINAL,
)
