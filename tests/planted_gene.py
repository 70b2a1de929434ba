"""A gene for the planted backbone: As with motifs where a test wants them, and backgrounds of nothing but As.

12,800 bp in 100 bins, TSS bins 49 and 50. Tiles of 512 bp are 4 bins: the TSS tile is bins 48-51.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from raycre.backbones.planted import MOTIFS, REACH_BP, Planted
from raycre.creme.perturbation import Perturbation, apply
from raycre.creme.plan import complete
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval, context_tiles

LENGTH, TILE = 12_800, 512
TSS_BINS = (49, 50)
GRID: tuple[Interval, ...] = tuple((start, end) for start, end in context_tiles(LENGTH, TILE).tolist())


def wild_type(motif: str, bins: Sequence[int]) -> NDArray[np.uint8]:
    """Plant a motif in the middle of bins: uint8 (LENGTH,)."""
    codes = np.zeros(LENGTH, dtype=np.uint8)
    for bin_ in bins:
        start = 128 * bin_ + 56
        codes[start : start + 15] = ["ACGT".index(base) for base in MOTIFS[motif]]
    return codes


def decay(bin_: int, tss_bin: int, track: int) -> float:
    """Return what is left at a TSS bin of a hit in another, as the model's docstring has it."""
    return math.exp(-128 * abs(bin_ - tss_bin) / list(REACH_BP.values())[track])


def activities(
    tests: Sequence[str], settings: Settings, wt: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """Predict all that the tests ask for; every shuffle is all As."""
    model = Planted(LENGTH).eval()

    def no_motifs(gene: str, start: int, end: int, k: int, owner: Interval | None) -> NDArray[np.uint8]:
        return np.zeros(end - start, dtype=np.uint8)

    def predict(wanted: Sequence[Perturbation]) -> dict[str, NDArray[np.float64]]:
        codes = torch.from_numpy(np.stack([apply(wt, p, "g", 0, no_motifs) for p in wanted]))
        found = model.read(codes, TSS_BINS, range(len(REACH_BP))).double().mean(dim=1).numpy()
        return {p.key: found[i] for i, p in enumerate(wanted)}

    return complete(tests, settings, predict)
