"""Curves of a fine-tile search: how much of an element's activity is left with how many bp of it.

CREME Fig. 3b.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.creme.rows import Row

RECOVERY = 0.8  # Methods, "Fine-tile search": "recovers at least 80%"


class Curve(NamedTuple):
    """Scores along one search.

    Attributes:
        bp: float64 (points,), bp of the element still embedded, falling from the whole of it.
        score: float64 (points,).
    """

    bp: NDArray[np.float64]
    score: NDArray[np.float64]


def recovery_curve(rows: Iterable[Row]) -> Curve:
    """Return the curve of one search, from the rows of one gene, element and track.

    From the whole element on, a point for each step. A step that was taken back is left out unless it is the
    last of all, as in the authors' tables (DIVERGENCES 38).
    """
    steps: dict[int, list[Row]] = {}
    for row in rows:
        if row.round is not None:
            steps.setdefault(row.round, []).append(row)
    bp, points = 0, []
    for round_, gone in sorted(steps.items()):
        length = sum(row.offset_end - row.offset_start for row in gone)
        after = length if round_ == 0 else bp - length
        if gone[0].call != "reverted":
            bp = after
        elif round_ != max(steps):
            continue
        points.append((after, gone[0].effect))
    array = np.array(points, dtype=np.float64).reshape(-1, 2)
    return Curve(array[:, 0], array[:, 1])


def mean_recovery(curves: Sequence[Curve], pruned: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average scores over the searches that went as far.

    Args:
        curves: one for each element, of any length.
        pruned: float64 (m,), bp removed at which to read them, linearly between points.

    Returns:
        float64 (m,), mean over the curves that reach so far and have a score; NaN where none does.
    """
    total, n = np.zeros(len(pruned)), np.zeros(len(pruned))
    for bp, score in curves:
        at = np.interp(pruned, bp[0] - bp, score, right=np.nan)
        total += np.nan_to_num(at)
        n += np.isfinite(at)
    mean: NDArray[np.float64] = np.divide(total, n, out=np.full(len(pruned), np.nan), where=n > 0)
    return mean


def bp_at_score(recovery_curve: Curve, level: float = RECOVERY, by_score: bool = False) -> float:
    """Return the bp left where a curve passes a score, linearly between points.

    Args:
        curve: of an enhancer, or of a silencer with a level above 1.
        level: the score.
        by_score: between the points next to the level among all scores, wherever on the curve they are. On a
            curve that goes up and down these may be far apart, and the result too high.

    Returns:
        bp, where the curve passes last; NaN if it never does. With `by_score` the bp of the extreme score
        then, and NaN without any point.
    """
    bp, score = recovery_curve
    if by_score and len(score):
        order = np.argsort(score, kind="stable")
        return float(np.interp(level, score[order], bp[order]))
    above = score > level
    passed = np.flatnonzero(above[1:] != above[:-1])
    if not passed.size:
        return float("nan")
    i = passed[-1]
    share = (score[i] - level) / (score[i] - score[i + 1])
    return float(bp[i] + share * (bp[i + 1] - bp[i]))
