"""How much of the tiles lies in annotated intervals, for example of BED files.

Tiles lie where the gene's strand puts them. `compat: reference` puts those of - genes where the authors'
notebook looked for them: on the wrong side of the TSS (DIVERGENCES 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from raycre.annotate.overlap import intervals_by_name
from raycre.compare.declaration import (
    Compared,
    Comparison,
    ComparisonResult,
    chain_option,
    files,
    groups_option,
    json_rows,
    option,
)
from raycre.compare.tiles import GROUP
from raycre.errors import ConfigError
from raycre.genome.lifting import Lifting
from raycre.genome.overlaps import covered_bases
from raycre.log import say
from raycre.store.fields import INT, REAL, TEXT, schema_of


def place_tiles(table: pd.DataFrame, compat: str = "fixed") -> pd.DataFrame:
    """Return the tiles with the coordinates that a comparison takes them to have.

    Args:
        table: start, end, strand, tss (0-based TSS base).
        compat: "fixed" leaves them. "reference" reads offsets as if every gene were on +: tiles of - genes
            are mirrored about the end of the TSS base, which is the TSS of the authors' table.

    Raises:
        ConfigError: another compat.
    """
    if compat == "fixed":
        return table
    if compat != "reference":
        raise ConfigError("compat is fixed or reference", value=compat)
    minus = (table["strand"] == "-").to_numpy()
    about = 2 * (table["tss"] + 1)
    start, end = about - table["end"], about - table["start"]
    return table.assign(start=table["start"].mask(minus, start), end=table["end"].mask(minus, end))


def overlaps(
    table: pd.DataFrame, annotations: Mapping[str, pd.DataFrame], groups: Sequence[str]
) -> pd.DataFrame:
    """Compare each group of tiles with all other tiles of the table.

    Args:
        table: chrom, start, end, group: every tile whose call is known.
        annotations: name -> chrom, start, end.
        groups: which rows to report.

    Returns:
        One row for each annotation and group, columns OVERLAPS.

    Raises:
        ConfigError: a group without tiles.
    """
    for group in groups:
        if not (table["group"] == group).any():
            known = ", ".join(sorted(table["group"].unique())) or "none"
            raise ConfigError(f"no tile is of this group; there are {known}", value=group)
    lengths = (table["end"] - table["start"]).to_numpy()
    found = []
    for name, annotation in annotations.items():
        covered = covered_bases(table, annotation)
        for group in groups:
            mine = (table["group"] == group).to_numpy()
            found.append({"annotation": name, "group": group} | _row(covered, lengths, mine))
    return pd.DataFrame(found)


def _row(
    covered: NDArray[np.int64], lengths: NDArray[np.int64], mine: NDArray[np.bool_]
) -> dict[str, float | int]:
    hit, n, n_others = covered > 0, int(mine.sum()), int((~mine).sum())
    n_hit, n_others_hit = int(hit[mine].sum()), int(hit[~mine].sum())
    bases, bases_covered = int(lengths[mine].sum()), int(covered[mine].sum())
    odds, p = np.nan, np.nan
    if n and n_others:
        odds, p = fisher_exact([[n_hit, n - n_hit], [n_others_hit, n_others - n_others_hit]])
    return {
        "n": n,
        "n_overlapping": n_hit,
        "percent": 100 * n_hit / n,
        "bases": bases,
        "bases_covered": bases_covered,
        "percent_bases": 100 * bases_covered / bases,
        "n_others": n_others,
        "n_others_overlapping": n_others_hit,
        "odds_ratio": float(odds),
        "p_value": float(p),
    }


OVERLAPS = schema_of(
    ("annotation", TEXT, "name of the BED, or class or family of repeats"),
    GROUP,
    ("n", INT, "tiles of the group"),
    ("n_overlapping", INT, "of them with at least one base of the annotation"),
    ("percent", REAL, "n_overlapping of n, in percent"),
    ("bases", INT, "bases of the group's tiles"),
    ("bases_covered", INT, "of them in the annotation, counted once however often it covers them"),
    ("percent_bases", REAL, "bases_covered of bases, in percent"),
    ("n_others", INT, "all other tiles of the test whose call is known"),
    ("n_others_overlapping", INT, "of them with at least one base of the annotation"),
    ("odds_ratio", REAL, "of overlapping, the group against the others; infinite where no other overlaps"),
    ("p_value", REAL, "Fisher's exact test, two-sided; null where there are no others"),
)


def compat_option() -> Any:
    """Declare `compat`: where tiles of - genes are looked up."""
    return option("fixed", "fixed; reference: tiles of - genes mirrored, as in the authors' notebook.")


@dataclass(frozen=True)
class Options:
    """Annotations, and the groups of tiles that are looked up in them."""

    beds: Mapping[str, Path] = files("[NAME=]BED...", "One file an annotation.")
    groups: tuple[str, ...] = groups_option()
    by_name: bool = option(False, "Every name in column 4 is an annotation.")
    compat: str = compat_option()
    chain: Path | None = chain_option("the annotations to the run's")


def compare_overlap(run: Compared, options: Options) -> ComparisonResult:
    """Count tiles and bases of tiles in the intervals of every file, or of every name in a file."""
    lengths, _ = run.sizes()
    lifting = Lifting(options.chain)
    lifting.check(target=lengths)
    annotations = intervals_by_name(options.beds, by_name=options.by_name, sizes=lengths, lifting=lifting)
    facts, rows = lay_on(run.table, annotations, options.groups, options.compat)
    return ComparisonResult(facts | lifting.facts(), {"overlap": rows})


def lay_on(
    table: pd.DataFrame, annotations: Mapping[str, pd.DataFrame], groups: Sequence[str], compat: str
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Lay called tiles on annotations.

    Returns:
        (facts, rows): what to print, ready for JSON, and the rows of `overlaps`.

    Raises:
        ConfigError: as `place_tiles` and `overlaps`.
    """
    called = table[table["call"].notna()]
    tiles = place_tiles(called.assign(group=called["call"]), compat)
    rows = overlaps(tiles, annotations, groups)
    annotated = {chrom for rows in annotations.values() for chrom in rows["chrom"].unique()}
    n_off = int((~tiles["chrom"].isin(annotated)).sum())
    if n_off:
        say(f"NOTE: {n_off:,} of {len(tiles):,} tiles are on chromosomes without any annotation")
    shown = ["annotation", "group", "n", "n_overlapping", "percent", "percent_bases", "odds_ratio", "p_value"]
    facts = {
        "compat": compat,
        "tiles": len(tiles),
        "tiles_without_call": len(table) - len(called),
        "tiles_on_chromosomes_without_annotation": n_off,
        "overlaps": json_rows(rows[shown]),
    }
    return facts, rows


COMPARISON = Comparison(
    name="overlap",
    summary="Count tiles and bases of tiles in annotated intervals, against all other tiles.",
    options=Options,
    compare=compare_overlap,
    needs=("sizes",),
    tables={"overlap": OVERLAPS},
    figure="overlaps",
    subject="annotations",
)
