"""Which part of a long input a local computation must see again, and how its rows come together.

Positions are bp in the model's input, 0-based half-open.

A row r of a tensor with stride s and reach h depends on bases [r s - h, (r + 1) s + h). So a change of bases
[a, b) changes rows floor((a - h) / s) … floor((b - 1 + h) / s); to compute these, a crop must hold all that
they depend on, begin and end at multiples of the largest stride, and stop short only where the sequence ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Trunk = tuple[Tensor, ...]
Local = Callable[[Tensor], Trunk]
"""uint8 (n, length) -> for each stride (n, length / stride, channels)."""

PIECE = 24_576  # bp computed at once of a whole sequence: what is in flight stays near the cache


class Crop(NamedTuple):
    """Bases [start, end) to compute, and rows [first, last) of each whole tensor that are then right."""

    start: int
    end: int
    rows: tuple[tuple[int, int], ...]


class Field(NamedTuple):
    """How a local computation sees: see `LocalBackbone` for `strides` and `reaches`."""

    seq_len: int
    strides: Sequence[int]
    reaches: Sequence[int]

    def crop(self, start: int, end: int) -> Crop:
        """Return the smallest crop that gives every row which bases [start, end) can change."""
        step = self.strides[-1]
        rows, low, high = [], start, end
        for stride, reach in zip(self.strides, self.reaches, strict=True):
            first = max(0, (start - reach) // stride)
            last = min(self.seq_len // stride, (end - 1 + reach) // stride + 1)
            rows.append((first, last))
            low, high = min(low, first * stride - reach), max(high, last * stride + reach)
        return Crop(max(0, low // step * step), min(self.seq_len, -(-high // step) * step), tuple(rows))

    def crops(self, changed: Tensor) -> list[Crop]:
        """Return the crops that cover all changed bases, none touching the next.

        Args:
            changed: int64 (n,), ascending positions; on the CPU.
        """
        if not len(changed):
            return []
        # Bases nearer to each other than this share a crop whatever else lies between; cuts down the loop.
        near = 2 * min(self.reaches)
        cuts = (torch.nonzero(changed.diff() > near).flatten() + 1).tolist()
        found: list[tuple[int, int]] = []
        for part in changed.tensor_split(cuts):
            start, end = int(part[0]), int(part[-1]) + 1
            while found and self.crop(*found[-1]).end >= self.crop(start, end).start:
                start = found.pop()[0]
            found.append((start, end))
        return [self.crop(start, end) for start, end in found]

    def pieces(self, size: int) -> list[Crop]:
        """Cut the whole sequence into crops whose rows lie one after another, `size` bp of them in each."""
        whole = []
        for start in range(0, self.seq_len, size):
            end = min(start + size, self.seq_len)
            widest = max(self.reaches)
            step = self.strides[-1]
            low, high = max(0, (start - widest) // step * step), -(-(end + widest) // step) * step
            rows = tuple((start // stride, end // stride) for stride in self.strides)
            whole.append(Crop(low, min(self.seq_len, high), rows))
        return whole

    def write(self, into: Trunk, crop: Crop, computed: Trunk) -> None:
        """Copy the rows of a crop's result that are right to their place in tensors of the whole sequence."""
        for whole, part, (first, last), stride in zip(into, computed, crop.rows, self.strides, strict=True):
            offset = crop.start // stride
            whole[:, first:last] = part[:, first - offset : last - offset]


def compute_whole(field: Field, local: Local, codes: Tensor, size: int = PIECE) -> Trunk:
    """Compute all rows of whole sequences piece by piece, so that less is in memory at once.

    Args:
        field: of `local`.
        local: the computation.
        codes: uint8 (n, seq_len).
        size: bp of a piece, rounded down to a multiple of the largest stride.
    """
    step = field.strides[-1]
    size = max(step, size // step * step)
    whole: Trunk | None = None
    for crop in field.pieces(size):
        part = local(codes[:, crop.start : crop.end])
        if whole is None:
            whole = tuple(
                level.new_empty(len(codes), field.seq_len // stride, level.shape[2])
                for level, stride in zip(part, field.strides, strict=True)
            )
        field.write(whole, crop, part)
    assert whole is not None  # a sequence has at least one piece
    return whole
