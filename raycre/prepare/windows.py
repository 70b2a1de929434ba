"""Regions of one width from regions of any, and identical ones joined into one row.

CREATE, Methods, "Data collection": every region has 1,000 bp. How shorter and longer ones come to them is not
said; ours is the midpoint, and the summit of CTCF peaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from raycre.genome.intervals import sizes_of
from raycre.genome.regions import Regions, resize
from raycre.prepare.rules import AtEnds, Centre

WIDTH = 1_000  # bp; CREATE, Methods, "Data collection"
PLACE = ["chrom", "start", "end"]


def to_width(
    table: pd.DataFrame,
    sizes: Mapping[str, int],
    *,
    centre: Centre = "midpoint",
    at_ends: AtEnds = "drop",
    width: int = WIDTH,
) -> Regions:
    """Give every region one width.

    Args:
        table: chrom, start, end and, for `centre="summit"`, summit (-1 for none, whose midpoint is taken).
        sizes: bp of each chromosome.
        centre: round which base: floor((start + end) / 2), or the summit.
        at_ends: windows that leave their chromosome are dropped and counted, or shifted into it.
        width: bp; a window is [centre - width // 2, + width).

    Raises:
        ChromosomeError: a chromosome that `sizes` does not have.
    """
    if centre == "midpoint" or "summit" not in table:
        table = table.assign(summit=np.int64(-1))
    if at_ends == "shift":
        middle = (table["start"].to_numpy(np.int64) + table["end"].to_numpy(np.int64)) // 2
        summit = table["summit"].to_numpy(np.int64)
        at, length = np.where(summit >= 0, summit, middle), sizes_of(table["chrom"], sizes)
        last = length - (width - width // 2)
        table = table.assign(summit=np.where(length >= width, np.clip(at, width // 2, last), at))
    return resize(table, width, sizes)


def join_identical(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Make one row of identical windows, in the order of their first.

    Args:
        table: chrom, start, end and text columns, whose values may be None.
        columns: those whose distinct values are joined: sorted, a comma between them; None where all are.

    Returns:
        chrom, start, end, these columns, and `n`, int64: rows that were joined.
    """
    number = table.groupby(PLACE, sort=False).ngroup().to_numpy()
    first = ~table.duplicated(PLACE).to_numpy()
    joined = table.loc[first, PLACE].reset_index(drop=True)
    several = np.bincount(number, minlength=len(joined)) > 1
    for column in columns:
        values = table[column].to_numpy(dtype=object)
        texts = values[first]
        apart: dict[int, set[str]] = {}
        for row in np.flatnonzero(several[number]):
            apart.setdefault(int(number[row]), set()).update([] if pd.isna(values[row]) else [values[row]])
        for group, found in apart.items():
            texts[group] = ",".join(sorted(found)) or None
        joined[column] = pd.Series(texts, dtype=object)
    return joined.assign(n=np.bincount(number, minlength=len(joined)).astype(np.int64))
