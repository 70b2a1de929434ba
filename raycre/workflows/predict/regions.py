"""The regions of a prediction: read, fitted, looked at, and compared with those that the folder holds.

Their table is by far the most that planning holds. That of a large file is made by a process of its own,
which leaves it in a file: the driver never has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.engine.tasks import as_task
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.regions import read_regions
from raycre.store.parquet import copy_groups, with_metadata, write_groups
from raycre.store.run import Growth
from raycre.workflows.apart import answer, call_apart, take
from raycre.workflows.inputs import SignalInputs, fit_regions, hash_rows, look_at_regions
from raycre.workflows.predict.growth import Grown, grown

LARGE = 2**20  # bytes of a file of regions, some 30,000 of them
HEAD = 32  # regions that a dry run measures with
COLUMNS = ["region_id", "chrom", "start", "end", "name", "strand", "source"]


@dataclass(frozen=True)
class RegionsAsked:
    """Which regions, and what they are for; small enough to travel.

    Attributes:
        path: their file.
        inputs: of the run.
        signals: what the models read.
        flank: bp that shifts reach on both sides.
        shard_size: regions of a unit.
        out: the run folder, where regions of an earlier run may be; None where these are thrown away.
        verb, science, layout: the run's identity but for the regions.
        table: file to leave the table in; None returns it.
    """

    path: Path
    inputs: SignalInputs
    signals: SignalPaths
    flank: int
    shard_size: int
    out: Path | None
    verb: str
    science: Mapping[str, object]
    layout: Mapping[str, object]
    table: Path | None = None


@dataclass(frozen=True)
class PlannedRegions:
    """Regions of a run.

    Attributes:
        n: how many.
        counts: regions read, dropped by each rule, and kept.
        unseen: what the models will not see of them, ready for JSON.
        as_read: hash of those that the file gave.
        before: regions that the folder holds already, where some are added to them; else 0.
        growth: what `open_run` must know then.
        units: one row a shard: unit, shard, first, last.
        head: the first of them, as `table`.
        table: columns `COLUMNS` in input order; or a Parquet file of them, a row group a shard; or its bytes,
            where another node made it.
    """

    n: int
    counts: dict[str, int]
    unseen: dict[str, Any]
    as_read: str
    before: int
    growth: Growth | None
    units: pd.DataFrame
    head: pd.DataFrame
    table: pd.DataFrame | Path | bytes

    def write(self, path: Path, metadata: Mapping[str, str]) -> None:
        """Write the table in row groups, one a shard, with the metadata of the run."""
        if isinstance(self.table, Path):
            copy_groups(self.table, path, metadata)
        else:
            assert isinstance(self.table, pd.DataFrame)
            table = with_metadata(_as_arrow(self.table), metadata)
            write_groups(path, table, self.units["first"].tolist())


def plan_regions(
    asked: RegionsAsked, signals: Signals, scratch: Path | None, by_node: Callable[[], bool] = lambda: False
) -> PlannedRegions:
    """Read the regions; those of a large file in another process.

    Args:
        asked: which.
        signals: `asked.signals`, open.
        scratch: folder for the table of a large file; None keeps every table in memory.
        by_node: whether a task of the cluster is to do it, and not a process here.

    Raises:
        InputError: regions that cannot be, or do not fit what the folder holds.
    """
    if scratch is None or asked.path.stat().st_size < LARGE:
        return _plan(asked, signals)
    asked = replace(asked, table=scratch / "regions.parquet")
    if not by_node():
        return call_apart(_plan_alone, asked)
    planned: PlannedRegions = take(as_task(answer, (_plan_on_a_node, _from_anywhere(asked))))
    assert isinstance(planned.table, bytes)
    (scratch / "regions.parquet").write_bytes(planned.table)
    return replace(planned, table=scratch / "regions.parquet")


def _plan_alone(asked: RegionsAsked) -> PlannedRegions:
    return _plan(asked, Signals(asked.signals))


def _from_anywhere(asked: RegionsAsked) -> RegionsAsked:
    """Name files by whole paths."""
    blacklist, out = asked.inputs.blacklist, asked.out
    return replace(
        asked,
        path=asked.path.absolute(),
        inputs=replace(asked.inputs, blacklist=None if blacklist is None else blacklist.absolute()),
        out=None if out is None else out.absolute(),
    )


def _plan_on_a_node(asked: RegionsAsked) -> PlannedRegions:
    """Plan where the driver's scratch folder is not."""
    with TemporaryDirectory(prefix="raycre-") as folder:
        table = Path(folder, "regions.parquet")
        return replace(_plan_alone(replace(asked, table=table)), table=table.read_bytes())


def _plan(asked: RegionsAsked, signals: Signals) -> PlannedRegions:
    sizes = signals.fasta.sizes
    read = read_regions(asked.path, sizes=sizes, outside=asked.inputs.outside)
    fitted, counts = fit_regions(read, asked.inputs, sizes, path=asked.path, what="region")
    regions = fitted[COLUMNS]
    unseen = look_at_regions(signals, regions, asked.flank)
    as_read = hash_rows(regions)
    growth = Grown(regions)
    if asked.out is not None:
        science = {**asked.science, "regions_as_read": as_read}
        growth = grown(asked.out, regions, verb=asked.verb, science=science, layout=asked.layout)
    units = growth.units(asked.shard_size)
    table: pd.DataFrame | Path = growth.regions
    if asked.table is not None:
        write_groups(asked.table, _as_arrow(growth.regions), units["first"].tolist())
        table = asked.table
    return PlannedRegions(
        n=len(growth.regions),
        counts=counts,
        unseen=unseen,
        as_read=as_read,
        before=growth.ends[-1] if growth.now else 0,
        growth=growth.now,
        units=units,
        head=growth.regions.head(HEAD),
        table=table,
    )


def _as_arrow(regions: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(regions, preserve_index=False)
