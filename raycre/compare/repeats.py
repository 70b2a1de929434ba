"""How much of the tiles lies in RepeatMasker's repeats, by class or by family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from raycre.annotate.repeats import repeats_by
from raycre.compare.declaration import (
    Compared,
    Comparison,
    ComparisonResult,
    chain_option,
    file,
    groups_option,
    option,
)
from raycre.compare.overlap import OVERLAPS, compat_option, lay_on
from raycre.errors import ConfigError
from raycre.genome.intervals import on_known_chromosomes
from raycre.genome.lifting import Lifting
from raycre.genome.repeats import read_repeats


@dataclass(frozen=True)
class Options:
    """Repeats (see genome.repeats), and the groups of tiles that are looked up in them."""

    repeats: Path = file("FILE", "rmsk.txt of UCSC, .out of RepeatMasker, or BED by class.")
    by: str = option("class", "class or family.")
    groups: tuple[str, ...] = groups_option()
    compat: str = compat_option()
    chain: Path | None = chain_option("the repeats to the run's")

    def __post_init__(self) -> None:
        if self.by not in ("class", "family"):
            raise ConfigError("repeats are told apart by class or family", value=self.by)


def compare_repeats(run: Compared, options: Options) -> ComparisonResult:
    """Count tiles and bases of tiles in the repeats of each class or family; `any` is all of them."""
    lengths, _ = run.sizes()
    lifting = Lifting(options.chain)
    lifting.check(target=lengths)
    rows = lifting.rows("repeats", read_repeats(options.repeats))
    rows = rows[on_known_chromosomes(rows, options.repeats, lengths)]
    facts, table = lay_on(run.table, repeats_by(rows, options.by), options.groups, options.compat)
    return ComparisonResult(facts | lifting.facts(), {"repeats": table})


COMPARISON = Comparison(
    name="repeats",
    summary="Count tiles and bases of tiles in repeats, class by class, against all other tiles.",
    options=Options,
    compare=compare_repeats,
    needs=("sizes",),
    tables={"repeats": OVERLAPS},
    figure="overlaps",
)
