"""CREME's formulas and classes, from TSS activities to effects and calls.

Functions of arrays over tracks (CREME Methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The formulas by name, as the `metric` column has them.
ACTIVITY = "wt"
SHUFFLED_OVER_WT = "(wt-mutant)/wt"
INSERTED_OVER_WT = "(mutant-control)/wt"
INSERTED_OVER_CONTROL = "(mutant-control)/control"
MUTANT_OVER_WT = "mutant/wt"
MUTANT_OVER_CONTROL = "mutant/control"
MUTANT_OVER_MAX = "mutant/max"
MUTANT_OVER_ORIGINAL = "mutant/original"
MUTANT_OVER_WHOLE = "mutant/whole"
RECOVERED_OF_WHOLE = "(mutant-control)/(whole-control)"
# The curves of the interaction test, and what they come to.
GREEDY = "greedy/wt"
ADDITIVE = "additive/wt"
MULTIPLICATIVE = "multiplicative/wt"
LOG_GREEDY = "ln(greedy)/ln(wt)"
LOG_MULTIPLICATIVE = "ln(multiplicative)/ln(wt)"
MSE_ADDITIVE = "mse(greedy,additive)"
MEAN_DIFFERENCE = "mean(greedy)-mean(additive)"
MSE_LOG = "mse(ln(greedy),ln(multiplicative))"


@dataclass(frozen=True)
class Thresholds:
    """Cuts on effects of one backbone; every cut is exclusive.

    Attributes:
        enhancing: context effects above are enhancing.
        neutral: context effects nearer to 0 are neutral.
        silencing: context effects below are silencing.
        enhancer: CRE effects above, in enhancing contexts, call an enhancer.
        silencer: CRE effects below, in `silencer_contexts`, call a silencer.
        silencer_contexts: context classes in which silencers are looked for.
    """

    enhancing: float
    neutral: float
    silencing: float
    enhancer: float
    silencer: float
    silencer_contexts: tuple[str, ...]


THRESHOLDS = {
    # Methods, "Context dependence test" and "Sufficiency test". For necessity the same cuts on CREs stand in
    # the authors' code only (DIVERGENCES 18).
    "enformer": Thresholds(0.95, 0.05, -0.3, 0.3, -0.3, ("silencing",)),
    # Same sections. The text prints -0.9 for enhancing, the authors' code has 0.9 (DIVERGENCES 14, 22).
    "borzoi": Thresholds(0.9, 0.05, -0.2, 0.3, -0.15, ("silencing", "neutral")),
}


def shuffle_effect(wt: NDArray[np.float64], mutant: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (WT - MUT) / WT, the part of the activity lost (Methods, "Context dependence", "Necessity").

    Args:
        wt: float64 (tracks,), wild-type TSS activity.
        mutant: float64 (..., tracks), mean activity over shuffles.

    Returns:
        float64 (..., tracks); null as `_ratio`.
    """
    return _ratio(wt - mutant, wt)


def insertion_effect(
    mutant: NDArray[np.float64],
    control: NDArray[np.float64],
    wt: NDArray[np.float64],
    contexts: Sequence[str | None],
) -> tuple[NDArray[np.float64], list[str]]:
    """Return (MUT - CONTROL) over WT in enhancing contexts, over CONTROL in all others ("Sufficiency test").

    A ratio of means over shuffles, not a mean of ratios (DIVERGENCES 19). An unknown context (None) counts as
    not enhancing.

    Args:
        mutant: float64 (..., tracks), TSS tile and CRE tile in shuffled backgrounds.
        control: float64 (tracks,), TSS tile alone in the same backgrounds.
        wt: float64 (tracks,).
        contexts: (tracks,), classes from `context_classes`.

    Returns:
        The effect, float64 (..., tracks), null as `_ratio`; and the name of the formula used, (tracks,).
    """
    enhancing = np.array([c == "enhancing" for c in contexts], dtype=bool)
    effect = _ratio(mutant - control, np.where(enhancing, wt, control))
    return effect, [INSERTED_OVER_WT if e else INSERTED_OVER_CONTROL for e in enhancing]


def fold_over_max(mutant: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return MUT over the largest MUT of all positions, which so has 1 itself ("TSS-CRE distance test").

    For silencers too, whose position of 1 is that of the weakest silencing (DIVERGENCES 23).

    Args:
        mutant: float64 (positions, ...), mean activity with the CRE at each position; one position or more.

    Returns:
        float64 (positions, ...); null as `_ratio`, at all positions where the largest is not above 0.
    """
    return _ratio(mutant, mutant.max(axis=0))


def fold_change(
    mutant: NDArray[np.float64] | float, activity: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Return MUT over another activity, in which nothing has changed at 1.

    Args:
        mutant: float64 (...), an activity.
        activity: float64, to be broadcast: of the wild type, of a control, of one copy in its own
            place (multiplicity), of the whole element (score of the fine-tile search).

    Returns:
        float64 (...); null as `_ratio`.
    """
    return _ratio(np.asarray(mutant, dtype=np.float64), np.asarray(activity, dtype=np.float64))


def recovered(mutant: float, control: float, whole: float) -> float:
    """Return (MUT - CONTROL) / (WHOLE - CONTROL), the part of an element's effect that a part of it has.

    As the text speaks of it ("at least 80% of the enhancer CRE effect"; DIVERGENCES 35), for enhancers and
    silencers; NaN where the whole has no effect.
    """
    sign = np.sign(whole - control)
    return float(fold_change(sign * (mutant - control), sign * (whole - control)))


def context_classes(effect: NDArray[np.float64], thresholds: Thresholds, compat: str) -> list[str | None]:
    """Class contexts by their effect (Methods, "Context dependence test").

    Args:
        effect: float64 (tracks,), from `shuffle_effect`.
        thresholds: the backbone's cuts.
        compat: "reference" closes the neutral and silencing bins on the right, as the authors' code does
            (DIVERGENCES 13); otherwise every cut is exclusive, as in the text.

    Returns:
        (tracks,) of "enhancing", "neutral", "silencing", "other", or None where the effect is null.
    """
    if compat == "reference":
        neutral = (-thresholds.neutral < effect) & (effect <= thresholds.neutral)
        silencing = effect <= thresholds.silencing
    else:
        neutral = np.abs(effect) < thresholds.neutral
        silencing = effect < thresholds.silencing
    names = np.select(
        [np.isnan(effect), effect > thresholds.enhancing, neutral, silencing],
        ["", "enhancing", "neutral", "silencing"],
        "other",
    )
    return [str(name) or None for name in names]


def cre_calls(
    effect: NDArray[np.float64], contexts: Sequence[str | None], thresholds: Thresholds
) -> list[str | None]:
    """Call a tile from its effect and the gene's context (Methods, "Sufficiency test").

    Args:
        effect: float64 (tracks,), of a necessity or sufficiency test.
        contexts: (tracks,), classes from `context_classes`.
        thresholds: the backbone's cuts.

    Returns:
        (tracks,) of "enhancer", "silencer", "neither", or None where effect or context is null.
    """
    calls: list[str | None] = []
    for value, context in zip(effect, contexts, strict=True):
        if np.isnan(value) or context is None:
            calls.append(None)
        elif context == "enhancing" and value > thresholds.enhancer:
            calls.append("enhancer")
        elif context in thresholds.silencer_contexts and value < thresholds.silencer:
            calls.append("silencer")
        else:
            calls.append("neither")
    return calls


def _ratio(numerator: NDArray[np.float64], activity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide by an activity; null (NaN) where it is not above 0, since a share of nothing means nothing.

    So never of turned sign, as over the negative output of a model without a final softplus; and never
    infinite, as over an activity so small that the share is past float64: that is null too.
    """
    numerator, activity = np.broadcast_arrays(numerator, activity)
    with np.errstate(over="ignore"):
        share = np.divide(numerator, activity, out=np.full(numerator.shape, np.nan), where=activity > 0)
    return np.where(np.isfinite(share), share, np.nan)
