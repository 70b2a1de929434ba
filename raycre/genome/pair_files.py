"""Anchors of loops and contacts as intervals: BEDPE, and UCSC's interact and longrange.

Each anchor is an interval of its own, the first of a pair before the second; both have the pair's line.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.genome.loops import TITLES as LOOP_TITLES
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import took

__all__ = [
    "LOOP_TITLES",
    "anchors_of_bedpe",
    "anchors_of_interact",
    "anchors_of_longrange",
    "is_bedpe_row",
    "is_interact_row",
    "is_longrange_row",
]

_INTERACT = 18  # columns: BED5 and 13
_LONGRANGE = r"^(?P<chrom>[^:\s]+):(?P<start>[0-9]+)-(?P<end>[0-9]+),(?P<score>[+-]?[0-9.eE+-]+)$"
_WHOLE = r"^-?[0-9]{1,18}$"


def is_bedpe_row(rows: TextTable) -> bool:
    """Say whether rows have positions in columns 2, 3, 5 and 6, and in the fourth a chromosome or "."."""
    if rows.n_columns >= 6 and ".bedpe" in rows.path.name.lower():
        return True  # whatever is wrong with its rows is said of a BEDPE
    if rows.n_columns < 6 or not all(_all_match(rows, column, _WHOLE) for column in (5, 6)):
        return False
    known = pa.array([*rows.strings(1).unique(), "."])
    return bool(pc.any(pc.is_in(rows.arrow(4), value_set=known)).as_py())


def is_interact_row(rows: TextTable) -> bool:
    """Say whether rows have the 18 columns of UCSC's interact."""
    return rows.n_columns == _INTERACT and all(_all_match(rows, c, _WHOLE) for c in (10, 11, 15, 16))


def is_longrange_row(rows: TextTable) -> bool:
    """Say whether the fourth column names a place and a score: chr2:100-200,5."""
    return rows.n_columns in (4, 6) and _all_match(rows, 4, _LONGRANGE)


def anchors_of_bedpe(rows: TextTable) -> tuple[pd.DataFrame, int]:
    """Return anchors and how many are absent (".", -1, -1); one of zero length is the base at its start."""
    at = rows.roles or dict(zip(LOOP_TITLES.needed, range(1, 7), strict=True))
    name = None if rows.roles or rows.n_columns < 7 else rows.strings(7)
    took(rows.path, f"{rows.describe()} read as BEDPE: both anchors are regions")
    return _anchors(
        rows, [[at[f"{part}{side}"] for part in ("chrom", "start", "end")] for side in (1, 2)], name
    )


def anchors_of_interact(rows: TextTable) -> tuple[pd.DataFrame, int]:
    """Return anchors of UCSC's interact: its source and its target."""
    took(rows.path, "18 columns read as interact: both ends are regions")
    return _anchors(rows, [[9, 10, 11], [14, 15, 16]], rows.strings(4))


def anchors_of_longrange(rows: TextTable) -> tuple[pd.DataFrame, int]:
    """Return anchors of UCSC's longrange, which says every contact twice: each anchor is kept once."""
    texts = rows.arrow(4)
    good = pc.match_substring_regex(texts, _LONGRANGE).to_numpy()
    if not good.all():
        raise rows.error(int(np.argmin(good)), 4, "column 4 of longrange is CHROM:START-END,SCORE")
    other = pc.extract_regex(texts, _LONGRANGE)
    columns = rows.columns
    for part in ("chrom", "start", "end"):
        columns = columns.append_column(f"other {part}", pc.struct_field(other, part))
    wide = TextTable(rows.path, columns, rows.line)
    took(rows.path, f"{rows.n_columns} columns read as longrange: both anchors are regions")
    n = rows.n_columns
    table, _ = _anchors(wide, [[1, 2, 3], [n + 1, n + 2, n + 3]], None)
    once = table.drop_duplicates(["chrom", "start", "end"])
    return once.reset_index(drop=True), len(table) - len(once)


def _anchors(rows: TextTable, sides: list[list[int]], name: pd.Series | None) -> tuple[pd.DataFrame, int]:
    parts, n_absent = [], 0
    for chrom_at, start_at, end_at in sides:
        chrom = rows.strings(chrom_at)
        start, end = rows.integers(start_at, "anchor's start"), rows.integers(end_at, "anchor's end")
        absent: NDArray[np.bool_] = (chrom == ".").to_numpy() & (start == -1)
        n_absent += int(absent.sum())
        parts.append(
            pd.DataFrame(
                {
                    "chrom": chrom,
                    "start": start,
                    "end": np.where(end == start, start + 1, end),
                    "name": None if name is None else [None if each == "." else each for each in name],
                    "line": rows.line,
                }
            )[~absent]
        )
    table = pd.concat(parts).sort_values("line", kind="stable", ignore_index=True)
    return table, n_absent


def _all_match(rows: TextTable, column: int, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(rows.arrow(column), pattern)).as_py())
