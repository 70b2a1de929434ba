"""What a sequence-to-activity model must offer to run under CREME. Nothing here knows a particular model.

A backbone is a `torch.nn.Module` with the attributes and the one method below. A user's own model
needs one file: subclass `Backbone`, or give any module with the same members.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from raycre.errors import InputError, TrackError

TRACK_COLUMNS = ("track_id", "identifier", "description", "assay", "biosample")


class Backbone(nn.Module, ABC):
    """A model that reads `seq_len` bases and predicts `n_bins` bins of `bin_size` bp for each track.

    Attributes:
        name: short name, written into every result ("enformer").
        seq_len: input length in bp.
        bin_size: output resolution in bp.
        n_bins: number of output bins; they cover the middle `n_bins * bin_size` bp of the input.
        tracks: one row per output track in head order, columns `TRACK_COLUMNS`; `track_id` is the row
            (int64), text columns are null where unknown.
        tss_bins: 0-based output bins whose mean is the TSS activity, the TSS being base `seq_len // 2`.
        trained: False for random weights; every output of such a run says so.
        weights_sha256: hash of the weights' file, or of "random:SEED".
    """

    name: str
    seq_len: int
    bin_size: int
    n_bins: int
    tracks: pd.DataFrame
    trained: bool
    weights_sha256: str

    @property
    def tss_bins(self) -> tuple[int, ...]:
        """The two bins on both sides of the input's middle (Enformer: 447 and 448 of 896)."""
        return (self.n_bins // 2 - 1, self.n_bins // 2)

    @abstractmethod
    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """Predict the wanted bins and tracks only.

        Args:
            codes: uint8 (n, seq_len), 0-3 = A, C, G, T and 4 = N.
            bins: 0-based output bins, any order.
            tracks: rows of `tracks`, any order.

        Returns:
            float32 (n, len(bins), len(tracks)), in the order asked for.

        Raises:
            InputError: a sequence of another length, a bin or track outside the output.
        """


def check_read(model: Backbone, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> None:
    """Raise the named error for a call that `read` cannot answer."""
    if codes.ndim != 2 or codes.shape[1] != model.seq_len:
        raise InputError(
            f"{model.name} reads sequences of {model.seq_len:,} bp, "
            f"got an array of shape {tuple(codes.shape)}"
        )
    if codes.dtype != torch.uint8 or (codes.numel() and int(codes.max()) > 4):
        raise InputError(f"{model.name} reads uint8 codes 0-4 (A, C, G, T, N)")
    for b in bins:
        if not 0 <= b < model.n_bins:
            raise InputError(f"{model.name} predicts bins 0-{model.n_bins - 1}", value=b)
    for t in tracks:
        if not 0 <= t < len(model.tracks):
            raise TrackError(f"{model.name} has tracks 0-{len(model.tracks) - 1}", value=t)
