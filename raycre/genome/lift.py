"""Intervals of one assembly on another, by a chain file: the categories of UCSC's liftOver.

pyliftover reads the chains. What becomes of an interval is decided here, as UCSC publishes it.
An interval is `deleted` where no chain has any of its bases, `partially_deleted` where one chain has some and
`split` where several have some, none of them `min_match` of its bases; `duplicated` where several chains have
that share, and `mapped` where one has. A mapped interval goes from its first to its last mapped base.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.chains import Chain, Chains
from raycre.genome.lift_settings import MAX_LENGTH_CHANGE, MIN_MATCH
from raycre.genome.overlaps import bases_before

if TYPE_CHECKING:
    pass

CATEGORIES = ("mapped", "deleted", "partially_deleted", "split", "duplicated")  # UCSC's
LENGTH_CHANGED = "length_changed"  # mapped, and dropped all the same


def lift(table: pd.DataFrame, chains: Chains, *, min_match: float = MIN_MATCH) -> pd.DataFrame:
    """Say what becomes of intervals on the other assembly.

    Args:
        table: chrom, start, end, and summit (int64, 0-based base of the chromosome, -1 for none) where there
            are any; in any order.
        chains: from the table's assembly.
        min_match: share of its bases that one chain must have.

    Returns:
        In the order and with the index of `table`: status (of `CATEGORIES`), mapped_fraction (the best
        chain's share), and new_chrom, new_start, new_end, new_strand, new_summit: ".", -1, -1, ".", -1 of
        what is not mapped. new_summit is where the summit itself is mapped, by one block alone and into the
        new interval, else -1.
    """
    n = len(table)
    start, end = (table[column].to_numpy(np.int64) for column in ("start", "end"))
    any_, good, most = (np.zeros(n, dtype=np.int64) for _ in range(3))
    new_start, new_end = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    new_chrom, new_strand = np.full(n, ".", dtype=object), np.full(n, ".", dtype=object)
    for chain, rows in _chains_over(chains, table["chrom"], start, end):
        low, high = start[rows], end[rows]
        bases = bases_before(chain.blocks, high) - bases_before(chain.blocks, low)
        rows, low, high, bases = (each[bases > 0] for each in (rows, low, high, bases))
        any_[rows] += 1
        most[rows] = np.maximum(most[rows], bases)
        enough = bases / (high - low) >= min_match
        good[rows[enough]] += 1
        rows, low, high = rows[enough], low[enough], high[enough]
        first = np.searchsorted(chain.blocks[:, 1], low, side="right")
        last = np.searchsorted(chain.blocks[:, 0], high, side="left") - 1
        ends = np.stack(
            [
                chain.target_of(first, np.maximum(low, chain.blocks[first, 0])),
                chain.target_of(last, np.minimum(high, chain.blocks[last, 1]) - 1),
            ]
        )
        new_start[rows], new_end[rows] = ends.min(axis=0), ends.max(axis=0) + 1
        new_chrom[rows], new_strand[rows] = chain.target, chain.strand
    status = np.select(
        [any_ == 0, (good == 0) & (any_ == 1), good == 0, good > 1], list(CATEGORIES[1:]), CATEGORIES[0]
    )
    lost = status != "mapped"
    new_start[lost], new_end[lost], new_chrom[lost], new_strand[lost] = -1, -1, ".", "."
    found = pd.DataFrame(
        {
            "status": status.astype(object),
            "mapped_fraction": most / np.maximum(end - start, 1),
            "new_chrom": new_chrom,
            "new_start": new_start,
            "new_end": new_end,
            "new_strand": new_strand,
        },
        index=table.index,
    )
    summit = table["summit"].to_numpy(np.int64) if "summit" in table else np.full(n, -1, dtype=np.int64)
    return found.assign(new_summit=_lift_summits(table["chrom"], summit, chains, found))


def _lift_summits(
    chrom: pd.Series, summit: NDArray[np.int64], chains: Chains, lifted: pd.DataFrame
) -> NDArray[np.int64]:
    """Return where each summit is, int64 (n,); -1 of one that no block has, or several, or another place."""
    n_blocks = np.zeros(len(summit), dtype=np.int64)
    place, on = np.full(len(summit), -1, dtype=np.int64), np.full(len(summit), "", dtype=object)
    known = np.where(summit >= 0, summit, -2)  # no chain begins before 0
    for chain, rows in _chains_over(chains, chrom, known, known + 1):
        block = np.searchsorted(chain.blocks[:, 1], known[rows], side="right")
        block = np.minimum(block, len(chain.blocks) - 1)
        held = (chain.blocks[block, 0] <= known[rows]) & (known[rows] < chain.blocks[block, 1])
        rows, block = rows[held], block[held]
        n_blocks[rows] += 1
        place[rows], on[rows] = chain.target_of(block, known[rows]), chain.target
    start, end = lifted["new_start"].to_numpy(), lifted["new_end"].to_numpy()
    good = (n_blocks == 1) & (on == lifted["new_chrom"].to_numpy()) & (start <= place) & (place < end)
    return np.where(good, place, -1)


def _chains_over(
    chains: Chains, chrom: pd.Series, start: NDArray[np.int64], end: NDArray[np.int64]
) -> Iterator[tuple[Chain, NDArray[np.int64]]]:
    """Yield every chain that reaches over intervals, and the rows of these."""
    codes, names = pd.factorize(chrom)
    order = np.lexsort((start, codes))
    edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for code, name in enumerate(names):
        rows = order[edges[code] : edges[code + 1]]
        begins = start[rows]
        longest = int((end[rows] - begins).max(initial=0))
        for chain in chains.of.get(str(name), ()):
            first, last = int(chain.blocks[0, 0]), int(chain.blocks[-1, 1])
            near = slice(
                int(np.searchsorted(begins, first - longest, side="right")),
                int(np.searchsorted(begins, last, side="left")),
            )
            if near.start < near.stop:
                over = rows[near]
                over = over[end[over] > first]
                if len(over):
                    yield chain, over


class LiftedRegions(NamedTuple):
    """Regions on another assembly.

    table: those that are left, at their new places.
    counts: rows by `CATEGORIES` and `LENGTH_CHANGED`; a row is in one of them.
    lost: status of those that are not left, and where they were: chrom, start, end, name, line, status.
    """

    table: pd.DataFrame
    counts: dict[str, int]
    lost: pd.DataFrame


def lift_regions(
    table: pd.DataFrame,
    chains: Chains,
    *,
    min_match: float = MIN_MATCH,
    max_length_change: float | None = MAX_LENGTH_CHANGE,
) -> LiftedRegions:
    """Put regions on another assembly; what is not mapped is left out and counted.

    Args:
        table: chrom, start, end, and where there: strand, summit; other columns stay as they are.
        chains: from the table's assembly.
        min_match: as in `lift`.
        max_length_change: share of its length by which a region may grow or shrink; null: by any.
    """
    found = lift(table, chains, min_match=min_match)
    status, width = found["status"].to_numpy(), (table["end"] - table["start"]).to_numpy()
    change = np.abs((found["new_end"] - found["new_start"]).to_numpy() - width)
    if max_length_change is not None:
        status = np.where((status == "mapped") & (change > max_length_change * width), LENGTH_CHANGED, status)
    kept = status == "mapped"
    lifted = table.assign(
        chrom=found["new_chrom"].astype(str), start=found["new_start"], end=found["new_end"]
    )
    if "summit" in table:
        lifted["summit"] = found["new_summit"]
    if "strand" in table:
        turned = table["strand"].map({"+": "-", "-": "+"}).fillna(table["strand"])
        lifted["strand"] = table["strand"].where(found["new_strand"] != "-", turned)
    columns = [name for name in ("chrom", "start", "end", "name", "line") if name in table]
    names = (*CATEGORIES, LENGTH_CHANGED)
    return LiftedRegions(
        lifted[kept].reset_index(drop=True),
        {name: int((status == name).sum()) for name in names},
        table.loc[~kept, columns].assign(status=status[~kept]).reset_index(drop=True),
    )
