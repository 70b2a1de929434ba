"""The TSS tile alone in shuffled backgrounds: mutants of the context test, controls of the sufficiency test.

Being the same passes, they are predicted once. The gene's context class is read from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from raycre.creme.edits import WT, Pass
from raycre.creme.effects import THRESHOLDS, context_classes, shuffle_effect
from raycre.creme.rows import Known, gather
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval


def tss_alone(settings: Settings, n: int, owner: Interval | None = None) -> list[Pass]:
    """Return the passes with nothing but the TSS tile in each of the first `n` backgrounds of `owner`."""
    return [Pass(background=(owner, k), kept=(settings.tss_tile,)) for k in range(n)]


def controls(settings: Settings, tile: Interval) -> list[Pass]:
    """Return the controls of the sufficiency test: shared by all tiles, or the tile's own (`reference`)."""
    owner = tile if settings.compat == "reference" else None
    return tss_alone(settings, settings.n("sufficiency"), owner)


def inserted(settings: Settings, tile: Interval) -> list[Pass]:
    """Return the mutants of the sufficiency test: its controls with `tile` at its own place as well."""
    return [replace(p, kept=(*p.kept, tile)) for p in controls(settings, tile)]


def classes_of_gene(settings: Settings, known: Known) -> list[str | None]:
    """Class the context of the gene on every track.

    From all mutants of the context test where `known` has them, else from the controls of the sufficiency
    test, those of all tiles together. With neither, the class is null, and so are the calls that need it.

    Args:
        settings: the run's.
        known: TSS activities; the wild type must be there.

    Returns:
        (tracks,) of class names or None.
    """
    wt = gather(known, [WT])[0]
    for passes in _candidates(settings):
        if passes and all(p.key in known for p in passes):
            effect = shuffle_effect(wt, gather(known, passes).mean(axis=0))
            return context_classes(effect, THRESHOLDS[settings.thresholds], settings.compat)
    return [None] * len(wt)


def _candidates(settings: Settings) -> Sequence[list[Pass]]:
    context = tss_alone(settings, settings.n("context")) if "context" in settings.n_shuffles else []
    if "sufficiency" not in settings.n_shuffles:
        return [context]
    # A set, since tiles may share their controls; in order, so that the mean is the same to the last bit.
    control = dict.fromkeys(p for tile in settings.tiles for p in controls(settings, tile))
    return [context, list(control)]
