"""The CRE-specific feature spectrum: which codes stand for which class (CREATE Methods, "Feature spectrum").

Arrays of codes and labels in, arrays out; knows nothing of the model that made the codes, of files or of Ray.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from raycre.create.layout import CLASSES
from raycre.errors import CheckpointError, LabelError

UNUSED = -1  # class of a code that no region uses


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of K codes over C classes; its rules for what the paper leaves open are ours.

    Attributes:
        count: int64 (C, K), c of eq. 12: how often the code stands in the latents of the class's regions.
        t: float64 (C, K), eq. 12: its share of all codes of the class; NaN for a class without regions.
        p: float64 (C, K), eq. 13: the share of the class in the code's t; NaN for a code that no region
            uses and for a class without regions, which counts as 0 in the other classes' sum.
        p_max: float64 (K,), eq. 14; NaN for an unused code.
        class_of_feature: int64 (K,), eq. 15, the first class on a tie; -1 for an unused code.
        order: int64 (used codes,), the columns of the spectrum: by class, then p_max from high to low, then
            code.
    """

    count: NDArray[np.int64]
    t: NDArray[np.float64]
    p: NDArray[np.float64]
    p_max: NDArray[np.float64]
    class_of_feature: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def used(self) -> NDArray[np.bool_]:
        """Whether any region uses a code: bool (K,)."""
        values: NDArray[np.bool_] = self.class_of_feature != UNUSED
        return values

    @property
    def matrix(self) -> NDArray[np.float64]:
        """F, the rearranged matrix: float64 (C, used codes)."""
        return self.p[:, self.order]

    def major_feature(self, label: int) -> int | None:
        """The code with the highest p_max among those of one class; None where the class has no code.

        Paper, Results, "Feature spectrum for unveiling CRE specificity". Of codes with equal p_max (rare
        codes seen in one class only all have 1) the one that stands most often in the class is taken, then
        the lowest: ours.
        """
        own = np.flatnonzero(self.class_of_feature == label)
        if not len(own):
            return None
        best = np.lexsort((own, -self.count[label, own], -self.p_max[own]))
        return int(own[best[0]])

    def tied(self, label: int) -> int:
        """How many codes of one class share its highest p_max, the major feature among them."""
        own = self.p_max[self.class_of_feature == label]
        return int((own == own.max()).sum()) if len(own) else 0


def count_features(
    codes: NDArray[Any], labels: NDArray[Any], n_codes: int, n_classes: int = len(CLASSES)
) -> NDArray[np.int64]:
    """Occurrences of each code in the regions of each class, c of eq. 12; chunks of regions add up.

    Args:
        codes: integer (n, ...), 0 to n_codes - 1: all codes of n regions.
        labels: integer (n,), class of each region.

    Returns:
        int64 (n_classes, n_codes).

    Raises:
        LabelError: a label that is no class, or not one label a region.
        CheckpointError: a code that the codebook does not have.
    """
    if labels.shape != codes.shape[:1]:
        raise LabelError(f"{len(labels):,} labels for codes of {len(codes):,} regions; give one a region")
    if not codes.size:
        return np.zeros((n_classes, n_codes), np.int64)
    if labels.min() < 0 or labels.max() >= n_classes:
        wrong = labels[(labels < 0) | (labels >= n_classes)][0]
        raise LabelError(f"labels must be 0 to {n_classes - 1}", value=int(wrong))
    if codes.min() < 0 or codes.max() >= n_codes:
        wrong = codes[(codes < 0) | (codes >= n_codes)][0]
        raise CheckpointError(
            f"no such code: the codebook has 0 to {n_codes - 1}; take codes and codebook from the same model",
            value=int(wrong),
        )
    flat = codes.reshape(len(codes), -1).astype(np.int64)
    cells = labels.astype(np.int64)[:, None] * n_codes + flat
    return np.bincount(cells.ravel(), minlength=n_classes * n_codes).reshape(n_classes, n_codes)


def spectrum_of(count: NDArray[np.int64]) -> Spectrum:
    """Return the spectrum of counts, int64 (C, K) as `count_features` gives them (eq. 12-15)."""
    n_codes = count.shape[1]
    total = count.sum(axis=1, keepdims=True)
    present = total[:, 0] > 0
    t = np.full(count.shape, np.nan)
    t[present] = count[present] / total[present]  # eq. 12
    used = count.sum(axis=0) > 0
    p = np.full(count.shape, np.nan)
    p[np.ix_(present, used)] = t[present][:, used] / t[present][:, used].sum(axis=0)  # eq. 13
    known = np.where(np.isnan(p), -np.inf, p)
    p_max, of_class = np.full(n_codes, np.nan), np.full(n_codes, UNUSED, np.int64)
    if present.any():
        p_max[used] = known[:, used].max(axis=0)  # eq. 14
        of_class[used] = known[:, used].argmax(axis=0)  # eq. 15
    kept = np.flatnonzero(used)
    order = kept[np.lexsort((kept, -p_max[kept], of_class[kept]))]
    return Spectrum(count, t, p, p_max, of_class, order)


def embed(codes: Tensor, codebook: Tensor) -> Tensor:
    """The quantised embedding that codes stand for: float32 (n, positions, embedding).

    Args:
        codes: int64 (n, positions, splits).
        codebook: float32 (K, dim); embedding is splits · dim.
    """
    return F.embedding(codes, codebook).flatten(2)


def zero_feature(z_q: Tensor, codes: Tensor, code: int) -> Tensor:
    """The quantised embedding with every piece that stands for `code` set to 0.

    Args:
        z_q: float32 (n, positions, embedding).
        codes: int64 (n, positions, splits), of z_q; a piece has embedding / splits numbers.

    Returns:
        A new tensor as z_q.
    """
    pieces = z_q.unflatten(2, (codes.shape[2], -1))
    output: Tensor = pieces.masked_fill((codes == code).unsqueeze(3), 0.0).flatten(2)
    return output
