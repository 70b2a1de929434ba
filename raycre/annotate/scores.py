"""Whether what regions are given goes with their scores: correlations, and means by bins of the score.

CREATE, figure 7c-e: "genetic variants levels … gradually decrease with increasing CREATE background scores".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from raycre.annotate.declaration import GroupValues
from raycre.store.fields import INT, REAL, TEXT, schema_of

N_BINS = 10  # of equal width between 0 and 1
_FEWEST = 3  # regions; of fewer there is no correlation


def correlate_scores(values: Iterable[GroupValues], scores: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Correlate everything that was measured with every score.

    Args:
        values: of all regions.
        scores: name -> (n,) of all regions.

    Returns:
        One row for each value and score, columns SCORES.
    """
    found = []
    for name, measured, _ in values:
        numbers = np.asarray(measured, dtype=np.float64)
        for score, of_score in scores.items():
            known = ~(np.isnan(numbers) | np.isnan(of_score))
            x, y = of_score[known], numbers[known]
            row: dict[str, Any] = {"value": name, "score": score, "n": len(x)}
            if len(x) >= _FEWEST and np.ptp(x) > 0 and np.ptp(y) > 0:
                rank = spearmanr(x, y)
                row |= {"pearson": float(pearsonr(x, y).statistic), "spearman": float(rank.statistic),
                        "spearman_p": float(rank.pvalue)}  # fmt: skip
            found.append(row)
    return pd.DataFrame(found, columns=SCORES.names)


def mean_by_score(values: Iterable[GroupValues], scores: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Average everything that was measured in bins of every score; a score of 1 is in the last bin.

    Args:
        values, scores: as in `correlate_scores`; scores are between 0 and 1.

    Returns:
        One row for each value, score and bin, columns SCORE_BINS; a bin without a region is there, too.
    """
    found = []
    for name, measured, _ in values:
        numbers = np.asarray(measured, dtype=np.float64)
        for score, of_score in scores.items():
            known = ~(np.isnan(numbers) | np.isnan(of_score))
            x, y = of_score[known], numbers[known]
            of_bin = np.clip((x * N_BINS).astype(np.int64), 0, N_BINS - 1)
            for i in range(N_BINS):
                mine = y[of_bin == i]
                some = len(mine) > 0
                found.append({
                    "value": name, "score": score, "low": i / N_BINS, "high": (i + 1) / N_BINS,
                    "n": len(mine),
                    "mean": float(mine.mean()) if some else np.nan,
                    "median": float(np.median(mine)) if some else np.nan,
                    "sd": float(mine.std(ddof=1)) if len(mine) > 1 else np.nan,
                })  # fmt: skip
    return pd.DataFrame(found, columns=SCORE_BINS.names)


SCORES = schema_of(
    ("value", TEXT, "column of the annotation"),
    ("score", TEXT, "probability of a class, p_CLASS"),
    ("n", INT, "regions with both"),
    ("pearson", REAL, "correlation; null for fewer than 3 regions or where one side does not vary"),
    ("spearman", REAL, "correlation of ranks, likewise"),
    ("spearman_p", REAL, "two-sided p of it"),
)

SCORE_BINS = schema_of(
    ("value", TEXT, "column of the annotation"),
    ("score", TEXT, "probability of a class, p_CLASS"),
    ("low", REAL, "lowest score of the bin"),
    ("high", REAL, "the next bin's lowest score; 1 belongs to the last bin"),
    ("n", INT, "regions of the bin with a value"),
    ("mean", REAL, "mean of their values"),
    ("median", REAL, "median of their values"),
    ("sd", REAL, "standard deviation, n - 1; null for fewer than two"),
)
