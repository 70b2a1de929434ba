"""Borzoi (Linder et al., Nat. Genet. 2025) and Flashzoi, its variant with rotary positions."""

from __future__ import annotations

from typing import Literal, get_args

Strands = Literal["summed", "separate"]
"""What a track of a stranded measurement means: itself and its other strand, or itself."""

STRANDS: tuple[Strands, ...] = get_args(Strands)
