"""Split vector quantisation with a codebook learnt by moving averages (CREATE Methods, eq. 1 and 6-9).

Arrays in, arrays out; knows nothing of what is encoded, of optimisers or of other workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from raycre.create.layers.codebook import SMOOTHING, UPDATE_RATIO

PERPLEXITY_FLOOR = 1e-10  # keeps log(0) of an unused code finite; the authors' code
ROWS_AT_ONCE = 4_096  # keeps the distances, 3 MB for 200 codes, in a processor's cache


class Quantized(NamedTuple):
    """What quantisation of `z_e` (n, positions, embedding) gives.

    z_q: float32, as z_e: the codes' vectors; its gradient passes to z_e unchanged.
    codes: int64 (n, positions, splits); None of a continuous latent space.
    commitment: float32 (): mean of (z_e - z_q)², over code dimensions too.
    perplexity: float32 (): effective number of codes used, 1 to K.
    """

    z_q: Tensor
    codes: Tensor | None
    commitment: Tensor
    perplexity: Tensor


def assign(latents: Tensor, codebook: Tensor) -> Tensor:
    """Nearest code of each latent under squared Euclidean distance, the lowest code on a tie (eq. 1).

    Args:
        latents: float32 (n, dim).
        codebook: float32 (codes, dim).

    Returns:
        int64 (n,). |latent|² is left out of the distance: it is the same for every code.
    """
    squared = codebook.square().sum(dim=1, keepdim=True)
    closeness = (torch.addmm(-squared, codebook, rows.T, alpha=2) for rows in latents.split(ROWS_AT_ONCE))
    # A maximum by pooling finds the same index as argmax, the first; on a processor in a tenth of the time.
    nearest = [_first_highest(c) if c.device.type == "cpu" else c.argmax(dim=0) for c in closeness]
    return torch.cat(nearest)


def _first_highest(x: Tensor) -> Tensor:
    """First row of each column's maximum: (rows, columns) → int64 (columns,)."""
    image = x[None, :, None].permute(0, 3, 1, 2)  # columns as channels, which lie side by side in memory
    return F.max_pool2d(image, (len(x), 1), return_indices=True)[1].flatten()


def ema_update(
    cluster_size: Tensor,
    cluster_sum: Tensor,
    counts: Tensor,
    sums: Tensor,
    ratio: float = UPDATE_RATIO,
    smoothing: float = SMOOTHING,
) -> tuple[Tensor, Tensor, Tensor]:
    """One moving-average step of the codebook (eq. 7-9, Laplace smoothing as in the authors' code).

    Args:
        cluster_size: float32 (codes,), N of eq. 7 before the step.
        cluster_sum: float32 (codes, dim), u of eq. 8 before the step.
        counts: float32 (codes,), latents of the batch that chose each code.
        sums: float32 (codes, dim), their sum.

    Returns:
        (cluster_size, cluster_sum, codebook) after the step. The smoothed size is what is kept,
        so that smoothing compounds from step to step; its total is unchanged by smoothing. Without
        smoothing a code that was never chosen has size 0 and its vector is not finite (eq. 9).
    """
    size = (1 - ratio) * cluster_size + ratio * counts
    if smoothing:
        total = size.sum()
        size = (size + smoothing) / (total + len(size) * smoothing) * total
    new_sum = (1 - ratio) * cluster_sum + ratio * sums
    return size, new_sum, new_sum / size.unsqueeze(1)


class SplitQuantizer(nn.Module):
    """Cuts each latent vector in consecutive pieces and replaces each by its nearest code.

    In training, every forward moves the codebook by one EMA step *after* using it. The codebook and
    its statistics are buffers, so no optimiser sees them.

    Args:
        n_codes: K, size of the shared codebook.
        splits: M, pieces of one latent vector.
        embedding: length of a latent vector; a code has embedding / splits numbers.
        update_ratio: μ, how far one batch moves the codebook.
        initial_count: N at the start. 0 is the paper: N = 0 and u a normal draw of its own, which
            throws codes of few hits far away and collapses the codebook when batches are small.
            A positive value starts N there and u at N × codebook, so that the first step moves
            no code further than its latents ask.
        smoothing: Laplace ε; with 0 a code that was never chosen keeps its vector (eq. 9 has none for it).
    """

    codebook: Tensor
    cluster_size: Tensor
    cluster_sum: Tensor

    def __init__(
        self,
        n_codes: int,
        splits: int,
        embedding: int,
        update_ratio: float = UPDATE_RATIO,
        initial_count: float = 0.0,
        smoothing: float = SMOOTHING,
    ) -> None:
        super().__init__()
        self.splits, self.update_ratio, self.smoothing = splits, update_ratio, smoothing
        # Called on the batch's counts and sums, in place, before the update: workers that share
        # one model add up theirs here.
        self.reduce: Callable[[Tensor, Tensor], None] | None = None
        codebook = torch.randn(n_codes, embedding // splits)
        start = initial_count * codebook if initial_count > 0 else torch.randn_like(codebook)
        self.register_buffer("codebook", codebook)
        self.register_buffer("cluster_size", torch.full((n_codes,), float(initial_count)))
        self.register_buffer("cluster_sum", start)

    def forward(self, z_e: Tensor) -> Quantized:
        """Quantise z_e: (n, positions, embedding), in float32 whatever precision the rest runs in."""
        with torch.autocast(z_e.device.type, enabled=False):
            return self._quantise(z_e.float() if z_e.dtype == torch.bfloat16 else z_e)

    def _quantise(self, z_e: Tensor) -> Quantized:
        n_codes, dim = self.codebook.shape
        latents = z_e.detach().reshape(-1, dim)
        codes = assign(latents, self.codebook)
        q = F.embedding(codes, self.codebook).view_as(z_e)
        counts = torch.bincount(codes, minlength=n_codes).to(latents.dtype)
        if self.training:
            sums = torch.zeros_like(self.codebook).index_add_(0, codes, latents)
            if self.reduce is not None:
                self.reduce(counts, sums)
            self._move(counts, sums)
        share = counts / counts.sum()
        return Quantized(
            z_q=q + (z_e - z_e.detach()),  # adds exact zeros: value of q, gradient of z_e
            codes=codes.view(*z_e.shape[:2], self.splits),
            commitment=F.mse_loss(z_e, q),
            perplexity=torch.exp(-(share * torch.log(share + PERPLEXITY_FLOOR)).sum()),
        )

    def _move(self, counts: Tensor, sums: Tensor) -> None:
        size, new_sum, codebook = ema_update(
            self.cluster_size, self.cluster_sum, counts, sums, self.update_ratio, self.smoothing
        )
        self.cluster_size.copy_(size)
        self.cluster_sum.copy_(new_sum)
        self.codebook.copy_(torch.where(size.unsqueeze(1) > 0, codebook, self.codebook))
