"""What one forward pass of CREATE gives."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Output(NamedTuple):
    """One forward pass over n windows.

    logits: float32 (n, classes).
    recon: float32 (n, rows, 1000), rows as the input's. The base rows are logits (their sigmoid is the
        reconstruction: a loss on logits stays finite), openness and loops are in the input's units.
    z_e, z_q: float32 (n, 26, embedding), before and after quantisation.
    codes: int64 (n, 26, splits); None where the latent space is continuous.
    commitment, perplexity: float32 (), see Quantized.
    """

    logits: Tensor
    recon: Tensor
    z_e: Tensor
    z_q: Tensor
    codes: Tensor | None
    commitment: Tensor
    perplexity: Tensor
