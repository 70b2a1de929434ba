"""Rows of a frame for the type checker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd


def tuples_of(frame: pd.DataFrame) -> Iterable[Any]:
    """The rows as named tuples; a cell is whatever its column holds."""
    return frame.itertuples()
