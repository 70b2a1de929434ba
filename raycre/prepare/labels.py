"""Labelled regions of four classes, none of which shares bases with a region of another class.

CREATE, Methods, "Data collection": data are what is left "after filtering overlapping regions between CREs".
Ours: windows of 1,000 bp, 1 bp of overlap or more, and both partners go.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.overlaps import count_overlapping


class BetweenClasses(NamedTuple):
    """Overlaps of regions of unlike classes.

    pairs: pairs of regions by two classes, those without any left out.
    mixed: by class, bool (n,): regions that overlap one of another class.
    others: by class, the classes that each region overlaps, in alphabetical order with commas between; "".
    """

    pairs: dict[tuple[str, str], int]
    mixed: dict[str, NDArray[np.bool_]]
    others: dict[str, NDArray[np.object_]]


def between_classes(tables: Mapping[str, pd.DataFrame], *, min_overlap: int = 1) -> BetweenClasses:
    """Find the regions that overlap a region of another class.

    Args:
        tables: class -> chrom, start, end, of any widths.
        min_overlap: bp that a pair must share.
    """
    pairs: dict[tuple[str, str], int] = {}
    others = {name: np.full(len(table), "", dtype=object) for name, table in tables.items()}
    for a, b in combinations(sorted(tables), 2):
        counts = [
            count_overlapping(tables[one], tables[other], min_overlap=min_overlap)
            for one, other in ((a, b), (b, a))
        ]
        if n := int(counts[0].sum()):
            pairs[a, b] = n
        for name, other, count in ((a, b, counts[0]), (b, a, counts[1])):
            here = count > 0
            others[name][here] = [f"{text},{other}" if text else other for text in others[name][here]]
    return BetweenClasses(pairs, {name: texts != "" for name, texts in others.items()}, others)
