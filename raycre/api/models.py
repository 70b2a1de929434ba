"""Backbones as functions of arrays: sequences in, the activity of tracks out; and as torch modules.

Takes letters, one-hot arrays and base codes. Nothing here needs a run or Ray.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from raycre.backbones.contract import Backbone
from raycre.backbones.loading import load, ready
from raycre.backbones.reader import Reader
from raycre.backbones.track_query import select_tracks
from raycre.backbones.views import views_of
from raycre.config import BackboneConfig, make_config
from raycre.errors import ConfigError, InputError
from raycre.genome.sequence import N_CODE, first_invalid, letter_codes, no_nucleotide

Sequences = Any  # texts, or arrays of NumPy or torch
Tracks = str | Sequence[int | str] | int


class Model:
    """A backbone with its weights, ready to predict.

    Attributes:
        backbone: the model itself, a torch module.
        seq_len: bp that it reads; n_bins, bin_size: of its output, round the middle of the input.
        tracks: its table of tracks.
    """

    def __init__(
        self, backbone: Backbone, *, shifts: Sequence[int] = (0,), reverse_complement: bool = False
    ) -> None:
        self.backbone = backbone
        self.seq_len, self.n_bins, self.bin_size = backbone.seq_len, backbone.n_bins, backbone.bin_size
        self.tracks: pd.DataFrame = backbone.tracks
        self._views = views_of(tuple(shifts), reverse_complement)

    def read(
        self, sequences: Sequences, tracks: Tracks = "all", *, bins: str | Sequence[int] = "tss"
    ) -> NDArray[np.float32]:
        """Predict.

        Args:
            sequences: of `seq_len` bp each: one text or several; one-hot (N, L, 4) or (N, 4, L), whose
                columns of zeros (or of 0.25) are N; codes 0-4 = A, C, G, T, N as uint8 (N, L). Without the
                first axis: one sequence.
            tracks: a query such as "assay=CAGE biosample=K562", rows, or identifiers.
            bins: "tss": the mean over the bins round the middle; "all"; or 0-based output bins.

        Returns:
            float32 (N, tracks); with "all" or bins (N, bins, tracks). In the order asked for.

        Raises:
            InputError: another length, a letter that is no nucleotide, rows that are not one-hot.
            TrackError: nothing matches.
        """
        codes = codes_of(sequences, self.seq_len)
        rows = self.rows(tracks)
        wanted = self._bins(bins)
        reader = Reader(self.backbone, tuple(rows), incremental=False, views=self._views, bins=wanted)
        predicted = [reader.whole(one) for one in codes]
        found = np.stack(predicted) if predicted else np.empty((0, len(wanted), len(rows)), np.float32)
        if bins == "tss":
            found = found.mean(axis=1, dtype=np.float64).astype(np.float32)
        return np.asarray(found, dtype=np.float32)

    def rows(self, tracks: Tracks) -> list[int]:
        """Return the rows of the track table that a query, rows or identifiers mean."""
        return select_tracks(self.tracks, [tracks] if isinstance(tracks, int) else tracks)

    def module(self, tracks: Tracks = "all", *, bins: str | Sequence[int] = "tss") -> nn.Module:
        """Return a torch module from one-hot float (N, 4, L) to (N, tracks), for tangermeme and others.

        With bins other than "tss": to (N, bins, tracks). Gradients reach the input where the backbone gives
        them (Enformer, Borzoi; `planted` is a table of exact matches and gives none).
        """
        return OneHotModule(self.backbone, self.rows(tracks), self._bins(bins), mean=bins == "tss")

    def _bins(self, bins: str | Sequence[int]) -> tuple[int, ...]:
        if isinstance(bins, str):
            if bins not in ("tss", "all"):
                raise ConfigError("bins are tss, all, or 0-based numbers", value=bins)
            return tuple(self.backbone.tss_bins) if bins == "tss" else tuple(range(self.n_bins))
        wanted = tuple(int(b) for b in bins)
        if any(view.reverse for view in self._views) and {self.n_bins - 1 - b for b in wanted} != set(wanted):
            raise ConfigError(
                'over both strands, bins come with their mirror images (bins="all" has them all)', value=bins
            )
        return wanted

    def __repr__(self) -> str:
        weights = "" if self.backbone.trained else ", RANDOM WEIGHTS"
        return (
            f"{self.backbone.name}: {self.seq_len:,} bp in, {self.n_bins:,} bins of {self.bin_size} bp × "
            f"{len(self.tracks):,} tracks out{weights}"
        )


class OneHotModule(nn.Module):
    """A backbone that reads one-hot float (N, 4, L)."""

    def __init__(self, backbone: Backbone, rows: Sequence[int], bins: Sequence[int], *, mean: bool) -> None:
        super().__init__()
        self.backbone, self.rows, self.bins, self.mean = backbone, list(rows), list(bins), mean
        self.by_codes = type(backbone).read_one_hot is Backbone.read_one_hot

    def forward(self, x: Tensor) -> Tensor:
        """float (N, 4, L) to (N, tracks), or (N, bins, tracks)."""
        if x.ndim != 3 or x.shape[1:] != (4, self.backbone.seq_len):
            raise InputError(
                f"{self.backbone.name} reads (N, 4, {self.backbone.seq_len}), got {tuple(x.shape)}"
            )
        if self.by_codes:
            codes = torch.where(x.sum(1) > 0, x.argmax(1), N_CODE).to(torch.uint8)
            found = self.backbone.read(codes, self.bins, self.rows)
        else:
            found = self.backbone.read_one_hot(x.float(), self.bins, self.rows)
        return found.mean(1) if self.mean else found


def codes_of(sequences: Sequences, seq_len: int) -> NDArray[np.uint8]:
    """Return sequences as codes, uint8 (N, seq_len); see `Model.read` for what is taken.

    Raises:
        InputError: another length, a letter that is no nucleotide, or an array that is not one-hot.
    """
    if isinstance(sequences, str | bytes):
        sequences = [sequences]
    if isinstance(sequences, list | tuple) and not sequences:
        return np.empty((0, seq_len), np.uint8)
    if isinstance(sequences, list | tuple) and sequences and isinstance(sequences[0], str | bytes):
        return np.stack([_of_letters(text, seq_len, i) for i, text in enumerate(sequences)])
    array = sequences.detach().cpu().numpy() if isinstance(sequences, Tensor) else np.asarray(sequences)
    if array.dtype == np.uint8 and array.ndim in (1, 2) and array.shape[-1] == seq_len:
        codes = np.atleast_2d(array)
        if codes.size and codes.max() > N_CODE:
            raise InputError("codes are 0-4: A, C, G, T, N", value=int(codes.max()))
        return np.ascontiguousarray(codes)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or sorted(array.shape[1:]) != sorted((4, seq_len)):
        raise InputError(
            f"the model reads {seq_len:,} bp: texts, one-hot (N, {seq_len}, 4) or (N, 4, {seq_len}), or "
            f"codes (N, {seq_len}) as uint8; got an array of shape {array.shape} of {array.dtype}"
        )
    one_hot = array if array.shape[2] == 4 else array.transpose(0, 2, 1)
    if not np.isfinite(one_hot.astype(np.float64)).all():
        raise InputError("the array holds values that are not finite")
    base = (one_hot == 1).sum(axis=2) == 1
    base &= (one_hot != 0).sum(axis=2) == 1
    blank = (one_hot == one_hot[..., :1]).all(axis=2) & np.isin(one_hot[..., 0], (0, 0.25))
    if wrong := np.argwhere(~(base | blank)).tolist():
        which, at = wrong[0]
        raise InputError(
            "not one-hot: a position has one 1, or is N with four times 0 or 0.25; `module` takes others",
            value=f"sequence {which}, position {at}: {one_hot[which, at].tolist()}",
        )
    return np.where(base, one_hot.argmax(axis=2), N_CODE).astype(np.uint8)


def _of_letters(text: str | bytes, seq_len: int, number: int) -> NDArray[np.uint8]:
    codes = letter_codes(text)
    if len(codes) != seq_len:
        raise InputError(f"sequence {number} has {len(codes):,} bp, the model reads {seq_len:,}")
    if (wrong := first_invalid(codes)) is not None:
        letter = text[wrong] if isinstance(text, str) else chr(text[wrong])
        raise InputError(
            f"sequence {number}, position {wrong} (from 0): {no_nucleotide(letter)}", value=letter
        )
    return np.minimum(codes, N_CODE)


def model(
    backbone: str | Backbone,
    weights: str | Path | Sequence[str] | None = None,
    *,
    device: str | torch.device = "cpu",
    **keys: Any,
) -> Model:
    """Load a backbone by its name, one of an installed package, too.

    Args:
        backbone: enformer, borzoi, flashzoi, planted, of an installed package; or a model of your own.
        weights: a file, registry:NAME of `raycre weights list`, or random:SEED; several are an ensemble.
        device: where it predicts: cpu, cuda, mps.
        **keys: as under `model` of a configuration: head, track_table, dtype, shifts, reverse_complement,
            gamma (Enformer), strands (Borzoi).

    Raises:
        InputError: no such backbone, weights that do not fit.
    """
    if isinstance(backbone, Backbone):
        if weights is not None or keys:
            raise ConfigError(
                "a model that is made already has its weights and settings", value=backbone.name
            )
        return Model(ready(backbone, device=device))
    if weights is not None:
        keys["weights"] = str(weights) if isinstance(weights, str | Path) else [str(w) for w in weights]
    given: Mapping[str, Any] = {"backbone": backbone, **keys}
    spec = make_config(BackboneConfig, given).spec()
    loaded = ready(load(spec), spec.dtype, device)
    return Model(loaded, shifts=spec.shifts, reverse_complement=spec.reverse_complement)


enformer = partial(model, "enformer")
borzoi = partial(model, "borzoi")
flashzoi = partial(model, "flashzoi")
planted = partial(model, "planted")
