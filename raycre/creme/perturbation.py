"""A forward pass by identity: which sequence it starts from and what is written over it.

Two passes with one key are one sequence, so all tests of a gene share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.creme.shuffle import dinucleotide_shuffle, seed_of
from raycre.creme.tiles import Interval
from raycre.errors import RegionError

Background: TypeAlias = tuple[Interval | None, int]
"""(owner, k): shuffle k of the whole input, the gene's own (None) or drawn for one tile alone."""

Placed: TypeAlias = tuple[int, int, int]
"""(start, end, at): wild-type [start, end) written again from base `at` on."""

ShuffleSource: TypeAlias = Callable[[str, int, int, int, Interval | None], NDArray[np.uint8]]
"""(gene, start, end, k, owner) -> uint8 (end - start,): shuffle k of wild-type [start, end)."""

WildTypes: TypeAlias = Callable[[str], NDArray[np.uint8]]
"""gene -> uint8 (L,): the wild type of another gene of the run."""


@dataclass(frozen=True)
class Perturbation:
    """One sequence to predict.

    Attributes:
        background: the shuffle of the whole input to start from; None starts from the wild type.
        shuffled: (start, end, k), intervals replaced by shuffle k of their wild type, in this order.
        foreign: (gene, start, end), intervals replaced by the same interval of another gene's wild type.
        kept: intervals put back to wild type, after the shuffles.
        placed: copies of wild-type intervals written elsewhere, after all else, in this order.

    `foreign` and `kept` are held sorted, so that equal edits make equal passes; the order of `shuffled` and
    `placed` is part of what a pass is, since the last one is the newest (`reference_of`).
    """

    background: Background | None = None
    shuffled: tuple[tuple[int, int, int], ...] = ()
    kept: tuple[Interval, ...] = ()
    placed: tuple[Placed, ...] = ()
    donors: tuple[tuple[str, int, int], ...] = ()

    def __post_init__(self) -> None:
        for name in ("kept", "donors"):
            object.__setattr__(self, name, tuple(sorted(getattr(self, name))))

    @cached_property
    def key(self) -> str:
        """A readable name, one for each pass: "wt", "background=3+tile=95804-100804"."""
        parts = []
        if self.background is not None:
            owner, k = self.background
            parts.append(f"background={k}" + ("" if owner is None else f"/of={owner[0]}-{owner[1]}"))
        parts += [f"tile={start}-{end}/shuffle={k}" for start, end, k in self.shuffled]
        parts += [f"tile={start}-{end}/of={gene}" for gene, start, end in self.donors]
        parts += [f"tile={start}-{end}" for start, end in self.kept]
        parts += [f"tile={start}-{end}/at={at}" for start, end, at in self.placed]
        return "+".join(parts) or "wt"

    @property
    def edited(self) -> tuple[Interval, ...]:
        """Intervals in which the sequence may differ from the wild type or background it starts from."""
        return (
            *((start, end) for start, end, _ in self.shuffled),
            *((start, end) for _, start, end in self.donors),
            *self.kept,
            *((at, at + end - start) for start, end, at in self.placed),
        )


WT = Perturbation()


def reference_of(pass_: Perturbation, tss_tile: Interval) -> Perturbation:
    """Return the pass whose activations `pass_` shares for the most part: itself, if no other.

    A pass with several edits made one after another shares those of the pass without its newest edit: the
    last copy placed, the last tile shuffled. Else it is the wild type, or the background that it starts from,
    with the TSS tile if the pass keeps it. It follows from the pass alone, so that its result never depends
    on what else was predicted.
    """
    if pass_.placed:
        return replace(pass_, placed=pass_.placed[:-1])
    if pass_.background is not None:
        return Perturbation(background=pass_.background, kept=(tss_tile,) if tss_tile in pass_.kept else ())
    if len(pass_.shuffled) > 1 and not (pass_.kept or pass_.donors):
        return replace(pass_, shuffled=pass_.shuffled[:-1])
    return WT


def lineage(pass_: Perturbation, tss_tile: Interval) -> list[Perturbation]:
    """Return `pass_` after its reference, that one's own before it, and so on to one that is its own."""
    line = [pass_]
    while (reference := reference_of(line[0], tss_tile)) != line[0]:
        line.insert(0, reference)
    return line


def seeded_source(wt: NDArray[np.uint8], run_seed: int, compat: str = "fixed") -> ShuffleSource:
    """Return the source that draws every shuffle of `wt` from the seed of its identity, as `compat` says."""

    def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> NDArray[np.uint8]:
        return dinucleotide_shuffle(wt[start:end], seed_of(run_seed, gene, start, end, k, owner), compat)

    return source


def apply(
    wt: NDArray[np.uint8],
    pass_: Perturbation,
    gene: str,
    run_seed: int,
    source: ShuffleSource | None = None,
    wild_types: WildTypes | None = None,
) -> NDArray[np.uint8]:
    """Write the sequence of a pass.

    Args:
        wt: uint8 (L,) codes of the wild type.
        pass_: what to build.
        gene: names `wt` in the seeds.
        run_seed: the run's own seed.
        source: where shuffles come from, instead of `seeded_source(wt, run_seed)`; what it returns is copied.
        wild_types: of the other genes, for a pass with a foreign tile.

    Returns:
        uint8 (L,), a new array.

    Raises:
        RegionError: an edit that is empty or not inside `wt`, a foreign tile without `wild_types`.
    """
    shuffle = seeded_source(wt, run_seed) if source is None else source
    for start, end in (*pass_.edited, *((start, end) for start, end, _ in pass_.placed)):
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
    for other, start, end in pass_.donors:
        if wild_types is None:
            raise RegionError("the wild type of another gene is needed and not given", value=other)
        codes[start:end] = wild_types(other)[start:end]
    for start, end in pass_.kept:
        codes[start:end] = wt[start:end]
    for start, end, at in pass_.placed:
        codes[at : at + end - start] = wt[start:end]
    return codes
