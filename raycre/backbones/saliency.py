"""Gradient times input of the TSS activity: how each base, as it stands, moves the prediction to first order.

Simonyan et al. 2014; CREME compares itself with it (Methods, "Fine-tile search").

Memory: autograd keeps what every layer made. At full size most of that is the convolutions', in proportion
to the sequence. A `LocalBackbone` is therefore taken in two steps: the gradient of the activity by the trunk,
then one piece of the sequence after another, recomputed, through which that gradient is carried back. Both
are exact: each row of the trunk is computed in one piece, and its bases are all in that piece.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from raycre.backbones.contract import Backbone, LocalBackbone, check_read
from raycre.backbones.crops import PIECE, Field
from raycre.float64 import to_float64


def gradient_times_input(
    model: Backbone, codes: Tensor, tracks: Sequence[int], *, piece: int = PIECE
) -> Tensor:
    """Return gradient times input at the base that stands at each position, one track at a time.

    The gradient is of the TSS activity, the mean over `model.tss_bins`, by the four channels of a position;
    it is multiplied by what the position has in them and added up: at A, C, G or T the gradient of its own
    channel, at N what the model puts in (nothing, or 0.25 of each).

    Args:
        model: that gives gradients; call it in evaluation mode.
        codes: uint8 (n, seq_len).
        tracks: rows of its track table.
        piece: bp of a piece for a `LocalBackbone`.

    Returns:
        float32 (n, len(tracks), seq_len), on the device of `codes`.

    Raises:
        ConfigError: a model that cannot be differentiated.
        InputError, TrackError: as `check_read`.
    """
    check_read(model, codes, model.tss_bins, tracks)
    one_hot = model.one_hot(codes)
    saliencies = []
    with torch.enable_grad():
        for sequence in one_hot.detach().split(1):
            gradients = (
                _local_gradients(model, sequence, tracks, piece)
                if isinstance(model, LocalBackbone)
                else _gradients(model, sequence, tracks)
            )
            saliencies.append(torch.stack([(g * sequence).sum(1)[0] for g in gradients]))
    return torch.stack(saliencies)


def _gradients(model: Backbone, one_hot: Tensor, tracks: Sequence[int]) -> list[Tensor]:
    """Gradient of each track's activity by (1, 4, seq_len), of the same shape."""
    leaf = one_hot.clone().requires_grad_()
    activity = model.read_one_hot(leaf, model.tss_bins, tracks).mean(1)[0]
    return [_grad(a, (leaf,), keep=i + 1 < len(tracks))[0] for i, a in enumerate(activity)]


def _local_gradients(
    model: LocalBackbone, one_hot: Tensor, tracks: Sequence[int], piece: int
) -> list[Tensor]:
    """As `_gradients`, by way of the trunk."""
    field = Field(model.seq_len, model.strides, model.reaches)
    step = model.strides[-1]
    crops = field.pieces(max(step, piece // step * step))
    whole: tuple[Tensor, ...] | None = None
    with torch.no_grad():
        for crop in crops:
            part = model.trunk_one_hot(one_hot[..., crop.start : crop.end])
            if whole is None:
                whole = tuple(
                    level.new_empty(1, model.seq_len // stride, level.shape[2])
                    for level, stride in zip(part, model.strides, strict=True)
                )
            field.write(whole, crop, part)
    assert whole is not None  # a sequence has at least one piece
    trunk = tuple(level.requires_grad_() for level in whole)
    activity = model.read_trunk(trunk, model.tss_bins, tracks).mean(1)[0]
    by_trunk = [_grad(a, trunk, keep=i + 1 < len(tracks)) for i, a in enumerate(activity)]
    del activity
    gradients = [torch.zeros_like(one_hot) for _ in tracks]
    for crop in crops:
        leaf = one_hot[..., crop.start : crop.end].clone().requires_grad_()
        computed = model.trunk_one_hot(leaf)
        rows = tuple(
            level[:, first - crop.start // stride : last - crop.start // stride]
            for level, (first, last), stride in zip(computed, crop.rows, model.strides, strict=True)
        )
        for i, of_track in enumerate(by_trunk):
            weights = tuple(g[:, first:last] for g, (first, last) in zip(of_track, crop.rows, strict=True))
            (found,) = torch.autograd.grad(rows, (leaf,), weights, retain_graph=i + 1 < len(by_trunk))
            gradients[i][..., crop.start : crop.end] += found
    return gradients


def _grad(activity: Tensor, leaves: tuple[Tensor, ...], *, keep: bool) -> tuple[Tensor, ...]:
    found = torch.autograd.grad(activity, leaves, retain_graph=keep, allow_unused=True)
    # Queries, keys and values of a model without attention, say, change nothing.
    return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True))


def tile_sums(saliency: Tensor, tiles: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Add up saliency over tiles, with its sign and without.

    Args:
        saliency: (…, seq_len).
        tiles: 0-based half-open in the model's input.

    Returns:
        float64 (…, tiles) each, on the device of `saliency` (the CPU for MPS, which has no float64).
    """
    precise = to_float64(saliency)
    return (
        torch.stack([precise[..., start:end].sum(-1) for start, end in tiles], -1),
        torch.stack([precise[..., start:end].abs().sum(-1) for start, end in tiles], -1),
    )
