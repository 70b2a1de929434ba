"""Class probabilities of regions averaged over shifts and strands, without doing shared work twice.

The same numbers as `Create.classify` view by view, up to rounding; any other model goes view by view.
Knows nothing of training, of folds or of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol, TypeGuard, cast

import torch
from torch import Tensor

from raycre.create.layers.blocks import convolve, prepared
from raycre.create.layers.fast_conv import whole
from raycre.create.layout import CLASSES, ROWS, WIDTH
from raycre.create.model.create import (
    BRANCH_POOL,
    BRANCH_STRIDE,
    KERNEL,
    POOL2,
    POOL3,
    POSITIONS,
    Branch,
    Create,
)
from raycre.create.model.network import Network, columns_of
from raycre.create.views import Views
from raycre.errors import ConfigError
from raycre.float64 import float64_device, to_float64

CHUNK = 16  # regions at once on a processor; more would leave its cache
CHUNK_FIRST = 4  # of them in the first stage, whose activations are the widest: 1,033 positions each
POOLED2 = 60  # positions after encoder 2 of 1,000 bp


class Classifier(Protocol):
    """What an ensemble asks of a fold."""

    def probabilities(self, wide: Tensor, views: Views) -> Tensor:
        """Average the class probabilities over views.

        Args:
            wide: float32 (n, rows, 1000 + 2 · flank), the model's input for wide windows
                (`inputs.to_input`).
            views: offsets in bp from the centred window, at most `flank`; and strands.

        Returns:
            float64 (n, 5), on the device of `wide` (the CPU for MPS, which has no float64); NaN in the
            columns of classes that were not trained.

        Raises:
            ConfigError: a view that reaches past the wide windows.
        """
        ...


def classifier_of(model: Network) -> Classifier:
    """The fastest way to the numbers of a model that is in evaluation mode and stays as it is."""
    return FastClassifier(model) if supports(model) else PerView(model)


def supports(model: Network) -> TypeGuard[Create]:
    """Whether FastClassifier reproduces `model.classify`: CREATE itself, not a class derived from it."""
    return type(model) is Create


class PerView:
    """Any model: one view after another, all regions at once."""

    def __init__(self, model: Network) -> None:
        self.model = model
        self.classes: tuple[str, ...] = getattr(model, "classes", CLASSES)

    def probabilities(self, wide: Tensor, views: Views) -> Tensor:
        """See Classifier."""
        strands = both_strands_of(wide, "sequence" in self.model.modalities)
        total = torch.zeros((), dtype=torch.float64, device=float64_device(wide.device))
        with torch.no_grad():
            for start, is_rc in zip(_starts(wide, views), views.is_rc, strict=True):
                logits = self.model.classify(strands[bool(is_rc)][:, :, start : start + WIDTH])
                total = total + to_float64(logits.softmax(1))
        return columns_of(total / len(views.is_rc), self.classes)


class FastClassifier:
    """CREATE, each stage once for all shifts that can share it.

    Convolutions here have no padding, so a view's activations are a slice of the wide window's as long as
    its shift is a multiple of the strides so far: any shift before the first pool; shifts that differ by
    multiples of 4 bp from there to the second pool (of -20 ... 20 bp: -20, 0, 20 and -10, 10). The rest, a
    twentieth of the work, is per view. A strand is a wide window of its own.

    Args:
        model: its weights are taken as they are now.
    """

    def __init__(self, model: Create) -> None:
        self.model = model
        self.branches = [cast(Branch, model.branches[name]) for name in model.modalities]
        with torch.no_grad():
            self.encoder2, self.encoder3 = prepared(model.encoder2), prepared(model.encoder3)

    def probabilities(self, wide: Tensor, views: Views) -> Tensor:
        """See Classifier. A region's last bits depend on its row and on n, and on no other region."""
        starts = _starts(wide, views)
        of_strand = {
            rc: sorted(s for s, is_rc in zip(starts, views.is_rc, strict=True) if is_rc == rc)
            for rc in (False, True)
        }
        chunk = CHUNK if wide.device.type == "cpu" else len(wide)
        means = []
        with torch.no_grad():
            for part in wide.split(chunk):
                strands = both_strands_of(part, "sequence" in self.model.modalities)
                total = torch.zeros((), dtype=torch.float64, device=float64_device(wide.device))
                for is_rc, wanted in of_strand.items():
                    if wanted:
                        logits = self._logits(strands[is_rc], wanted)
                        total = total + to_float64(logits.softmax(2)).sum(0)
                means.append(total / len(starts))
        return columns_of(torch.cat(means), self.model.classes)

    def codes(self, wide: Tensor, starts: Sequence[int]) -> Tensor | None:
        """Codes of the windows that begin at `starts` of the wide ones: int64 (starts, n, 26, splits)."""
        with torch.no_grad():
            codes = self.model.quantizer(self._encode(wide, starts)).codes
        return None if codes is None else codes.unflatten(0, (len(starts), -1))

    def _logits(self, wide: Tensor, starts: Sequence[int]) -> Tensor:
        """Wide input → (starts, n, classes)."""
        z_q = self.model.quantizer(self._encode(wide, starts)).z_q
        output: Tensor = self.model.head(z_q).unflatten(0, (len(starts), -1))
        return output

    def _encode(self, wide: Tensor, starts: Sequence[int]) -> Tensor:
        """z_e of every window, the first one's regions first: (starts · n, 26, embedding)."""
        model = self.model
        by_phase = sorted(set(starts), key=lambda start: (start % BRANCH_STRIDE, start))
        groups = [list(group) for _, group in groupby(by_phase, key=lambda start: start % BRANCH_STRIDE)]
        # With zeros beyond the last position, nested filtering need not copy its input to have them.
        coarse = wide.new_zeros(
            len(starts), len(wide), whole(POOLED2 - KERNEL + 1), model.encoder2.out_channels
        )
        for members, encoded in zip(groups, self._first_stage(wide, groups), strict=True):
            second = self.encoder2(torch.relu_(model.integration(encoded)))
            for row in (row for row, start in enumerate(starts) if start in members):
                position = (starts[row] - members[0]) // BRANCH_STRIDE
                place = coarse[row, :, :POOLED2]
                _pool(second[:, position : position + POOLED2 * POOL2], POOL2, POOL2, out=place)
        deep = self.encoder3(torch.relu_(coarse.flatten(0, 1)))[:, : POSITIONS * POOL3]
        output: Tensor = model.to_embedding(torch.relu_(_pool(deep, POOL3, POOL3)))
        return output

    def _first_stage(self, wide: Tensor, groups: Sequence[Sequence[int]]) -> list[Tensor]:
        """Encode each modality, once for all windows of one phase: a tensor for each, channels side by side.

        Zeros after the last position make room for encoder 2.
        """
        channels = [branch.conv.out_channels for branch in self.branches]
        reach = [group[-1] - group[0] + WIDTH - KERNEL + 1 for group in groups]
        pooled = [(n - BRANCH_POOL) // BRANCH_STRIDE + 1 for n in reach]
        found = [wide.new_zeros(len(wide), whole(n - KERNEL + 1), sum(channels)) for n in pooled]
        step = CHUNK_FIRST if wide.device.type == "cpu" else len(wide)
        for at in range(0, len(wide), step):
            rows = slice(at, at + step)
            parts = wide[rows].split(self.model.rows, dim=1)
            for i, (branch, part) in enumerate(zip(self.branches, parts, strict=True)):
                y = convolve(part.transpose(1, 2).contiguous(), branch.conv.weight, branch.conv.bias)
                for group, n, wanted, mixed in zip(groups, reach, pooled, found, strict=True):
                    high = _pool(y[:, group[0] : group[0] + n], BRANCH_POOL, BRANCH_STRIDE)
                    place = mixed[rows, :wanted].split(channels, dim=2)[i]
                    place.copy_(branch.norm(torch.relu_(high)))
        return found


def both_strands_of(wide: Tensor, has_sequence: bool) -> tuple[Tensor, Tensor]:
    """The input as it is, and as its reverse complement: rows A, C, G, T in reverse order, all backwards."""
    n_bases = ROWS["sequence"] if has_sequence else 0
    backwards = wide.flip(2)
    return wide, torch.cat([backwards[:, :n_bases].flip(1), backwards[:, n_bases:]], dim=1)


def _starts(wide: Tensor, views: Views) -> list[int]:
    """First position of each view in the wide window of its own strand."""
    spare = wide.shape[2] - WIDTH
    forward = spare // 2 + views.offsets
    if forward.min() < 0 or forward.max() > spare:
        raise ConfigError(
            f"a shift reaches past the window of {wide.shape[2]:,} bp; read windows with the flank that the "
            "number of views needs",
            value=int(abs(views.offsets).max()),
        )
    return [int(spare - s if rc else s) for s, rc in zip(forward, views.is_rc, strict=True)]


def _pool(x: Tensor, width: int, stride: int, out: Tensor | None = None) -> Tensor:
    """`layers.max_pool` of a slice, not copied, nor noted where the maxima were; no gradient."""
    positions = (x.shape[1] - width) // stride + 1
    reach = (positions - 1) * stride + 1
    highest = torch.maximum(x[:, :reach:stride], x[:, 1 : 1 + reach : stride], out=out)
    for i in range(2, width):
        torch.maximum(highest, x[:, i : i + reach : stride], out=highest)
    return highest
