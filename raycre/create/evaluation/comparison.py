"""Is one setting better than another? Metrics of the same folds under several settings, side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from raycre.create.evaluation.names import MACRO
from raycre.errors import ConfigError, near

COMPARISON = ("setting", "metric", "mean", "sd", "n_folds", "difference", "p_value")  # columns of `compare`


def compare(metrics: pd.DataFrame, baseline: str, of: str = MACRO) -> pd.DataFrame:
    """Hold every setting against `baseline`, fold by fold (CREATE Results: one-sided paired Wilcoxon tests).

    Args:
        metrics: setting, fold, class, metric, value: the rows of METRICS with a column for the setting. The
            folds must be of the same regions in all settings. A value may be NaN.
        baseline: the setting that is asked to be greater.
        of: a class, or "macro".

    Returns:
        COMPARISON, a row for each setting and metric in the order of coming. mean, sd (population) and
        n_folds are over the setting's own folds; difference (setting minus baseline) and p_value (that the
        baseline is not greater; exact where no two folds differ equally) over the folds that both have. A
        p_value is NaN where no fold differs.

    Raises:
        ConfigError: no such setting or class, or a fold that a setting has twice.
    """
    rows = metrics[metrics["class"] == of]
    if rows.empty:
        known = metrics["class"].unique()
        raise ConfigError(f"no metrics of it{near(of, known)}", value=of)
    if baseline not in set(rows["setting"]):
        known = rows["setting"].unique()
        raise ConfigError(
            f"no such setting to compare with; choose from {', '.join(known)}{near(baseline, known)}",
            value=baseline,
        )
    twice = rows[rows.duplicated(["setting", "fold", "metric"])]
    if len(twice):
        first = twice.iloc[0]
        raise ConfigError(f"fold {first['fold']} comes twice for {first['metric']}", value=first["setting"])
    values = rows.pivot(index="fold", columns=["setting", "metric"], values="value")
    found = []
    for setting, metric in rows[["setting", "metric"]].drop_duplicates().itertuples(index=False):
        ours = values[setting, metric].dropna()
        # A metric that the baseline lacks leaves nothing to compare with.
        theirs = values.get((baseline, metric), pd.Series(np.nan, index=values.index))
        gain = (ours - theirs).dropna().to_numpy(float)
        difference = float(gain.mean()) if len(gain) else float("nan")
        p = float("nan") if setting == baseline else _p_value(-gain)
        spread = float(ours.std(ddof=0))
        found.append((setting, metric, float(ours.mean()), spread, len(ours), difference, p))
    return pd.DataFrame(found, columns=list(COMPARISON))


def _p_value(gain: NDArray[np.float64]) -> float:
    """One-sided p that `gain` (folds,) is not above 0; folds of gain 0 are left out, as Wilcoxon did."""
    gain = gain[gain != 0]
    if not len(gain):
        return float("nan")
    return float(wilcoxon(gain, alternative="greater").pvalue)
