"""CREATE's loss: each term as a function (CREATE Methods, "Model training", eq. 2-11), and their sum.

Where the paper's text and the authors' code differ, both are weights of one sum (loss_weights.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from raycre.create.layout import CLASSES, ROWS
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.output import Output

L1_WEIGHT, L2_WEIGHT = 1e-8, 5e-7  # authors' code; no norm penalty in the paper
FOCAL_GAMMA = 2.0  # authors' code; no focal term in the paper
SILENCER = CLASSES.index("silencer")


def sequence_error(base_logits: Tensor, bases: Tensor) -> Tensor:
    """Binary cross-entropy of each base row, mean over windows, rows and positions (eq. 2).

    Args:
        base_logits: float32 (n, 4, width), before the sigmoid.
        bases: float32 (n, 4, width), one-hot; a zero column is N.
    """
    return F.binary_cross_entropy_with_logits(base_logits, bases)


def track_error(rebuilt: Tensor, track: Tensor) -> Tensor:
    """Squared error of a track, mean over windows and positions (accessibility: eq. 3, loops: eq. 4)."""
    return F.mse_loss(rebuilt, track)


def encoder_error(commitment: Tensor, code_dims: int, sum_code_dims: bool) -> Tensor:
    """Squared distance of latents to their codes (eq. 6).

    Args:
        commitment: the mean over windows, positions, splits *and* a code's dimensions.
        code_dims: D, dimensions of a code.
        sum_code_dims: the squared norm of eq. 6, D times that mean.
    """
    return commitment * code_dims if sum_code_dims else commitment


def class_weights(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Weight of each class in the cross-entropy: float32 (classes,), w = n / (C · n of the class).

    The inverse of the class's frequency, scaled so that the mean over all regions is 1. The paper compares
    with "class weights in the loss function" and gives no formula in its main text: this one is ours.

    Args:
        counts: int64 (classes,), training regions of each class, none of them 0.
    """
    values: NDArray[np.float32] = (counts.sum() / (len(counts) * counts)).astype(np.float32)
    return values


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy, mean over windows; each window's counts by the weight of its class.

    The mean is over windows, not over their weights, so that batches may be shared among workers.

    Args:
        logits: float32 (n, classes).
        labels: int64 (n,).
        weights: float32 (classes,), or None for 1.
    """
    if weights is None:
        return F.cross_entropy(logits, labels)
    return (weights[labels] * F.cross_entropy(logits, labels, reduction="none")).mean()


def class_error(
    logits: Tensor, labels: Tensor, mean_over_classes: bool, weights: Tensor | None = None
) -> Tensor:
    """Cross-entropy, divided by the number of classes where eq. 10 is meant; arguments as `cross_entropy`."""
    error = cross_entropy(logits, labels, weights)
    return error / logits.shape[1] if mean_over_classes else error


def focal_silencer(logits: Tensor, labels: Tensor, gamma: float = FOCAL_GAMMA) -> Tensor:
    """Focal loss of silencer against the rest, on the sigmoid of its logit (authors' code).

    Args:
        logits: float32 (n, classes); the silencer's is the first, as it is in `CLASSES`.
        labels: int64 (n,).
        gamma: how strongly a window that is already named rightly is forgiven.
    """
    is_silencer = (labels == SILENCER).to(logits.dtype)
    error = F.binary_cross_entropy_with_logits(logits[:, SILENCER], is_silencer, reduction="none")
    return ((1 - torch.exp(-error)) ** gamma * error).mean()


def norm_penalty(tensors: Iterable[Tensor], l1: float = L1_WEIGHT, l2: float = L2_WEIGHT) -> Tensor:
    """L1 plus unsquared L2 norm, each summed over the tensors and times its weight (authors' code)."""
    tensors = list(tensors)
    sizes = torch.stack([tensor.abs().sum() for tensor in tensors]).sum()
    lengths = torch.stack([torch.linalg.vector_norm(tensor) for tensor in tensors]).sum()
    return l1 * sizes + l2 * lengths


def terms(
    output: Output,
    x: Tensor,
    labels: Tensor,
    modalities: Sequence[str],
    weights: LossWeights,
    penalised: Iterable[Tensor] = (),
    by_class: Tensor | None = None,
) -> dict[str, Tensor]:
    """Every term that has a weight, unweighted, as scalars.

    Args:
        output: the model's output for x.
        x: float32 (n, rows, width), the model's input.
        labels: int64 (n,).
        modalities: of the model, in the order of x's rows.
        weights: which terms are wanted, and in which of their two forms.
        penalised: the tensors of the norm penalty.
        by_class: float32 (classes,), weights of the classes in the cross-entropy; None for 1.
    """
    found: dict[str, Tensor] = {}
    row = 0
    for name in modalities:
        part = slice(row, row + ROWS[name])
        error = sequence_error if name == "sequence" else track_error
        found[name] = error(output.recon[:, part], x[:, part])
        row = part.stop
    # A continuous latent space has no codes: its divergence is a mean in either preset.
    code_dims = 1 if output.codes is None else output.z_e.shape[2] // output.codes.shape[2]
    found["commitment"] = encoder_error(output.commitment, code_dims, weights.sum_code_dims)
    found["cross_entropy"] = class_error(output.logits, labels, weights.mean_over_classes, by_class)
    if weights.focal_silencer:
        found["focal_silencer"] = focal_silencer(output.logits, labels)
    if weights.norms and weights.classification:
        found["norms"] = norm_penalty(penalised)
    return found


def total(found: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """Weighted sum of the terms (eq. 5 and 11): what is minimised."""
    share = {
        "sequence": weights.reconstruction,
        "openness": weights.reconstruction * weights.openness,
        "loops": weights.reconstruction * weights.loops,
        "commitment": weights.reconstruction * weights.commitment,
        "cross_entropy": weights.classification,
        "focal_silencer": weights.classification * weights.focal_silencer,
        "norms": weights.classification * weights.norms,
    }
    return torch.stack([share[name] * term for name, term in found.items()]).sum()
