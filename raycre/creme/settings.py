"""What a CREME run may choose, checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from raycre.creme.formulas import THRESHOLDS
from raycre.creme.tiles import Interval, overlap, tss_tile
from raycre.errors import ConfigError, near


class FineStage(NamedTuple):
    """A stage of the fine-tile search: sub-tiles of `window` bp go, `batch` at once, to a score.

    Attributes:
        window: bp of a sub-tile.
        threshold: score of an enhancer, at or below which the stage ends; from 0 to 1.
        batch: sub-tiles that go in one step.
        silencer_threshold: score of a silencer, at or above which the stage ends; 1 or more. None mirrors
            `threshold` at 1, as the authors' drivers do: 0.9 becomes 1.1.
    """

    window: int
    threshold: float
    batch: int
    silencer_threshold: float | None = None

    def threshold_of(self, kind: str) -> float:
        """Return the score that ends the stage for an "enhancer" or a "silencer"."""
        if kind != "silencer":
            return self.threshold
        return 2 - self.threshold if self.silencer_threshold is None else self.silencer_threshold


ROUNDS = 25  # of the higher-order search; in the authors' code only (DIVERGENCES 29)
SEARCHES = ("min", "max")  # towards less activity (enhancers), towards more (silencers)
COPIES = 15  # Methods, "Multiplicity test"
PER_CLASS = 200  # contexts of a class that further tests take; Methods, "Context dependence test"
# Methods, "Fine-tile search": 500 bp, then 50 bp. Thresholds and batches are the drivers' (DIVERGENCES 36).
FINE_STAGES = (FineStage(500, 0.9, 1), FineStage(50, 0.7, 10))

Compat = Literal["fixed", "reference"]
ElementRule = Literal["called", "all"]
ReplicateRule = Literal["ratio_of_means", "mean_of_ratios"]
COMPAT, ELEMENT_RULES = get_args(Compat), get_args(ElementRule)


@dataclass(frozen=True)
class Settings:
    """Everything that decides which sequences are predicted and how they are read.

    Attributes:
        seq_len: model input in bp.
        tile_size: bp of the TSS tile.
        tiles: CRE tiles to perturb, 0-based half-open in the model input, of any size, outside the TSS tile.
        n_shuffles: shuffles (of a tile, or of the whole input) for each test by name.
        compat: "fixed", or "reference" for what the authors' code does: classes with right-closed bins
            (DIVERGENCES 13) and own backgrounds for every tile in the sufficiency test (19).
        thresholds: row of `formulas.THRESHOLDS`.
        elements: tiles that distance, multiplicity and fine-tile search take: those that the sufficiency
            test calls ("called"), or every tile ("all").
        rounds: of the higher-order search, at most one for each tile.
        searches: which ways it goes, of `SEARCHES`.
        copies: of a tile in the multiplicity test, at most one for each place.
        fine: stages of the fine-tile search.
        searched: positions among the queried tracks on which tests that search do so; None: all.
        replicates: members of an ensemble that are known each by itself, whose own ratios make the context
            effect; 1: it is a ratio of means.
        places: where distance and multiplicity may put an element; None: where `tiles` are.
        partners: genes whose TSS tiles the context swap test brings into this gene's context.

    Raises:
        ConfigError: a value outside these.
    """

    seq_len: int
    tile_size: int
    tiles: tuple[Interval, ...]
    n_shuffles: Mapping[str, int]
    compat: str = "fixed"
    thresholds: str = "enformer"
    elements: str = "called"
    rounds: int = ROUNDS
    searches: tuple[str, ...] = SEARCHES
    copies: int = COPIES
    fine: tuple[FineStage, ...] = FINE_STAGES
    searched: tuple[int, ...] | None = None
    partners: tuple[str, ...] = ()
    places: tuple[Interval, ...] | None = None
    replicates: int = 1

    def __post_init__(self) -> None:
        tss_start, tss_end = self.tss_tile
        if self.compat not in COMPAT:
            raise ConfigError(f"creme.compat is one of {', '.join(COMPAT)}", value=self.compat)
        if self.thresholds not in THRESHOLDS:
            raise ConfigError(
                f"thresholds are {', '.join(THRESHOLDS)}{near(self.thresholds, THRESHOLDS)}",
                value=self.thresholds,
            )
        if self.elements not in ELEMENT_RULES:
            raise ConfigError(f"creme.elements is {' or '.join(ELEMENT_RULES)}", value=self.elements)
        ways = set(self.searches)
        if not ways or not ways <= set(SEARCHES) or len(ways) < len(self.searches):
            raise ConfigError(f"creme.searches are of {', '.join(SEARCHES)}, each once", value=self.searches)
        if self.rounds < 1 or self.copies < 1:
            raise ConfigError(
                "creme.rounds and creme.copies must be 1 or more", value=(self.rounds, self.copies)
            )
        for stage in self.fine:
            of_silencers = stage.threshold_of("silencer")
            within = 0 <= stage.threshold <= 1 and 1 <= of_silencers < math.inf
            if stage.window < 1 or stage.batch < 1 or not within:
                raise ConfigError(
                    "a stage of creme.fine has a window and a batch of 1 or more, a threshold from 0 to 1 "
                    "and, if given, a silencer's threshold of 1 or more",
                    value=tuple(stage),
                )
        for test, n in self.n_shuffles.items():
            if n < 1:
                raise ConfigError(f"creme.n_shuffles.{test} must be 1 or more", value=n)
        for start, end in self.tiles:
            if not 0 <= start < end <= self.seq_len:
                raise ConfigError(
                    f"a tile must be a non-empty interval inside the {self.seq_len:,} bp of the input; "
                    "give other creme.tiles",
                    value=(start, end),
                )
            if overlap((start, end), self.tss_tile):
                raise ConfigError(
                    f"the tile overlaps the TSS tile {tss_start}-{tss_end}, which no test may change; "
                    "drop it from creme.tiles or set a smaller creme.tile_size",
                    value=(start, end),
                )
        if len(set(self.tiles)) != len(self.tiles):
            twice = next(t for t in self.tiles if self.tiles.count(t) > 1)
            raise ConfigError("the tile is given twice; drop one from creme.tiles", value=twice)

    @property
    def tss_tile(self) -> Interval:
        """The tile round the TSS, which stays wild type."""
        return tss_tile(self.seq_len, self.tile_size)

    def tracks(self, n_tracks: int) -> tuple[int, ...]:
        """Return the positions of the tracks that are searched, of `n_tracks` queried ones."""
        return tuple(range(n_tracks)) if self.searched is None else self.searched

    def n(self, test: str) -> int:
        """Return the shuffles of one test.

        Raises:
            ConfigError: a test without a number.
        """
        if test not in self.n_shuffles:
            raise ConfigError(f"no number of shuffles for this test; set creme.n_shuffles.{test}", value=test)
        return self.n_shuffles[test]
