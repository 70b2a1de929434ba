"""What a sequence-to-activity model must offer to run under CREME.

A backbone is a `torch.nn.Module` with the attributes and the one method below. A user's own model
needs one file with a subclass of `Backbone`. `LocalBackbone` is for models that begin with convolutions: it
buys exact reuse of their activations (incremental.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raycre.backbones.crops import Field, compute_whole
from raycre.errors import ConfigError, InputError, TrackError


class Backbone(nn.Module, ABC):
    """A model that reads `seq_len` bases and predicts `n_bins` bins of `bin_size` bp for each track.

    Attributes:
        name: short name, written into every result ("enformer").
        seq_len: input length in bp.
        bin_size: output resolution in bp.
        n_bins: number of output bins; they cover the middle `n_bins * bin_size` bp of the input.
        tracks: one row per output track in head order, columns `tracks.TRACK_COLUMNS`; `track_id` is the row
            (int64), text columns are null where unknown.
        tss_bins: 0-based output bins whose mean is the TSS activity, the TSS being base `seq_len // 2`.
        trained: False for random weights; every output of such a run says so.
        weights_sha256: hash of the weights' file, or of "random:SEED".
        lowers: its layers run in the precision of their weights (precision.py), so bfloat16 can be asked for.
        shares_weights: nothing but loading and `precompute` changes a tensor of it, it pickles, and no two
            of its tensors overlap; the replicas of a node then share one copy of the weights. Others are
            loaded by every replica.
    """

    name: str
    seq_len: int
    bin_size: int
    n_bins: int
    tracks: pd.DataFrame
    trained: bool
    weights_sha256: str
    lowers = False
    shares_weights = False

    @property
    def tss_bins(self) -> tuple[int, ...]:
        """The two bins on both sides of the input's middle (Enformer: 447 and 448 of 896)."""
        return (self.n_bins // 2 - 1, self.n_bins // 2)

    def precompute(self) -> None:
        """Keep what no input changes. Called once, when weights and device are final; nothing by default."""

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

    def one_hot(self, codes: Tensor) -> Tensor:
        """Spell codes as the channels that the model reads: uint8 (n, length) to float32 (n, 4, length).

        N is a column of zeros unless the model has the buffer `letters`, float32 (5, 4).
        """
        letters = getattr(self, "letters", None)
        if letters is None:
            letters = torch.eye(5, 4, device=codes.device)
        return F.embedding(codes.int(), letters).transpose(1, 2)

    def read_one_hot(self, one_hot: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """`read` from float32 (n, 4, seq_len), such that autograd follows it. Optional: saliency asks for it.

        Raises:
            ConfigError: this model cannot be differentiated.
        """
        raise not_differentiable(self)


class LocalBackbone(Backbone):
    """A backbone whose first part is local: each row of `trunk` depends on bases near it alone.

    `read` is `read_trunk` of the whole sequence's trunk.

    Attributes:
        strides: bp per row of each tensor of the trunk; each divides the last, the largest.
        reaches: bp on either side of its own `stride` bp that a row of each tensor depends on.
    """

    strides: tuple[int, ...]
    reaches: tuple[int, ...]

    @abstractmethod
    def trunk(self, codes: Tensor) -> tuple[Tensor, ...]:
        """Compute the local part.

        Args:
            codes: uint8 (n, length), `length` any multiple of the largest stride, at most `seq_len`.

        Returns:
            For each stride (n, length / stride, channels). Beyond both ends there is nothing (padding), so
            rows of a crop equal the whole's save those within `reach` of a cut.
        """

    def trunk_one_hot(self, one_hot: Tensor) -> tuple[Tensor, ...]:
        """`trunk` from float32 (n, 4, length), such that autograd follows it. Optional, as `read_one_hot`.

        Raises:
            ConfigError: this model cannot be differentiated.
        """
        raise not_differentiable(self)

    def read_one_hot(self, one_hot: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """`trunk_one_hot` of the whole sequence, then the rest; see `Backbone.read_one_hot`."""
        return self.read_trunk(self.trunk_one_hot(one_hot), bins, tracks)

    @abstractmethod
    def read_trunk(self, trunk: tuple[Tensor, ...], bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """The rest of `read`, from the trunk of whole sequences; see there for the shapes."""

    def whole_trunk(self, codes: Tensor) -> tuple[Tensor, ...]:
        """Compute the trunk of whole sequences, uint8 (n, seq_len), in pieces that overlap as they must."""
        return compute_whole(Field(self.seq_len, self.strides, self.reaches), self.trunk, codes)

    def read(self, codes: Tensor, bins: Sequence[int], tracks: Sequence[int]) -> Tensor:
        """Predict the wanted bins and tracks; see `Backbone.read` for shapes and errors."""
        check_read(self, codes, bins, tracks)
        with torch.no_grad():
            return self.read_trunk(self.whole_trunk(codes), bins, tracks)


def local_field(*parts: nn.Module) -> tuple[int, int]:
    """Add up how far layers that run one after another see: (stride, reach) in bp of their output's rows.

    A convolution adds half its width at the stride where it stands; a pooling multiplies the stride by its
    `kernel_size`. Everything else works position by position.

    Args:
        parts: modules whose submodules are listed in the order in which they run.
    """
    stride, reach = 1, 0
    for module in (m for part in parts for m in part.modules()):
        if isinstance(module, nn.Conv1d):
            reach += module.kernel_size[0] // 2 * module.dilation[0] * stride
        elif isinstance(module, nn.MaxPool1d | Pooling):
            assert isinstance(module.kernel_size, int)
            stride *= module.kernel_size
    return stride, reach


class Pooling(nn.Module):
    """Base of poolings of neighbours that do not overlap, `kernel_size` to one."""

    kernel_size: int


def not_differentiable(model: Backbone) -> ConfigError:
    """Make the error of a model without a way from one-hot input to output."""
    return ConfigError(
        f"{model.name} gives no gradients, so it has no saliency; a backbone of your own gives them through "
        "read_one_hot (docs/backbones.md)"
    )


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
