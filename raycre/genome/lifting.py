"""Places of another assembly in any verb: one chain for all of them, and what becomes of each is counted.

Places of a file are put on the regions' assembly (`Lifting.rows`, `Lifting.points`). Of a signal only the
regions can be moved, to its assembly (`Lifting.regions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import AssemblyError
from raycre.genome.intervals import place, sizes_of
from raycre.genome.lift import Chains, lift_regions, read_chains
from raycre.log import say

PLACE = ["chrom", "start", "end"]
_ROW = "row of the regions"


class MovedRegions(NamedTuple):
    """Regions that are mapped, at their places on another assembly.

    table: as the regions', fewer rows.
    row: int64 (m,), of each in the regions.
    n: how many regions there are.
    """

    table: pd.DataFrame
    row: NDArray[np.int64]
    n: int

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (m,) of the moved as (n,) of all regions; NaN, in float64, for those not mapped."""
        if len(self.row) == self.n:
            return values
        found = np.full(self.n, np.nan)
        found[self.row] = values
        return found


class Lifting:
    """What a chain file does to the places of a verb; without a file they stay as they are.

    Args:
        chain: the file; None without one.
        key: of the setting, for errors.

    Attributes:
        chains: what the file holds; None without one.
        counts: rows by category (`lift.CATEGORIES`, `lift.LENGTH_CHANGED`), by name of what was lifted.

    Raises:
        InputError: as `read_chains`.
    """

    def __init__(self, chain: Path | None, key: str = "chain") -> None:
        self.chains: Chains | None = None if chain is None else read_chains(chain)
        self.counts: dict[str, dict[str, int]] = {}
        self._key = key

    def check(
        self, *, source: Mapping[str, int] | None = None, target: Mapping[str, int] | None = None
    ) -> None:
        """Refuse a chain between other assemblies than those of chromosomes with these lengths.

        Raises:
            AssemblyError: lengths disagree, or no chromosome is in both.
        """
        if self.chains is not None and source is not None:
            self.chains.check_source_sizes(source)
        if self.chains is not None and target is not None:
            self.chains.check_target(target)

    def rows(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Return the intervals that are mapped, at their new places; see `lift_regions`.

        Args:
            name: of their file.
            table: chrom, start, end, strand and summit where there are any, and other columns, which stay.

        Raises:
            AssemblyError: none is.
        """
        if self.chains is None:
            return table
        self._check_inside(name, table)
        left, counts, _ = lift_regions(table, self.chains)
        self._count(name, counts)
        if left.empty and len(table):
            raise self._nothing(name)
        return left

    def pairs(self, name: str, table: pd.DataFrame, key: str) -> pd.DataFrame:
        """As `rows`; of intervals with one value of the column `key`, all are lost where one is."""
        if self.chains is None:
            return table
        left = self.rows(name, table)
        whole = left.groupby(key)[key].transform("size") == left[key].map(table[key].value_counts())
        return left[whole].reset_index(drop=True)

    def places(self, name: str, table: pd.DataFrame) -> pd.DataFrame:
        """Return chrom, start, end of intervals in their order; one that is not mapped is on ".", at -1.

        Args:
            name: of their file; what a file holds may be lifted piece by piece.
            table: chrom, start, end.
        """
        if self.chains is None:
            return table[PLACE]
        self._check_inside(name, table)
        left, counts, _ = lift_regions(table[PLACE].assign(**{_ROW: np.arange(len(table))}), self.chains)
        self._count(name, counts)
        row, found = left[_ROW].to_numpy(), {"chrom": np.full(len(table), ".", dtype=object)}
        found |= {column: np.full(len(table), -1, dtype=np.int64) for column in ("start", "end")}
        for column, values in found.items():
            values[row] = left[column]
        return pd.DataFrame(found, index=table.index)

    def points(self, name: str, chrom: pd.Series, position: NDArray[np.int64]) -> pd.DataFrame:
        """As `places`, of single bases: int64 (n,), 0-based."""
        return self.places(name, pd.DataFrame({"chrom": chrom, "start": position, "end": position + 1}))

    def named_as(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return what a file's names of chromosomes are compared with: the regions', or the chain's."""
        return table if self.chains is None else pd.DataFrame({"chrom": list(self.chains.source_sizes)})

    def regions(self, table: pd.DataFrame, name: str = "regions") -> MovedRegions:
        """Return the regions where they are on the assembly of a signal.

        Raises:
            AssemblyError: none is there.
        """
        n = len(table)
        left = self.rows(name, table.assign(**{_ROW: np.arange(n)}))
        return MovedRegions(left.drop(columns=_ROW), left[_ROW].to_numpy(np.int64), n)

    def facts(self) -> dict[str, Any]:
        """Say what became of every file's places, and return it for the record; nothing without a chain.

        Raises:
            AssemblyError: a file of which no place is mapped.
        """
        if self.chains is None:
            return {}
        for name, counts in self.counts.items():
            if not counts["mapped"] and any(counts.values()):
                raise self._nothing(name)
            say(f"note: {self._key}: {name}: {lifted_in_words(counts)} by {self.chains.path.name}")
        return {"lift": self.counts, "chain": str(self.chains.path)}

    def _check_inside(self, name: str, table: pd.DataFrame) -> None:
        """Refuse places past the end of their chromosome of the assembly that the chain comes from."""
        assert self.chains is not None
        size = sizes_of(table["chrom"], self.chains.source_sizes)
        past = (size >= 0) & (table["end"].to_numpy() > size)
        if past.any():
            row = int(np.argmax(past))
            chrom, start, end = table[["chrom", "start", "end"]].iloc[row]
            raise AssemblyError(
                f"{self._key}: {name} has {place(chrom, start, end)}, past the end of {chrom} "
                f"({size[row]:,} bp) of the assembly that the chain comes from; give the chain from "
                "the assembly of these places",
                path=self.chains.path,
                value=place(chrom, start, end),
            )

    def _count(self, name: str, counts: Mapping[str, int]) -> None:
        known = self.counts.setdefault(name, {})
        for status, n in counts.items():
            known[status] = known.get(status, 0) + n

    def _nothing(self, name: str) -> AssemblyError:
        assert self.chains is not None
        return AssemblyError(
            f"{self._key}: nothing of {name} is mapped ({lifted_in_words(self.counts[name])}); is it the "
            "chain from the assembly of these places to the other?",
            path=self.chains.path,
        )


def lifted_in_words(counts: Mapping[str, int]) -> str:
    """Return counts by category as a person reads them; categories without a row are left out."""
    return ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "no row"


UNLIFTED = Lifting(None)
