"""How much of the tiles lies in annotated intervals: BED files, or RepeatMasker's classes.

Tiles lie where the gene's strand puts them. `compat: reference` puts those of - genes where the authors'
notebook looked for them: on the wrong side of the TSS (DIVERGENCES 11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from raycre.errors import ConfigError
from raycre.genome.overlaps import covered_bases


def place(table: pd.DataFrame, compat: str = "fixed") -> pd.DataFrame:
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
        One row for each annotation and group, columns OVERLAPS of store.comparison_schemas.

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
