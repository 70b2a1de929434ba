"""The tiles that further tests take as elements: those that the sufficiency test calls, or all of them."""

from __future__ import annotations

from typing import NamedTuple

from raycre.creme.perturbation import Pass
from raycre.creme.rows import Known
from raycre.creme.settings import Settings
from raycre.creme.tests import sufficiency
from raycre.creme.tiles import Interval

KINDS = ("enhancer", "silencer")


class Element(NamedTuple):
    """A tile that acts on its own on one track.

    Attributes:
        tile: 0-based half-open in the model input.
        track: position among the queried tracks.
        kind: "enhancer" or "silencer".
    """

    tile: Interval
    track: int
    kind: str


def needed(settings: Settings, known: Known) -> list[Pass]:
    """Return the passes that must be known before `elements` can tell."""
    return sufficiency.expand(settings, known)


def elements(settings: Settings, known: Known) -> list[Element]:
    """Return the elements of a gene by tile and track, on the tracks that are searched.

    With `settings.elements` "called" they are what the sufficiency test calls; with "all" every tile whose
    effect there has a value, by its sign (0 counts as an enhancer). Empty as long as not all passes of
    `needed` are known.
    """
    if any(p.key not in known for p in needed(settings, known)):
        return []
    found = []
    for row in sufficiency.effects(settings, known):
        kind = row.call
        if settings.elements == "all" and row.effect == row.effect:  # not NaN
            kind = "silencer" if row.effect < 0 else "enhancer"
        if kind in KINDS:
            found.append(Element((row.offset_start, row.offset_end), row.track, kind))
    if settings.searched is None:
        return found
    return [element for element in found if element.track in settings.searched]
