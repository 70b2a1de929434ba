"""What shuffling several tiles would do if they acted apart, and how far the greedy search is from it.

CREME Methods, "Comparison with additive effects" and "... multiplicative effects". A curve has one point more
than there are rounds, since it starts at the wild type.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from raycre.creme.formulas import fold_change

# "Comparison with additive effects": mean squared errors of the curves.
FAR = 0.1  # above: not additive
NEAR = 0.05  # below: additive; between the two a gene has no class in the paper (DIVERGENCES 28)
# "Comparison with multiplicative effects": below is multiplicative, for enhancers and for silencers.
NEAR_LOG = {"min": 0.04, "max": 0.01}


def trace(starts: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the greedy search's curve over WT: what each round started from, and the mean of the last.

    So all points but the last are predictions of one sequence, the shuffle that was kept (DIVERGENCES 25).

    Args:
        starts: float64 (..., rounds), activity of the sequence that each round started from, WT first.
        last: float64 (...), mean over shuffles of the tile chosen in the last round.

    Returns:
        float64 (..., rounds + 1), 1 at first; null where the wild type is not above 0.
    """
    return fold_change(np.concatenate([starts, last[..., None]], axis=-1), starts[..., :1])


def additive(wt: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (WT + effect 1 + effect 2 + ...) / WT, the tiles' effects in the first round added up.

    Args:
        wt: float64 (...).
        first: float64 (..., rounds), mean activity of each tile's shuffles in the first round, in the order
            in which the search chose the tiles.

    Returns:
        float64 (..., rounds + 1), as `trace`.
    """
    wt = wt[..., None]
    return fold_change(wt + np.cumsum(_from(0 * wt, first - wt), axis=-1), wt)


def multiplicative(wt: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the product of the tiles' fold changes in the first round; arguments and shape as `additive`.

    The paper's comparison of two tiles is on this scale, p1 p2 / WT^2, its curves are `log_multiplicative`.
    """
    fold = fold_change(_from(wt[..., None], first), wt[..., None])
    with np.errstate(over="ignore"):
        return _finite(np.multiply.accumulate(fold, axis=-1))


def log_trace(starts: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `trace` on logarithms, over ln(WT): a ratio of logarithms, as the paper has it (DIVERGENCES 27).

    It depends on the unit of activity and runs off as WT nears 1.

    Args:
        starts: as in `trace`.
        last: float64 (..., shuffles), of the tile chosen in the last round; the mean is one of logarithms.

    Returns:
        float64 (..., rounds + 1); null at points whose activity is not above 0, everywhere where that of the
        wild type is not, or is 1.
    """
    logs = _ln(starts)
    return _over_log(np.concatenate([logs, _ln(last).mean(axis=-1)[..., None]], axis=-1), logs[..., :1])


def log_multiplicative(wt: NDArray[np.float64], first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `additive` on logarithms, over ln(WT): what `log_trace` is where fold changes multiply.

    Args:
        wt: float64 (...).
        first: float64 (..., rounds, shuffles), of each tile in the first round; as in `additive`, though
            logarithms are taken before the mean.

    Returns:
        float64 (..., rounds + 1); null as `log_trace`, and from the first tile with such a shuffle on.
    """
    log_wt = _ln(wt)[..., None]
    effects = _ln(first).mean(axis=-1) - log_wt
    return _over_log(log_wt + np.cumsum(_from(0 * log_wt, effects), axis=-1), log_wt)


def mean_squared_error(curve: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of squared differences, float64 (...), of curves (..., points); null if a point is."""
    with np.errstate(over="ignore"):
        return _finite(np.square(curve - expected).mean(axis=-1))


def mean_difference(curve: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean(curve) - mean(expected), float64 (...), of curves (..., points); null if a point is."""
    values: NDArray[np.float64] = curve.mean(axis=-1) - expected.mean(axis=-1)
    return values


def additive_class(mse: float, difference: float) -> str | None:
    """Class a search by its distance from the additive curve.

    Args:
        mse: `mean_squared_error` of trace and additive curve.
        difference: their `mean_difference`. Above 0 is superadditive in both directions of the search, as
            the text has it: single effects are larger than the joint one.

    Returns:
        "superadditive", "subadditive", "additive", "ambiguous", or None where the MSE is null.
    """
    if np.isnan(mse):
        return None
    if mse < NEAR:
        return "additive"
    if mse > FAR and difference != 0:
        return "superadditive" if difference > 0 else "subadditive"
    return "ambiguous"


def multiplicative_class(mse: float, search: str) -> str | None:
    """Class a search, "min" or "max", by the MSE of its logarithmic curves.

    Returns:
        "multiplicative", "nonmultiplicative", or None where the MSE is null.
    """
    if np.isnan(mse):
        return None
    return "multiplicative" if mse < NEAR_LOG[search] else "nonmultiplicative"


def _from(start: NDArray[np.float64], curve: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([start, curve], axis=-1)


def _ln(activity: NDArray[np.float64]) -> NDArray[np.float64]:
    activity = np.asarray(activity)
    return np.log(activity, out=np.full(activity.shape, np.nan), where=activity > 0)


def _over_log(logs: NDArray[np.float64], log_wt: NDArray[np.float64]) -> NDArray[np.float64]:
    log_wt = np.broadcast_to(log_wt, logs.shape)
    values: NDArray[np.float64] = np.divide(logs, log_wt, out=np.full(logs.shape, np.nan), where=log_wt != 0)
    return values


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, np.nan)
