"""What a CREME run may choose, checked once. Knows no test, no gene and no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raycre.creme.effects import THRESHOLDS
from raycre.creme.tiles import Interval, tss_tile
from raycre.errors import ConfigError, near

# Results: "100 independent dinucleotide shuffles" (context), "ten shuffles per tile perturbation"
# (necessity). The text has no number for sufficiency; the ten backgrounds of its fine-tile search are taken.
PAPER_SHUFFLES = {"context": 100, "necessity": 10, "sufficiency": 10}

COMPAT = ("fixed", "reference")


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
        thresholds: row of `effects.THRESHOLDS`.

    Raises:
        ConfigError: a value outside these.
    """

    seq_len: int
    tile_size: int
    tiles: tuple[Interval, ...]
    n_shuffles: Mapping[str, int]
    compat: str = "fixed"
    thresholds: str = "enformer"

    def __post_init__(self) -> None:
        tss_start, tss_end = self.tss_tile
        if self.compat not in COMPAT:
            raise ConfigError(f"creme.compat is one of {', '.join(COMPAT)}", value=self.compat)
        if self.thresholds not in THRESHOLDS:
            raise ConfigError(
                f"thresholds are {', '.join(THRESHOLDS)}{near(self.thresholds, THRESHOLDS)}",
                value=self.thresholds,
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
            if start < tss_end and tss_start < end:
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

    def n(self, test: str) -> int:
        """Return the shuffles of one test.

        Raises:
            ConfigError: a test without a number.
        """
        if test not in self.n_shuffles:
            raise ConfigError(f"no number of shuffles for this test; set creme.n_shuffles.{test}", value=test)
        return self.n_shuffles[test]
