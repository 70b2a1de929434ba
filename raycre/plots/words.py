"""Words of captions: numbers, p-values, stars."""

from __future__ import annotations

import math
from collections.abc import Sequence

STARS = ((1e-4, "****"), (1e-3, "***"), (1e-2, "**"), (5e-2, "*"))  # CREME, legends of figures 2 and 6
STARS_TOLD = "* P < 0.05, ** P < 0.01, *** P < 0.001, **** P < 0.0001; n.s., not significant."
BOX = "Boxes: quartiles and median; whiskers to the last value within 1.5 quartile distances."
VIOLIN = "Violins: density; lines are the median and the quartiles."
BAND = "Bands: standard error of the mean."


def stars(p: float) -> str:
    """Return the stars of a p-value; a dash where there is none."""
    if math.isnan(p):
        return "–"
    return next((text for below, text in STARS if p < below), "n.s.")


def p_words(p: float) -> str:
    """Return a p-value as it stands in a caption."""
    if math.isnan(p):
        return "P not known"
    return f"P = {p:.2g}" if p > 1e-300 else "P < 1e-300"


def listed(counts: Sequence[tuple[str, int]]) -> str:
    """Return names with their n: `enhancing n = 200, neutral n = 183`."""
    return ", ".join(f"{name} n = {n:,}" for name, n in counts)
