"""Weights of the terms of CREATE's loss, where the paper's text and the authors' code differ: both.

Numbers only; the terms are in losses.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from raycre.bounds import NotNegativeNumber


@dataclass(frozen=True)
class Weights:
    """Weights of the terms; the defaults are those of the authors' code, which made the published weights.

    total = reconstruction · (sequence + openness · β + loops · γ + commitment · α)
          + classification · (cross_entropy + focal_silencer · w + norms · w)
    """

    openness: NotNegativeNumber = 0.01  # β, eq. 5
    loops: NotNegativeNumber = 0.1  # γ, eq. 5
    commitment: NotNegativeNumber = 0.25  # α, eq. 11
    sum_code_dims: bool = False  # eq. 6 sums over a code's dimensions; the code takes their mean
    reconstruction: NotNegativeNumber = 0.5  # 1 in eq. 11
    classification: NotNegativeNumber = 1.0
    mean_over_classes: bool = False  # eq. 10 divides by the number of classes; the code does not
    focal_silencer: NotNegativeNumber = 1.0  # not in the paper
    norms: NotNegativeNumber = 2.0  # not in the paper; the code adds the penalty twice


AUTHORS_CODE = Weights()
