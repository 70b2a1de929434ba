"""5-mer counts of a sequence, and the auto-encoder that DeepICSH compresses them with.

Knows nothing of classes or of the other branch.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

K = 5  # authors' code
N_KMERS = 4**K
KERNEL = 8  # authors' code, as are channels and pools
CHANNELS = 16
POOLS = (2, 4)
CODE = N_KMERS // (POOLS[0] * POOLS[1])  # 128 numbers a region


def kmer_counts(bases: Tensor) -> Tensor:
    """Count the overlapping 5-mers of each sequence; N counts as A (authors' code).

    Args:
        bases: float32 (n, 4, width), one-hot A, C, G, T; a zero column is N.

    Returns:
        float32 (n, 1024), integers that sum to width - 4; a 5-mer's place is its base-4 number.
    """
    digits = (bases[:, 1] + 2 * bases[:, 2] + 3 * bases[:, 3]).long()
    n_kmers = digits.shape[1] - K + 1
    places = digits[:, :n_kmers]
    for start in range(1, K):
        places = 4 * places + digits[:, start : start + n_kmers]
    # Counted at once, each sequence in bins of its own. Integers: the same on any device, in any order.
    first = N_KMERS * torch.arange(len(places), device=places.device)[:, None]
    counts = torch.bincount((places + first).flatten(), minlength=N_KMERS * len(places))
    return counts.view(-1, N_KMERS).float()


class AutoEncoder(nn.Module):
    """Five convolutions with tanh over counts in the order of their places (authors' code).

    Args:
        channels: of the first and the last but one convolution.
    """

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.encoder = nn.ModuleList([nn.Conv1d(1, channels, KERNEL), nn.Conv1d(channels, 1, KERNEL)])
        self.decoder = nn.ModuleList(
            [nn.Conv1d(1, 1, KERNEL), nn.Conv1d(1, channels, KERNEL), nn.Conv1d(channels, 1, KERNEL)]
        )

    def encode(self, counts: Tensor) -> Tensor:
        """Counts, float32 (n, 1024) → the code: float32 (n, 128)."""
        x = counts.unsqueeze(1)
        for conv, pool in zip(self.encoder, POOLS, strict=True):
            x = F.max_pool1d(torch.tanh(same(x, cast(nn.Conv1d, conv))), pool)
        return x.squeeze(1)

    def forward(self, counts: Tensor) -> Tensor:
        """Counts → counts rebuilt from the code, both float32 (n, 1024); never above 1, by the last tanh."""
        x = self.encode(counts).unsqueeze(1)
        for conv, factor in zip(self.decoder, (*POOLS, 1), strict=True):
            x = _repeat(torch.tanh(same(x, cast(nn.Conv1d, conv))), factor)
        return x.squeeze(1)


def same(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Convolve with zeros round x, so that its length stays; of an odd number of zeros the last is behind."""
    zeros = conv.kernel_size[0] - 1
    output: Tensor = conv(F.pad(x, (zeros // 2, zeros - zeros // 2)))
    return output


def _repeat(x: Tensor, factor: int) -> Tensor:
    """Each position `factor` times: (n, channels, positions) → (n, channels, factor · positions)."""
    return x.unsqueeze(3).expand(-1, -1, -1, factor).flatten(2)
