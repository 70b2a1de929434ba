"""A continuous latent space in the codebook's place: the paper's ablation CREATE (VAE), Fig. 3b.

The paper says no more than "a variant using VAE latent space, while keeping other modules and training
strategies unchanged". So this is ours: diagonal normal distributions against N(0, 1), their divergence
in the encoder error's place and with its weight.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from raycre.create.layers.quantizer import Quantized


class GaussianLatent(nn.Module):
    """Draw the embedding from N(mean, variance) in training, take the mean in evaluation."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.log_variance = nn.Linear(embedding, embedding)

    def forward(self, z_e: Tensor) -> Quantized:
        """z_e, the mean: float32 (n, positions, embedding). There are no codes.

        `commitment` is the Kullback-Leibler divergence to N(0, 1), mean over all elements.
        """
        log_variance = self.log_variance(z_e)
        z = z_e
        if self.training:
            z = z_e + torch.exp(log_variance / 2) * torch.randn_like(z_e)
        divergence = 0.5 * (z_e.square() + log_variance.exp() - 1 - log_variance).mean()
        return Quantized(z, None, divergence, z_e.new_tensor(torch.nan))
