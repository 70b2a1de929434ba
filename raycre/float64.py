"""Arithmetic in float64 beside a GPU that has none: Apple's, which torch reaches by MPS."""

from __future__ import annotations

import torch
from torch import Tensor

WITHOUT_FLOAT64 = ("mps",)  # device types


def float64_device(device: torch.device | str) -> torch.device:
    """Return where float64 numbers of a device are kept: on it, or on the CPU where it has no float64."""
    given = torch.device(device)
    return torch.device("cpu") if given.type in WITHOUT_FLOAT64 else given


def to_float64(x: Tensor) -> Tensor:
    """Return `x` in float64, on `float64_device` of its device."""
    return x.to(float64_device(x.device)).double()
