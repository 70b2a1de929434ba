"""Motif hits by FIMO's rule, for many motifs at once: integer log-odds, and p of each total.

Grant, Bailey & Noble 2011, as MEME's programs compute it. Totals are whole numbers below 2^24, so that sums
of them in float32 are exact in any order: a matrix product scores all motifs of a block of bases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.genome.meme import Motif

NRDB = (0.281774, 0.222020, 0.228876, 0.267330)  # of A, C, G, T: the MEME suite's background of DNA
PSEUDOCOUNT = 0.1  # FIMO's --motif-pseudo
RANGE = 1000  # whole numbers that a motif's log-odds are spread over
THRESHOLD = 1e-4  # FIMO's --thresh: hits have a smaller p
_BLOCK = 16_384  # bases scored at once
_TOGETHER = 128  # motifs scored at once


def background() -> NDArray[np.float64]:
    """Return the frequencies of A, C, G, T, float64 (4,): those of `NRDB`, both strands averaged."""
    given = np.array(NRDB)
    both = (given + given[::-1]) / 2
    averaged: NDArray[np.float64] = both / both.sum()
    return averaged


@dataclass(frozen=True, eq=False)
class Scale:
    """A motif as whole numbers.

    Attributes:
        cells: int64 (width, 4): round((log2 odds - offset) * factor), none negative.
        offset: of each cell, in bits.
        factor: whole numbers a bit.
        p_values: float64 (m,): p of a total of 0, 1, … m - 1 or more.
    """

    cells: NDArray[np.int64]
    offset: int
    factor: int
    p_values: NDArray[np.float64]

    def least(self, threshold: float) -> int:
        """Return the smallest total with a p below the threshold; more than any total where there is none."""
        return int((self.p_values >= threshold).sum())


def scale_motif(motif: Motif, frequencies: NDArray[np.float64] | None = None) -> Scale:
    """Turn a motif's frequencies into whole numbers, and give every total its p.

    Args:
        motif: with its number of sites, which the pseudocount is weighed against.
        frequencies: of the background, float64 (4,); by default `background()`.
    """
    by = background() if frequencies is None else frequencies
    smoothed = (motif.frequencies * motif.n_sites + PSEUDOCOUNT * by) / (motif.n_sites + PSEUDOCOUNT)
    odds = np.log2(smoothed / smoothed.sum(axis=1, keepdims=True) / by)
    offset = int(np.floor(odds.min()))
    if odds.max() == offset:  # of a motif that is the background itself: any scale does
        offset -= 1
    factor = int(np.floor(RANGE / (odds.max() - offset)))
    cells = np.rint((odds - offset) * factor).astype(np.int64)
    return Scale(cells, offset, factor, _upper_tail(cells, by))


def _upper_tail(cells: NDArray[np.int64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(total >= t) for every t up to the largest total; each base drawn from the background."""
    density = np.ones(1)
    for cell in cells:
        longer = np.zeros(len(density) + int(cell.max()))
        for value, share in zip(cell, by, strict=True):
            longer[value : value + len(density)] += share * density
        density = longer
    tail: NDArray[np.float64] = np.minimum(np.cumsum(density[::-1])[::-1], 1)
    return tail


class Hits(NamedTuple):
    """Windows of regions whose p is below the threshold, ordered by region, motif, start, strand (+ first).

    region, motif: int64 (n,), positions in what was scanned.
    start: int64 (n,), 0-based, from the region's first base. The end is start + width.
    minus: bool (n,), on the - strand.
    total: int64 (n,), in whole numbers. score: float64 (n,), in bits. p: float64 (n,).
    """

    region: NDArray[np.int64]
    motif: NDArray[np.int64]
    start: NDArray[np.int64]
    minus: NDArray[np.bool_]
    total: NDArray[np.int64]
    score: NDArray[np.float64]
    p: NDArray[np.float64]


class Scanner:
    """Motifs ready to be looked for, on both strands.

    Args:
        motifs: of any widths.
        threshold: hits have a smaller p.
    """

    def __init__(self, motifs: Sequence[Motif], threshold: float = THRESHOLD) -> None:
        self.scales = [scale_motif(motif) for motif in motifs]
        self._least = np.array([scale.least(threshold) for scale in self.scales], dtype=np.int64)
        self._widest = max(len(scale.cells) for scale in self.scales)

    @cached_property
    def _batches(self) -> list[tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]]:
        """Motifs of like width: their positions, weights float32 (4 * widest of them, 2 n), least totals."""
        order = np.argsort([len(scale.cells) for scale in self.scales], kind="stable")
        batches = []
        for first in range(0, len(order), _TOGETHER):
            members = order[first : first + _TOGETHER]
            widest = max(len(self.scales[i].cells) for i in members)
            weights = np.zeros((2 * len(members), widest, 4), dtype=np.float32)
            for row, i in enumerate(members):
                cells = self.scales[i].cells
                weights[2 * row, : len(cells)], weights[2 * row + 1, : len(cells)] = cells, cells[::-1, ::-1]
            flat = np.ascontiguousarray(weights.reshape(2 * len(members), -1).T)
            batches.append((members, flat, np.repeat(self._least[members], 2).astype(np.float32)))
        return batches

    def scan(self, regions: Sequence[NDArray[np.uint8]]) -> Hits:
        """Look for all motifs in all regions.

        Args:
            regions: codes of bases, uint8 (length,) each, of any lengths: A, C, G, T are 0 to 3; a window
                with anything else is not scored, and none reaches out of its region.
        """
        gap = np.full(self._widest, 4, dtype=np.uint8)  # no window crosses it
        joined = np.concatenate([part for region in regions for part in (region, gap)] or [gap])
        lengths = np.array([len(region) for region in regions], dtype=np.int64)
        begins = np.concatenate([[0], np.cumsum(lengths + self._widest)])[:-1]
        unknown = np.concatenate([[0], np.cumsum(joined > 3)])
        found = [np.concatenate(parts) for parts in zip(*self._blocks(joined, unknown), strict=True)]
        at, motif, minus, total = found or [np.zeros(0, dtype=np.int64)] * 4
        region = np.searchsorted(begins, at, side="right") - 1
        order = np.lexsort((minus, at, motif, region))
        at, motif, region, total = at[order], motif[order], region[order], total[order]
        score, p = self._scored(motif, total)
        return Hits(region, motif, at - begins[region], minus[order].astype(bool), total, score, p)

    def _scored(
        self, motif: NDArray[np.int64], total: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return score and p of totals."""
        first = np.concatenate([[0], np.cumsum([len(scale.p_values) for scale in self.scales])])[:-1]
        p = np.concatenate([scale.p_values for scale in self.scales])[first[motif] + total]
        factor = np.array([scale.factor for scale in self.scales])[motif]
        least = np.array([len(scale.cells) * scale.offset for scale in self.scales])[motif]
        return total / factor + least, p

    def _blocks(
        self, joined: NDArray[np.uint8], unknown: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], ...]]:
        """Yield place, motif, strand (1 is -) and total of hits, block by block."""
        widths = np.array([len(scale.cells) for scale in self.scales])
        one_hot = np.eye(256, 4, dtype=np.float32)  # nothing for all other letters
        for first in range(0, len(joined) - self._widest, _BLOCK):
            bases = one_hot[joined[first : first + _BLOCK + self._widest]]
            windows = np.lib.stride_tricks.sliding_window_view(bases.reshape(-1), 4 * self._widest)[::4]
            windows = np.ascontiguousarray(windows[:_BLOCK])
            for members, weights, least in self._batches:
                totals = windows[:, : len(weights)] @ weights
                at, column = np.divmod(np.flatnonzero(totals >= least), totals.shape[1])
                motif, place = members[column // 2], at + first
                whole = unknown[place + widths[motif]] == unknown[place]
                total = totals[at, column].astype(np.int64)
                yield tuple(each[whole] for each in (place, motif, column % 2, total))
