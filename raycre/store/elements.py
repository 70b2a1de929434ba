"""CREATE's regions beside CREME's tiles: which regions lie in a tile, and what each of the two says of them.

Joins tables, by overlap on one assembly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from raycre.genome.classes import CLASSES
from raycre.store.classified import BACKGROUND, ClassifiedRegions
from raycre.store.parquet import open_parquet

COMPARABLE = ("silencer", "enhancer")  # the classes that CREME has, too
# What makes a row of a table of both tests, and what else it shows.
_ROW = [
    "chrom", "start", "end", "name", "gene_id", "tss", "strand", "tile_start", "tile_end", "track_id",
]  # fmt: skip
_SHOWN = ["create_call", "create_p", "overlap_bp", "gene_name", "track_name", "distance"]


def element_rows(regions: ClassifiedRegions, effects: pd.DataFrame) -> pd.DataFrame:
    """Join the elements, regions of a class other than background, to the effects of the tiles they lie in.

    An element over the edge of two tiles has rows for both, with the bp that it shares with each.

    Args:
        regions: of one assembly with the effects.
        effects: columns of `store.schemas.EFFECTS`, rows of tests with one effect of each tile.

    Returns:
        Columns of `store.schemas.ELEMENTS`: genes in the order of `effects`, then by element, tile and track,
        then tests in that order.
    """
    chrom = effects["tile_chrom"].to_numpy(dtype=object)
    start, end = (effects[c].to_numpy(np.int64) for c in ("tile_start", "tile_end"))
    found = regions.overlapping(chrom, start, end)
    kept = regions.label[found.region] != BACKGROUND
    row, region = found.interval[kept], found.region[kept]
    joined = effects.iloc[row].reset_index(drop=True)
    joined = joined.rename(columns={"call": "creme_call", "tile_chrom": "chrom"})
    joined = joined.assign(
        start=regions.start[region],
        end=regions.end[region],
        name=regions.name[region],
        create_call=np.array(CLASSES, dtype=object)[regions.label[region]],
        create_p=regions.p[region],
        overlap_bp=found.bp[kept],
    )
    joined["agrees"] = agreement(joined["create_call"], joined["creme_call"])
    gene = joined.groupby(["gene_id", "chrom", "tss", "strand"], sort=False, observed=True).ngroup()
    by = [joined[c].to_numpy() for c in ("track_id", "tile_start", "end", "start")]
    table: pd.DataFrame = joined.iloc[np.lexsort((*by, gene.to_numpy()))].reset_index(drop=True)
    return table


def agreement(create: pd.Series, creme: pd.Series) -> pd.api.extensions.ExtensionArray:
    """Say whether both call the same, nullable bool (n,).

    True for silencer and silencer, or enhancer and enhancer; false for these classes and any other call of
    CREME, "neither" included; null where CREATE's class is one that CREME lacks, or CREME has no call.
    """
    known = create.isin(COMPARABLE) & creme.notna()
    same: pd.api.extensions.ExtensionArray = pd.array(create.to_numpy() == creme.to_numpy(), dtype="boolean")
    same[~known.to_numpy()] = pd.NA
    return same


def iter_elements(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the table of elements piece by piece, each of them whole genes.

    Raises:
        FormatError: a damaged table.
    """
    with open_parquet(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number).to_pandas()


def side_by_side(rows: pd.DataFrame, tests: Sequence[str]) -> pd.DataFrame:
    """Lay the tests of one element, gene and track beside each other.

    Args:
        rows: columns of `store.schemas.ELEMENTS`; whole genes.
        tests: with one effect of each tile, in its own place.

    Returns:
        A row each: those columns that say which, the effect of each of `tests` under its name (NaN where
        it was not run), creme_call (of both tests; "enhancer, neither" where they differ) and agrees (with
        every test that has a call).
    """
    number = rows.groupby(_ROW, sort=False, dropna=False).ngroup().to_numpy()  # by first appearance
    table = rows.loc[np.unique(number, return_index=True)[1], [*_ROW, *_SHOWN]].reset_index(drop=True)
    calls, agree = [], []
    for test in tests:
        mine = (rows["test"] == test).to_numpy()
        at = number[mine]
        effect, call, agrees = np.full(len(table), np.nan), *(np.full(len(table), None) for _ in range(2))
        effect[at] = rows.loc[mine, "effect"]
        call[at] = rows.loc[mine, "creme_call"].fillna("unknown")
        agrees[at] = rows.loc[mine, "agrees"].astype(object).where(rows.loc[mine, "agrees"].notna(), None)
        table[test] = effect
        calls.append(call)
        agree.append(agrees)
    table["creme_call"] = [
        ", ".join(dict.fromkeys(c for c in both if c is not None)) for both in zip(*calls, strict=True)
    ]
    known = [[bool(a) for a in both if a is not None] for both in zip(*agree, strict=True)]
    table["agrees"] = np.array([all(both) if both else None for both in known], dtype=object)
    return table


def strongest(table: pd.DataFrame, n: int, tests: Sequence[str]) -> pd.DataFrame:
    """Return the `n` rows of `side_by_side` of largest absolute effect, those that CREME calls first."""
    called = table["creme_call"].str.contains("|".join(COMPARABLE))
    effect = table[list(tests)].abs().max(axis=1).fillna(0)
    order = np.lexsort((-effect, ~called))
    return table.iloc[order[:n]]
