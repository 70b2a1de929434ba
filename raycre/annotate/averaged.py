"""Signals averaged over many regions part by part, here or on a cluster; what is done stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.declaration import Annotatable
from raycre.genome.averages import AVERAGES, average_over
from raycre.genome.bigwig import BigWig
from raycre.genome.fasta import Fasta
from raycre.genome.lift import lift_regions, read_chains
from raycre.store.fields import INT, REAL, TEXT, schema_of

PART = 16_384  # regions of a part: seconds of reading
RATE = 20e6  # bases of a signal that a core averages in a second: what a dry run reckons with
KEY = (("region_id", INT, "number of the region, in input order"), ("signal", TEXT, "name of the file"))
_COUNTS = ("size", "covered")
AVERAGED = schema_of(
    *KEY,
    *((name, INT if name in _COUNTS else REAL, f"{name} of the signal over the region") for name in AVERAGES),
)


class AveragedParts:
    """Averages bigWig files over parts of regions: a `PartWorker`.

    Args:
        table: that the rows go to.
        files: name and path of each.
        signed: whether values below 0 are taken.
    """

    def __init__(self, table: str, files: tuple[tuple[str, Path], ...], signed: bool) -> None:
        self.table, self.files, self.signed = table, files, signed

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> dict[str, pd.DataFrame]:
        """Return `average_over` of every file."""
        found = []
        for name, path in self.files:
            signal = BigWig(path, signed=self.signed)
            try:
                averages = average_over(part, signal)
            finally:
                signal.close()
            found.append(pd.DataFrame({"region_id": part["region_id"], "signal": name, **averages}))
        return {self.table: pd.concat(found, ignore_index=True)}


class LiftedParts:
    """Lets another `PartWorker` read parts of regions where they are on another assembly.

    Args:
        kind, arguments: of the other.
        chain: to that assembly; regions that are not mapped have no rows.
    """

    def __init__(self, kind: type, arguments: tuple[object, ...], chain: Path) -> None:
        self.worker, self.chains = kind(*arguments), read_chains(chain)

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> dict[str, pd.DataFrame]:
        """Return what the other makes of those that are mapped."""
        found: dict[str, pd.DataFrame] = self.worker(genome, lift_regions(part, self.chains).table, first)
        return found


def average_in_parts(
    regions: Annotatable, table: str, files: Mapping[str, Path], *, signed: bool, chain: Path | None = None
) -> dict[str, dict[str, NDArray[Any]]]:
    """Return `average_over` of every file over all regions, by its name; `chain` as in `read_in_parts`."""
    arguments = table, tuple(files.items()), signed
    return read_in_parts(regions, table, AveragedParts, arguments, files, AVERAGES, chain=chain)


def read_in_parts(
    regions: Annotatable,
    table: str,
    kind: type,
    arguments: tuple[object, ...],
    names: Iterable[str],
    columns: tuple[str, ...],
    *,
    chain: Path | None = None,
) -> dict[str, dict[str, NDArray[Any]]]:
    """Have signals read part by part; return their columns, each (n,), by name of the signal.

    Args:
        regions: all of them.
        table: that the parts go to: `KEY` and the columns.
        kind, arguments: of the `PartWorker`.
        names: of the signals.
        columns: of each signal.
        chain: from the regions' assembly to that of the signals; what is not mapped is NaN.
    """
    if chain is not None:
        kind, arguments = LiftedParts, (kind, arguments, chain)
    regions.do_parts(kind, arguments, PART, (table,))
    n = len(regions.table)
    found = {name: {column: _absent(n, column, chain) for column in columns} for name in names}
    for number in range(-(-n // PART)):
        for name, rows in regions.read_part(table, number).groupby("signal", sort=False):
            at = rows["region_id"].to_numpy()
            for column in columns:
                found[str(name)][column][at] = rows[column].to_numpy()
    return found


def _absent(n: int, column: str, chain: Path | None) -> NDArray[Any]:
    """Return what a column is before it is read: of lifted regions some never are."""
    if chain is not None:
        return np.full(n, np.nan)
    return np.zeros(n, np.int64 if column in _COUNTS else np.float64)


def cost_of_signals(bases: int, signals: int) -> dict[str, Any]:
    """Reckon the reading: bases times signals, and the seconds of one core."""
    return {"signals": signals, "Mb_x_signals": bases * signals / 1e6, "cpu_seconds": bases * signals / RATE}
