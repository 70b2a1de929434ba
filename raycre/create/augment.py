"""Shifted and reverse-complemented views of a region, cut from one wide window (CREATE Methods, "Data augmentation").

Index arithmetic on arrays; knows nothing of files, genomes or training. A wide window has `flank` bp
more on each side of the region than the model sees, so that every view is a slice of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from raycre.create.layout import WIDTH
from raycre.errors import ConfigError

STRIDE = 10  # bp between shifts
RATIOS = (5, 5, 3, 3, 1)  # shifts by class in training, in the order of CLASSES
EVAL_RATIO = 5  # shifts of every region in validation and test
LOOP_OFFSET = 1 + 1e-8  # log10(count + 1 + 1e-8), authors' data preparation; the paper says "logarithmic"


class Views(NamedTuple):
    """One or more views: the shift of each in bp, and whether it is on the other strand.

    offsets: int64 (v,). is_rc: bool (v,).
    """

    offsets: np.ndarray
    is_rc: np.ndarray


def offsets(ratio: int, stride: int = STRIDE) -> np.ndarray:
    """Shifts of a region's window, in bp from its centred place: int64 (ratio,).

    An odd ratio has the centred window (0, ∓stride, ∓2·stride, …), an even one has not
    (∓stride/2, ∓3·stride/2, …).

    Raises:
        ConfigError: ratio or stride below 1, or an even ratio whose shifts are not whole bp.
    """
    if ratio < 1 or stride < 1:
        raise ConfigError(f"a region needs at least one window and a stride of 1 bp; stride={stride}", value=ratio)
    if ratio % 2 == 0 and stride % 2:
        raise ConfigError(f"an even ratio ({ratio}) shifts by half a stride; take an even stride", value=stride)
    doubled = np.arange(1, ratio, 2) if ratio % 2 == 0 else np.arange(2, ratio, 2)  # in half strides
    sizes = doubled * stride // 2
    centre = np.zeros(ratio % 2, dtype=np.int64)
    return np.concatenate([centre, np.stack([-sizes, sizes], axis=1).ravel()]).astype(np.int64)


def flank(max_ratio: int, stride: int = STRIDE) -> int:
    """Bp that a wide window needs on each side of the region for every shift of `max_ratio` and below."""
    return max(int(np.abs(offsets(ratio, stride)).max()) for ratio in range(1, max_ratio + 1) if _whole(ratio, stride))


def _whole(ratio: int, stride: int) -> bool:
    return ratio % 2 == 1 or stride % 2 == 0


def both_strands(ratio: int, stride: int = STRIDE) -> Views:
    """Every shift on both strands, 2 · ratio views: centred, its reverse complement, the next pair, theirs, …"""
    shifts = offsets(ratio, stride)
    pairs = np.split(shifts, range(ratio % 2, ratio, 2)) if ratio > 1 else [shifts]
    pairs = [pair for pair in pairs if len(pair)]
    return Views(
        np.concatenate([np.concatenate([pair, pair]) for pair in pairs]),
        np.concatenate([np.repeat([False, True], len(pair)) for pair in pairs]),
    )


class Samples(NamedTuple):
    """Views of regions: row of the region in the data, and its view. All (s,)."""

    rows: np.ndarray
    views: Views


def training_samples(
    labels: np.ndarray, rows: np.ndarray, ratios: Sequence[int] = RATIOS, stride: int = STRIDE
) -> Samples:
    """Every training view of the regions `rows`: 2 · ratio of its class for each, class by class.

    Args:
        labels: integer (n,), class of every region of the data.
        rows: int64 (r,), the regions to take.
        ratios: shifts by class.

    Returns:
        Samples of Σ 2 · ratio views, ordered by class, then as `rows`, then as `both_strands`.
    """
    chosen, shifts, strands = [], [], []
    for label, ratio in enumerate(ratios):
        of_class = rows[labels[rows] == label]
        views = both_strands(ratio, stride)
        chosen.append(np.repeat(of_class, 2 * ratio))
        shifts.append(np.tile(views.offsets, len(of_class)))
        strands.append(np.tile(views.is_rc, len(of_class)))
    return Samples(np.concatenate(chosen), Views(np.concatenate(shifts), np.concatenate(strands)))


def cut(wide: Tensor, views: Views, width: int = WIDTH) -> Tensor:
    """Cut one view from each wide window; views of the other strand are read backwards.

    Args:
        wide: (n, width + 2 · flank), any dtype and device.
        views: n of them.

    Returns:
        (n, width), same dtype and device. Codes still need `complement`.

    Raises:
        ConfigError: a view that reaches past the wide window.
    """
    centred = (wide.shape[1] - width) // 2
    starts = centred + views.offsets
    if len(starts) and (starts.min() < 0 or starts.max() + width > wide.shape[1]):
        raise ConfigError(
            f"a shift of {int(np.abs(views.offsets).max())} bp leaves the window of {wide.shape[1]:,} bp; "
            "materialise windows with the flank of the largest ratio"
        )
    first = np.where(views.is_rc, starts + width - 1, starts)
    step = np.where(views.is_rc, -1, 1)
    first_on, step_on = (torch.from_numpy(a).to(wide.device).unsqueeze(1) for a in (first, step))
    return wide.gather(1, first_on + step_on * torch.arange(width, device=wide.device))


def complement(codes: Tensor, is_rc: np.ndarray) -> Tensor:
    """Complement the rows of `codes`, uint8 (n, width), that are on the other strand; N (4) stays N."""
    other = torch.from_numpy(is_rc).to(codes.device).unsqueeze(1)
    return torch.where(other & (codes < 4), 3 - codes, codes)


def to_input(codes: Tensor, openness: Tensor | None, loops: Tensor | None, modalities: Sequence[str]) -> Tensor:
    """The model's input from codes and raw tracks, made on their device.

    Args:
        codes: uint8 (n, width).
        openness: float32 (n, width), mean of the replicates' reads; becomes log10(mean + 1).
        loops: number (n, width), loops over each bp; becomes log10(count + 1 + 1e-8).
        modalities: which of them, in the order of the rows.

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
        rows.append(torch.log10(track.to(torch.float64) + offset).to(torch.float32).unsqueeze(1))
    return torch.cat(rows, dim=1)


def view_input(
    codes: Tensor,
    openness: Tensor | None,
    loops: Tensor | None,
    views: Views,
    modalities: Sequence[str],
    width: int = WIDTH,
) -> Tensor:
    """The model's input for one view of each wide window: `cut`, `complement`, `to_input`."""
    openness, loops = (None if wide is None else cut(wide, views, width) for wide in (openness, loops))
    return to_input(complement(cut(codes, views, width), views.is_rc), openness, loops, modalities)
