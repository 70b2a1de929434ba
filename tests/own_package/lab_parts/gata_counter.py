"""A backbone of one's own, whole in one file: a torch module that counts GATA motifs on both strands.

To give it to raycre, name its loader in the `pyproject.toml` of your package and install that:

    [project.entry-points."raycre.backbones"]
    gata-counter = "lab_parts.gata_counter:load"

From then on `model: {backbone: gata-counter, weights: counter.safetensors}` runs it under every CREME test.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.tracks import plain_table, read_track_table
from raycre.backbones.weights import is_random, read_weights, weights_sha256

MOTIF = "GATAA"


class GataCounter(Backbone):
    """Predicts in every bin `base + gain * (GATAA anywhere in the input, on either strand)`; two tracks."""

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        # 1. What raycre asks of a model before it runs it: sizes, and a table of its outputs.
        self.name, self.seq_len, self.bin_size, self.n_bins = "gata-counter", 32_768, 128, 256
        self.tracks = plain_table(2)
        self.trained, self.weights_sha256 = False, ""  # said by the loader, written into every result
        # 2. Its weights, as in any torch module.
        self.gain, self.base = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
        letters = torch.tensor(["ACGT".index(letter) for letter in MOTIF])
        kernels = F.one_hot(torch.stack([letters, 3 - letters.flip(0)]), 4).transpose(1, 2)
        self.register_buffer("kernels", kernels.float(), persistent=False)  # (strand, letter, position)

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """3. The one method: uint8 (n, seq_len) to float32 (n, len(bins), len(tracks))."""
        check_read(self, codes, bins, tracks)  # the errors that every backbone gives
        letters = F.one_hot(codes.long(), 5)[..., :4].transpose(1, 2).float()  # N matches nothing
        hits = (F.conv1d(letters, self.kernels) == len(MOTIF)).sum(dim=(1, 2))
        wanted = list(tracks)
        activity = self.base[wanted] + self.gain[wanted] * hits[:, None]
        return activity[:, None].expand(-1, len(bins), -1).float()


def load(*, weights: str | None, head: str, track_table: Path | None) -> Backbone:
    """4. What the entry point names. `weights` is what the configuration says: a path, or random:SEED."""
    model = GataCounter()
    if track_table is not None:
        model.tracks = read_track_table(track_table)
    if weights is not None:
        read_weights(model, weights)  # safetensors or a PyTorch state dict; names what does not fit
        model.trained, model.weights_sha256 = not is_random(weights), weights_sha256(weights)
    return model
