"""Whether groups of regions differ: the rank-sum test on values, Fisher's exact test on shares.

CREATE, figures 5 to 7: "one-sided Wilcoxon rank-sum tests", the first group being the greater.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, fisher_exact, mannwhitneyu, ranksums

from raycre.annotate.declaration import GroupValues
from raycre.errors import ConfigError, near
from raycre.store.fields import INT, REAL, TEXT, schema_of

Alternative = Literal["greater", "less", "two-sided"]
Reading = Literal["continuity", "no-continuity", "no-tie-correction"]
BACKGROUND = "background"
_FEWEST = 2  # regions of a group; of fewer nothing is said


class RankSum(NamedTuple):
    """U of the first sample; U / (n1 n2), the chance that one of the first is the greater; p."""

    u: float
    auc: float
    p: float


def rank_sum_test(
    first: NDArray[Any],
    second: NDArray[Any],
    alternative: Alternative = "greater",
    reading: Reading = "continuity",
) -> RankSum:
    """Test by ranks whether values of `first` are greater than those of `second`.

    Args:
        first, second: values without NaN, one or more each.
        alternative: what the first is expected to be.
        reading: of the normal approximation. "continuity": corrected for ties and for continuity (scipy's
            mannwhitneyu); "no-continuity": for ties alone; "no-tie-correction": neither (scipy's ranksums).

    Returns:
        p is 1 where all values are one and ties are corrected for.
    """
    pairs = len(first) * len(second)
    if reading == "no-tie-correction":
        p = float(ranksums(first, second, alternative=alternative).pvalue)
    if min(first.min(), second.min()) == max(first.max(), second.max()):
        return RankSum(pairs / 2, 0.5, p if reading == "no-tie-correction" else 1.0)
    tested = mannwhitneyu(
        first,
        second,
        alternative=alternative,
        method="asymptotic",
        use_continuity=reading == "continuity",
    )
    u = float(tested.statistic)
    return RankSum(u, u / pairs, p if reading == "no-tie-correction" else float(tested.pvalue))


def pairs_of(groups: Sequence[str], asked: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """Return the pairs of groups that are compared, the one that is expected to be greater first.

    Args:
        groups: all there are, in order. "NAME:group" is a group of the regions called NAME.
        asked: pairs; by default every group against the background of the same regions, and where there is
            none every two groups.

    Raises:
        ConfigError: a pair of groups that are not there, or of one group.
    """
    for pair in asked:
        for group in pair:
            if group not in groups:
                raise ConfigError(
                    f"no region is of this group{near(group, groups)}; it has {', '.join(groups) or 'none'}",
                    value=group,
                )
        if pair[0] == pair[1]:
            raise ConfigError("two different groups are compared", value=",".join(pair))
    if asked:
        return list(asked)
    against = [
        (group, background)
        for group in groups
        for background in [group.rpartition(":")[0] + ":" * (":" in group) + BACKGROUND]
        if background in groups and background != group
    ]
    return against or [(a, b) for i, a in enumerate(groups) for b in groups[i + 1 :]]


def group_tests(
    measured: Iterable[GroupValues],
    group: NDArray[Any],
    pairs: Sequence[tuple[str, str]],
    *,
    alternative: Alternative = "greater",
    reading: Reading = "continuity",
) -> pd.DataFrame:
    """Compare pairs of groups in everything that was measured.

    Args:
        measured: values of all regions.
        group: (n,) of all regions.
        pairs: from `pairs_of`.
        alternative, reading: as in `rank_sum_test`.

    Returns:
        One row for each value and pair, columns GROUP_TESTS; p is corrected over all of them.
    """
    members = {name: np.flatnonzero(group == name) for pair in pairs for name in pair}
    found = []
    for name, values, compare in measured:
        numbers = np.asarray(values, dtype=np.float64)
        for first, second in pairs:
            ours, theirs = (_known(numbers[members[g]]) for g in (first, second))
            found.append(
                {"value": name, "test": _NAMES[compare], "alternative": alternative, "group": first,
                 "other": second}
                | _TESTS[compare](ours, theirs, alternative, reading)
            )  # fmt: skip
    table = pd.DataFrame(found, columns=GROUP_TESTS.names)
    return _corrected(table)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _values(
    first: NDArray[np.float64], second: NDArray[np.float64], alternative: Alternative, reading: Reading
) -> dict[str, Any]:
    row = _described(first, second)
    if row["note"] is None:
        u, auc, p = rank_sum_test(first, second, alternative, reading)
        row |= {"u": u, "auc": auc, "p_value": p}
    return row


def _share(
    first: NDArray[np.float64], second: NDArray[np.float64], alternative: Alternative, reading: Reading
) -> dict[str, Any]:
    first, second = (first > 0).astype(np.float64), (second > 0).astype(np.float64)
    row = _described(first, second)
    if row["note"] is None:
        hit, other = int(first.sum()), int(second.sum())
        table = [[hit, len(first) - hit], [other, len(second) - other]]
        odds, p = fisher_exact(table, alternative=alternative)
        row |= {"odds_ratio": float(odds), "p_value": float(p)}
    return row


def _described(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[str, Any]:
    n, n_other = len(first), len(second)
    average, other = (float(x.mean()) if len(x) else math.nan for x in (first, second))
    middle, other_middle = (float(np.median(x)) if len(x) else math.nan for x in (first, second))
    few = min(n, n_other)
    note = f"no test: a group has {few} region{'s' * (few != 1)} with a value" if few < _FEWEST else None
    return {
        "n": n, "n_other": n_other, "mean": average, "mean_other": other, "median": middle,
        "median_other": other_middle, "difference": average - other, "auc": math.nan, "u": math.nan,
        "odds_ratio": math.nan, "p_value": math.nan, "note": note,
    }  # fmt: skip


def _corrected(table: pd.DataFrame) -> pd.DataFrame:
    p = table["p_value"].to_numpy(np.float64)
    known = ~np.isnan(p)
    false_discovery = np.full(len(p), np.nan)
    if known.any():
        false_discovery[known] = false_discovery_control(p[known])
    return table.assign(p_bonferroni=np.minimum(1, p * known.sum()), p_bh=false_discovery)


_NAMES = {"values": "rank-sum", "share": "Fisher's exact"}
_TESTS = {"values": _values, "share": _share}

GROUP_TESTS = schema_of(
    ("value", TEXT, "column of the annotation, or motif, that the groups are compared in"),
    ("test", TEXT, "rank-sum, of the values; Fisher's exact, of the share of regions above 0"),
    ("alternative", TEXT, "what the first group is expected to be: greater, less or two-sided"),
    ("group", TEXT, "first group"),
    ("other", TEXT, "second group"),
    ("n", INT, "regions of the first group with a value"),
    ("n_other", INT, "regions of the second group with a value"),
    ("mean", REAL, "mean of the first group; of a share: the share"),
    ("mean_other", REAL, "mean of the second group"),
    ("median", REAL, "median of the first group"),
    ("median_other", REAL, "median of the second group"),
    ("difference", REAL, "mean less mean_other: the effect size of a share"),
    ("auc", REAL, "U / (n n_other), the effect size of a rank-sum test: 0.5 is none; null for a share"),
    ("u", REAL, "Mann-Whitney U of the first group; null for a share"),
    ("odds_ratio", REAL, "of Fisher's exact test; null for values"),
    ("p_value", REAL, "null where a group has fewer than two regions with a value"),
    ("p_bonferroni", REAL, "p_value times the number of p-values in the table, at most 1"),
    ("p_bh", REAL, "p_value corrected over the table by Benjamini and Hochberg"),
    ("note", TEXT, "why there is no p; null where there is one"),
)
