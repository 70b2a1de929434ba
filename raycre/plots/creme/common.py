"""What CREME's figures share: classes of contexts with their colours, and axis labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import MissingInputError
from raycre.figures.canvas import BLUE, GREY, ORANGE

CONTEXTS = ("enhancing", "neutral", "silencing")
KINDS = ("enhancer", "silencer")
# A context has the colour of the elements that make it what it is.
OF_CONTEXT = {"enhancing": ORANGE, "neutral": GREY, "silencing": BLUE}
KB = "distance from the TSS (kb)"


def by_context(rows: pd.DataFrame, column: str) -> list[tuple[str, NDArray[np.float64]]]:
    """Return the values of a column for each class of context."""
    return [(c, rows.loc[rows["context"] == c, column].to_numpy(np.float64)) for c in CONTEXTS]


def with_context(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of genes whose context is one of the three classes.

    Raises:
        MissingInputError: there is none.
    """
    known = rows[rows["context"].isin(CONTEXTS)]
    if known.empty:
        raise MissingInputError(
            "no gene has a context of a known class; the figure is by context: add the test context to "
            "the run"
        )
    return known
