"""The TSS tile alone in shuffled backgrounds: mutants of context, controls of tests that insert tiles.

Being the same passes, they are predicted once. The gene's context class is read from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.creme.formulas import THRESHOLDS, context_classes, shuffle_effect
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, gather
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval, overlap

CONTEXT, SUFFICIENCY = "context", "sufficiency"  # the tests by whose shuffles a gene's context is classified


def tss_alone(settings: Settings, n: int, owner: Interval | None = None) -> list[Perturbation]:
    """Return the passes with nothing but the TSS tile in each of the first `n` backgrounds of `owner`."""
    return [Perturbation(background=(owner, k), kept=(settings.tss_tile,)) for k in range(n)]


def controls(settings: Settings, tile: Interval, test: str = SUFFICIENCY) -> list[Perturbation]:
    """Return the controls of a test that inserts `tile`: shared by all tiles, or its own (`reference`)."""
    owner = tile if settings.compat == "reference" else None
    return tss_alone(settings, settings.n(test), owner)


def inserted(settings: Settings, tile: Interval, test: str = SUFFICIENCY) -> list[Perturbation]:
    """Return the controls of a test with `tile` at its own place as well: the mutants of sufficiency."""
    return [with_copy(p, tile, tile) for p in controls(settings, tile, test)]


def with_copy(p: Perturbation, tile: Interval, place: Interval) -> Perturbation:
    """Return `p` with one more copy of `tile`, the newest, at `place`.

    A first copy at the tile's own place is no copy but the tile kept, so that it is the sufficiency test's
    pass and is predicted once.
    """
    if place == tile and not p.placed:
        return replace(p, kept=(*p.kept, tile))
    return replace(p, placed=(*p.placed, (*tile, place[0])))


def places(settings: Settings, tile: Interval) -> list[Interval]:
    """Return where a copy of `tile` may stand: from the start of every place, and where it stands by itself.

    A tile of another size than theirs cannot stand where it would reach into the TSS tile or past the end.
    """
    size = tile[1] - tile[0]
    grid = settings.tiles if settings.places is None else settings.places
    stretches = dict.fromkeys([*((start, start + size) for start, _ in grid), tile])
    return [s for s in stretches if s[1] <= settings.seq_len and not overlap(s, settings.tss_tile)]


def context_effect(
    settings: Settings, predictions: Predicted, mutants: Sequence[Perturbation]
) -> NDArray[np.float64]:
    """Return (WT - MUT) / WT of the context, float64 (tracks,).

    Of an ensemble whose replicates are known apart it is the mean of their own ratios, as the authors' code
    has it for Borzoi (DIVERGENCES 14), else a ratio of means.

    Args:
        settings: the run's.
        predictions: TSS activities of the wild type and of `mutants`.
        mutants: the TSS tile in shuffled backgrounds.
    """
    apart = range(settings.replicates) if settings.replicates > 1 else (None,)
    each = [
        shuffle_effect(gather(predictions, [WT], m)[0], gather(predictions, mutants, m).mean(axis=0))
        for m in apart
    ]
    effect: NDArray[np.float64] = np.mean(each, axis=0)
    return effect


class Context(NamedTuple):
    """What is known of a gene's context.

    Attributes:
        classes: (tracks,) of class names, None where unknown.
        test: whose shuffles they were taken from, `CONTEXT` or `SUFFICIENCY`; None where neither is known.
        n: how many shuffles that is.
    """

    classes: list[str | None]
    test: str | None
    n: int | None


def classes_of_gene(settings: Settings, predictions: Predicted) -> list[str | None]:
    """Return the classes of `context_of_gene`."""
    return context_of_gene(settings, predictions).classes


def context_of_gene(settings: Settings, predictions: Predicted) -> Context:
    """Classify the context of the gene on every track.

    From all mutants of the context test where `predictions` has them, else from the controls of the
    sufficiency test, those of all tiles together. With neither, the class is null, and so are the calls that
    need it.

    Args:
        settings: the run's.
        predictions: TSS activities; the wild type must be there.
    """
    for test, passes in zip((CONTEXT, SUFFICIENCY), _candidates(settings), strict=False):
        if passes and all(p.key in predictions for p in passes):
            effect = context_effect(settings, predictions, passes)
            classes = context_classes(effect, THRESHOLDS[settings.thresholds], settings.compat)
            return Context(classes, test, len(passes))
    return Context([None] * len(predictions[WT.key]), None, None)


def _candidates(settings: Settings) -> Sequence[list[Perturbation]]:
    context = tss_alone(settings, settings.n(CONTEXT)) if CONTEXT in settings.n_shuffles else []
    if SUFFICIENCY not in settings.n_shuffles:
        return [context]
    # A set, since tiles may share their controls; in order, so that the mean is the same to the last bit.
    control = dict.fromkeys(p for tile in settings.tiles for p in controls(settings, tile))
    return [context, list(control)]
