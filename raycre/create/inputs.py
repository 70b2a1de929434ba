"""A model's input, from the bases and raw tracks of wide windows: cut, turned and scaled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from raycre.create.layout import WIDTH
from raycre.create.views import Views
from raycre.errors import ConfigError
from raycre.float64 import to_float64

LOOP_OFFSET = 1 + 1e-8  # log10(count + 1 + 1e-8), authors' data preparation; the paper says "logarithmic"


def cut_views(wide: Tensor, width: int, offsets: np.ndarray, is_rc: np.ndarray) -> Tensor:
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


def region_input(
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
    """The model's input for one view of each wide window: `cut_views`, `complement`, `region_input`."""
    cut_codes = complement(cut_views(codes, width, *chosen), chosen.is_rc)
    openness, loops = (
        None if wide is None else cut_views(wide, width, *chosen) for wide in (openness, loops)
    )
    return region_input(cut_codes, openness, loops, modalities, log_openness)
