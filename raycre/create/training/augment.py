"""Shifted and reverse-complemented views of a region (CREATE Methods, "Data augmentation").

Index arithmetic on arrays; knows nothing of files, genomes or training. A wide window has `flank` bp
more on each side of the region than the model sees, so that every view is a slice of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from raycre.create.layout import WIDTH
from raycre.errors import ConfigError
from raycre.float64 import to_float64

STRIDE = 10  # bp between shifts
RATIOS = (5, 5, 3, 3, 1)  # shifts by class in training, in the order of CLASSES
EVAL_RATIO = 5  # shifts of every region in validation and test
LOOP_OFFSET = 1 + 1e-8  # log10(count + 1 + 1e-8), authors' data preparation; the paper says "logarithmic"


class Views(NamedTuple):
    """Views by their shift from the region's centred window and their strand; both arrays (v,).

    offsets: int64, bp. is_rc: bool, whether the view is the reverse complement.
    """

    offsets: np.ndarray
    is_rc: np.ndarray


class Samples(NamedTuple):
    """Views of regions: int64 (s,) row of each region in the data, and s views."""

    rows: np.ndarray
    views: Views


def offsets(ratio: int, stride: int = STRIDE) -> np.ndarray:
    """Shifts of a region's window in bp, nearest first: int64 (ratio,).

    They lie `stride` apart and symmetric round the centre, so an odd ratio has the centred window
    (0, ∓stride, ∓2·stride, …) and an even one has not (∓stride/2, ∓3·stride/2, …).

    Raises:
        ConfigError: ratio or stride below 1, or an even ratio whose shifts are not whole bp.
    """
    if ratio < 1 or stride < 1:
        raise ConfigError("ratio and stride of the shifts must be at least 1", value=(ratio, stride))
    if ratio % 2 == 0 and stride % 2:
        raise ConfigError("an even ratio shifts by half a stride; take an even stride", value=(ratio, stride))
    half_strides = 2 * np.arange(ratio, dtype=np.int64) - (ratio - 1)
    shifts = half_strides * stride // 2
    return shifts[np.lexsort((shifts, np.abs(shifts)))]


def flank(max_ratio: int, stride: int = STRIDE) -> int:
    """Bp that a wide window needs on each side of the region for the shifts of `max_ratio` and below."""
    return math.ceil((max_ratio - 1) * stride / 2)


def both_strands(ratio: int, stride: int = STRIDE) -> Views:
    """Every shift on both strands, 2 · ratio views: by distance, then strand, then shift."""
    shifts = np.tile(offsets(ratio, stride), 2)
    is_rc = np.repeat([False, True], ratio)
    order = np.lexsort((shifts, is_rc, np.abs(shifts)))
    return Views(shifts[order], is_rc[order])


def _one_complement(ratio: int, stride: int) -> Views:
    """Every shift on the forward strand, and the centred window's reverse complement."""
    return Views(np.append(offsets(ratio, stride), 0), np.arange(ratio + 1) == ratio)


def training_samples(
    labels: np.ndarray,
    rows: np.ndarray,
    ratios: Sequence[int] = RATIOS,
    stride: int = STRIDE,
    strands: Literal["every", "original"] = "every",
) -> Samples:
    """Every training view of the regions `rows`.

    Args:
        labels: integer (n,), class of every region of the data.
        rows: int64 (r,), the regions to take.
        ratios: shifts by class.
        strands: "every" shift also gets its reverse complement, 2 · ratio views (authors' code); or only
            the "original", centred window does, ratio + 1 views (the paper's text).

    Returns:
        Samples ordered by class, then as `rows`, then as `both_strands`.
    """
    taken, shifts, is_rc = [], [], []
    for label, ratio in enumerate(ratios):
        of_class = rows[labels[rows] == label]
        of_region = both_strands(ratio, stride) if strands == "every" else _one_complement(ratio, stride)
        taken.append(np.repeat(of_class, len(of_region.is_rc)))
        shifts.append(np.tile(of_region.offsets, len(of_class)))
        is_rc.append(np.tile(of_region.is_rc, len(of_class)))
    return Samples(np.concatenate(taken), Views(np.concatenate(shifts), np.concatenate(is_rc)))


def views(wide: Tensor, width: int, offsets: np.ndarray, is_rc: np.ndarray) -> Tensor:
    """Cut one view from each wide window; one on the other strand is read backwards.

    Args:
        wide: (n, width + 2 · flank), any dtype and device.
        offsets: int64 (n,), bp from the centred window.
        is_rc: bool (n,). Codes read backwards still need `complement`.

    Returns:
        (n, width), same dtype and device.

    Raises:
        ConfigError: a view that reaches past the wide window.
    """
    starts = (wide.shape[1] - width) // 2 + offsets
    if len(starts) and (starts.min() < 0 or starts.max() + width > wide.shape[1]):
        raise ConfigError(
            f"a shift reaches past the window of {wide.shape[1]:,} bp; read windows with the flank that "
            "the largest ratio needs",
            value=int(np.abs(offsets).max()),
        )
    first = torch.from_numpy(np.where(is_rc, starts + width - 1, starts)).to(wide.device)
    step = torch.from_numpy(np.where(is_rc, -1, 1)).to(wide.device)
    positions = first[:, None] + step[:, None] * torch.arange(width, device=wide.device)
    return wide.gather(1, positions)


def complement(codes: Tensor, is_rc: np.ndarray) -> Tensor:
    """Complement the rows of `codes`, uint8 (n, width), where `is_rc`; N (4) stays N."""
    other_strand = torch.from_numpy(is_rc).to(codes.device)[:, None]
    return torch.where(other_strand & (codes < 4), 3 - codes, codes)


def to_input(
    codes: Tensor,
    openness: Tensor | None,
    loops: Tensor | None,
    modalities: Sequence[str],
    log_openness: bool = True,
) -> Tensor:
    """The model's input from codes and raw tracks, made on their device.

    Args:
        codes: uint8 (n, width).
        openness: float32 (n, width), mean of the replicates' reads; becomes log10(mean + 1).
        loops: number (n, width), loops over each bp; becomes log10(count + 1 + 1e-8).
        modalities: which of them, in the order of the rows.
        log_openness: False leaves openness as it is (the paper's text).

    Returns:
        float32 (n, rows, width). Logarithms are taken in float64, as the authors' preparation does.

    Raises:
        ConfigError: a modality whose track is missing.
    """
    rows = []
    for name in modalities:
        if name == "sequence":
            bases = torch.arange(4, dtype=torch.uint8, device=codes.device).view(1, 4, 1)
            rows.append((codes.unsqueeze(1) == bases).to(torch.float32))
            continue
        track, offset = (openness, 1.0) if name == "openness" else (loops, LOOP_OFFSET)
        if track is None:
            raise ConfigError(f"the model reads {name}, and no {name} track is given", value=name)
        if name == "openness" and not log_openness:
            rows.append(track.to(torch.float32).unsqueeze(1))
            continue
        logarithms = torch.log10(to_float64(track) + offset)
        rows.append(logarithms.to(torch.float32).to(codes.device).unsqueeze(1))
    return torch.cat(rows, dim=1)


def view_input(
    codes: Tensor,
    openness: Tensor | None,
    loops: Tensor | None,
    chosen: Views,
    modalities: Sequence[str],
    width: int = WIDTH,
    log_openness: bool = True,
) -> Tensor:
    """The model's input for one view of each wide window: `views`, `complement`, `to_input`."""
    cut_codes = complement(views(codes, width, *chosen), chosen.is_rc)
    openness, loops = (None if wide is None else views(wide, width, *chosen) for wide in (openness, loops))
    return to_input(cut_codes, openness, loops, modalities, log_openness)
