"""A forward pass by identity: which sequence it starts from and what is written over it.

Two passes with one key are one sequence, so all tests of a gene share them. Knows no test and no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.creme.tiles import Interval
from raycre.errors import RegionError

Background: TypeAlias = tuple[Interval | None, int]
"""(owner, k): shuffle k of the whole input, the gene's own (None) or drawn for one tile alone."""

Source: TypeAlias = Callable[[str, int, int, int, Interval | None], NDArray[np.uint8]]
"""(gene, start, end, k, owner) -> uint8 (end - start,): shuffle k of wild-type [start, end)."""


@dataclass(frozen=True)
class Pass:
    """One sequence to predict.

    Attributes:
        background: the shuffle of the whole input to start from; None starts from the wild type.
        shuffled: (start, end, k), intervals replaced by shuffle k of their wild type.
        kept: intervals put back to wild type, after the shuffles.

    Both tuples are held sorted, so that equal edits make equal passes.
    """

    background: Background | None = None
    shuffled: tuple[tuple[int, int, int], ...] = ()
    kept: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "shuffled", tuple(sorted(self.shuffled)))
        object.__setattr__(self, "kept", tuple(sorted(self.kept)))

    @property
    def key(self) -> str:
        """A readable name, one for each pass: "wt", "background=3+tile=95804-100804"."""
        parts = []
        if self.background is not None:
            owner, k = self.background
            parts.append(f"background={k}" + ("" if owner is None else f"/of={owner[0]}-{owner[1]}"))
        parts += [f"tile={start}-{end}/shuffle={k}" for start, end, k in self.shuffled]
        parts += [f"tile={start}-{end}" for start, end in self.kept]
        return "+".join(parts) or "wt"

    @property
    def edited(self) -> tuple[Interval, ...]:
        """Intervals in which the sequence may differ from the wild type or background it starts from."""
        return tuple((start, end) for start, end, _ in self.shuffled) + self.kept

    @property
    def n_changed(self) -> int:
        """bp written over the wild type or background, which is what reuse of its activations cannot save."""
        return sum(end - start for start, end in self.edited)


WT = Pass()


def base_of(pass_: Pass, tss_tile: Interval) -> Pass:
    """Return the pass whose activations `pass_` shares for the most part: itself, if no other.

    That is the wild type, or the background that a pass starts from, with the TSS tile if the pass keeps it.
    It follows from the pass alone, so that its result never depends on what else was predicted.
    """
    if pass_.background is None:
        return WT
    return Pass(background=pass_.background, kept=(tss_tile,) if tss_tile in pass_.kept else ())


def seeded_source(wt: NDArray[np.uint8], run_seed: int) -> Source:
    """Return the source that draws every shuffle of `wt` from the seed of its identity."""

    def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> NDArray[np.uint8]:
        return dinucleotide_shuffle(wt[start:end], seed_of(run_seed, gene, start, end, k, owner))

    return source


def build(
    wt: NDArray[np.uint8], pass_: Pass, gene: str, run_seed: int, source: Source | None = None
) -> NDArray[np.uint8]:
    """Write the sequence of a pass.

    Args:
        wt: uint8 (L,) codes of the wild type.
        pass_: what to build.
        gene: names `wt` in the seeds.
        run_seed: the run's own seed.
        source: where shuffles come from, instead of `seeded_source(wt, run_seed)`; what it returns is copied.

    Returns:
        uint8 (L,), a new array.

    Raises:
        RegionError: an edit that is empty or not inside `wt`.
    """
    shuffle = seeded_source(wt, run_seed) if source is None else source
    for start, end in pass_.edited:
        if not 0 <= start < end <= len(wt):
            raise RegionError(
                f"an edit must be a non-empty interval inside the {len(wt):,} bp of the input; move the tile",
                value=(start, end),
            )
    if pass_.background is None:
        codes = wt.copy()
    else:
        owner, k = pass_.background
        codes = shuffle(gene, 0, len(wt), k, owner).copy()
    for start, end, k in pass_.shuffled:
        codes[start:end] = shuffle(gene, start, end, k, None)
    for start, end in pass_.kept:
        codes[start:end] = wt[start:end]
    return codes
