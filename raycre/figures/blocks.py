"""What a report is made of: tables, pictures and notes."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Cell: TypeAlias = str | int | float | None
_NUMBER = re.compile(r"[−-]?[\d,]+(\.\d+)?%?( ± [\d.,]+)?")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Table:
    """A table with a caption; `rows` hold numbers as numbers. `tall` ones scroll."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    tall: bool = False
    kind: str = "table"

    def is_number(self, column: int) -> bool:
        """Whether a column holds numbers, also with a spread or as percentages: it is set to the right."""
        cells = [row[column] for row in self.rows if row[column] not in (None, "", "–")]
        return bool(cells) and all(
            isinstance(cell, numbers.Number) or (isinstance(cell, str) and _NUMBER.fullmatch(cell))
            for cell in cells
        )


@dataclass(frozen=True)
class Picture:
    """A title, an <svg> element, what it shows in words for who cannot see it, and a caption.

    `narrow` is the same figure for a page as narrow as a phone; "" where there is none.
    """

    title: str
    svg: str
    words: str
    caption: str
    kind: str = "picture"
    narrow: str = ""


@dataclass(frozen=True)
class Note:
    """A sentence; a loud one stands in a box."""

    text: str
    loud: bool = False
    kind: str = "note"


Block: TypeAlias = Table | Picture | Note


def shown(value: Cell) -> str:
    """Return a cell as text: thousands apart, three digits of a small number, a dash for nothing.

    What is nearer to 0 than 0.0001 has a power of ten: 1.23×10⁻⁵.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, numbers.Integral):
        return f"{int(value):,}"
    if isinstance(value, numbers.Real):
        number = float(value)
        digits, e, power = (f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}").partition("e")
        # A minus as wide as a digit, not a hyphen.
        return digits.replace("-", "−") + (f"×10{str(int(power)).translate(_SUPERSCRIPTS)}" if e else "")
    return str(value)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun: 1 fold, 2 folds."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def share(n: int, of: int) -> str:
    """Return n as a percentage of `of`; a dash where there is nothing to divide by."""
    return f"{n / of:.1%}" if of else "–"
