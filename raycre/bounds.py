"""Numbers with bounds, as the science's dataclasses annotate them and a configuration checks them."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Le

LARGEST = 2**31 - 1  # of a whole number, where nothing else bounds it; not worth a word

Positive = Annotated[int, Ge(1), Le(LARGEST)]
NotNegative = Annotated[int, Ge(0)]
PositiveNumber = Annotated[float, Gt(0)]
NotNegativeNumber = Annotated[float, Ge(0)]
Share = Annotated[float, Gt(0), Le(1)]
