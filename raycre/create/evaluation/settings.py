"""What is written of what a fold has learnt (CREATE Methods, "Feature spectrum"; Fig. 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raycre.bounds import NotNegative, Positive


@dataclass(frozen=True)
class Interpretation:
    """Which regions are looked at, and how.

    The map reads the codebook features of all positions, as the paper's, or their mean. A cap takes the
    regions whose bases have the smallest hashes.
    """

    embedding: Literal["concatenated", "mean"] = "concatenated"  # what the map reads
    mapped: Positive = 20_000  # test regions on the map at most
    per_class: Positive | None = None  # regions of a class decoded without its major feature; null: all
    base_by_base: NotNegative = 200  # of these, kept base by base, a class
