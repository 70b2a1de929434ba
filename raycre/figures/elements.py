"""The chain in the report: elements, their class by CREATE, and what they do to genes by CREME.

Reads summary/elements.parquet piece by piece.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from raycre.creme.tests import tile_tests
from raycre.figures.blocks import Block, Cell, Note, Table, counted
from raycre.genome.classes import CLASSES
from raycre.genome.intervals import place
from raycre.store.elements import iter_elements, side_by_side, strongest

TILE_TESTS = tile_tests()
_LISTED = 60
_CALLS = ("enhancer", "silencer", "neither", "unknown")


def read_elements(run: Path) -> list[Block]:
    """Read the elements of a CREME run; nothing where it was made without a run of CREATE.

    Raises:
        FormatError: a damaged table.
    """
    path = run / "summary" / "elements.parquet"
    if not path.is_file():
        return []
    counts: Counter[tuple[str, str, str]] = Counter()
    best, total = pd.DataFrame(), 0
    for rows in iter_elements(path):
        calls = rows["creme_call"].fillna("unknown")
        counts.update(zip(rows["test"], rows["create_call"], calls, strict=True))
        table = side_by_side(rows, TILE_TESTS)
        total += len(table)
        if len(table):
            both = pd.concat([part for part in (best, table) if len(part)])
            best = strongest(both, _LISTED, TILE_TESTS)
    if not total:
        return [Note("No element of the CREATE run lies in a tile.")]
    return [crossed_table(counts), elements_table(best, total)]


def crossed_table(counts: Counter[tuple[str, str, str]]) -> Table:
    """Return classes by CREATE against calls by CREME.

    Args:
        counts: elements, one for each gene, track and tile, by test, class and call.
    """
    rows: list[list[Cell]] = [
        [test, name, *(counts[(test, name, call)] for call in _CALLS)]
        for test in TILE_TESTS
        for name in CLASSES
        if any(counts[(test, name, call)] for call in _CALLS)
    ]
    return Table(
        "Elements by CREATE's class against CREME's call of the tile they lie in, counted for every gene, "
        "track and tile.",
        ["test", "by CREATE", *(f"{call} by CREME" for call in _CALLS)],
        rows,
    )


def elements_table(table: pd.DataFrame, n: int) -> Table:
    """Return elements with their class by CREATE and their effects by CREME.

    Args:
        table: rows of `store.elements.side_by_side`, the ones to list.
        n: how many there are in all.
    """
    which = f"The {len(table)} strongest of {n:,}" if n > len(table) else f"All {counted(n, 'row')}"
    words = {True: "yes", False: "no"}
    rows: list[list[Cell]] = [
        [
            place(r["chrom"], r["start"], r["end"]),
            None if pd.isna(r["name"]) else r["name"],
            r["create_call"],
            float(r["create_p"]),
            r["gene_name"],
            str(r["track_id"] if pd.isna(r["track_name"]) else r["track_name"]),
            r["distance"] / 1000,
            *(float(r[test]) for test in TILE_TESTS),
            r["creme_call"],
            None if pd.isna(r["agrees"]) else words[bool(r["agrees"])],
        ]
        for r in table.to_dict("records")
    ]
    return Table(
        f"Element, class by CREATE, effect on the gene by CREME. {which}, called ones first (0-based, "
        "half-open; the effect is that of the tile that the element lies in).",
        ["element", "name", "by CREATE", "p", "gene", "track", "tile at (kb)", *TILE_TESTS, "by CREME",
         "agree"],
        rows,
        tall=len(rows) > 24,
    )  # fmt: skip
