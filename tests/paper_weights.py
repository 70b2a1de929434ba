"""Weights of CREATE's loss by the paper's text (eq. 6, 10, 11), by hand, to hold the preset against."""

from __future__ import annotations

from raycre.create.model.loss_weights import Weights

PAPER = Weights(sum_code_dims=True, reconstruction=1.0, mean_over_classes=True, focal_silencer=0.0, norms=0.0)
