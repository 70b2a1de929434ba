"""Enformer (Avsec et al., Nat. Methods 2021)."""

from __future__ import annotations

from typing import Literal

GammaPeak = Literal["function", "distance"]
"""Where a gamma feature of positions has its peak; see `relative`."""

GAMMAS: dict[str, GammaPeak] = {"tensorflow": "function", "exact": "distance"}
"""How weights were trained, by the words of `model.gamma`: with TensorFlow's features, or the formula's."""
