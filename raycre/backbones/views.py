"""Several looks at one sequence: shifted by a few bp, on either strand.

Predictions are averaged over views as CREATE averages its own; CREME has the single view FORWARD.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

N = 4
COMPLEMENT = (3, 2, 1, 0, N)  # of A, C, G, T, N


class View(NamedTuple):
    """The window moved by `shift` bp (right, if positive), then read on the other strand if `reverse`."""

    shift: int
    reverse: bool

    def of(self, codes: Tensor) -> Tensor:
        """Show uint8 (…, length) codes as this view has them; beyond both ends there is N."""
        if self.shift:
            moved = torch.full_like(codes, N)
            length = codes.shape[-1]
            start, end = max(0, self.shift), min(length, length + self.shift)
            moved[..., start - self.shift : end - self.shift] = codes[..., start:end]
            codes = moved
        if self.reverse:
            letters = torch.tensor(COMPLEMENT, dtype=codes.dtype, device=codes.device)
            codes = letters[codes.flip(-1).int()]
        return codes


FORWARD = View(0, False)


def views_of(shifts: Iterable[int], reverse_complement: bool) -> tuple[View, ...]:
    """Return every shift on the forward strand, or on both."""
    strands = (False, True) if reverse_complement else (False,)
    return tuple(View(shift, reverse) for shift in shifts for reverse in strands)
