"""Regions that are added to a run of `predict`: what it has predicted stays, and new shards follow.

A region's number in the run decides its row in a batch of the models, and so the last bits of what they
predict. So regions can be added behind those that are there, in any number of steps, and nowhere else; the
shard at the old end stays as short as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.errors import RunMismatchError
from raycre.store.files import read_json
from raycre.store.identity import differing_keys
from raycre.store.old_run import RECORD, is_record
from raycre.store.parquet import read_table
from raycre.store.run import Growth

GROWS = {"sha256.inputs.regions", "regions_as_read"}  # of the identity: what other regions change
ENDS = "regions_before"  # key of run.json: how many regions there were before each time that some were added
COLUMNS = ["chrom", "start", "end", "name", "strand"]


@dataclass(frozen=True)
class Grown:
    """How the regions of a run came to be.

    Attributes:
        regions: of the run; those that were there before keep their source.
        ends: numbers of regions before each time that some were added.
        now: what `open_run` must know where some are added now; else None.
    """

    regions: pd.DataFrame
    ends: tuple[int, ...] = ()
    now: Growth | None = None

    def units(self, shard_size: int) -> pd.DataFrame:
        """Return one row a shard: unit, shard, first, last; none reaches over an old end."""
        n = len(self.regions)
        bounds = [0, *self.ends, n]
        first = np.concatenate([np.arange(a, b, shard_size) for a, b in pairwise(bounds)])
        return pd.DataFrame(
            {
                "unit": [f"part-{i:05d}" for i in range(len(first))],
                "shard": np.arange(len(first)),
                "first": first,
                "last": np.append(first[1:], n),
            }
        )


def grown(
    out: Path,
    regions: pd.DataFrame,
    *,
    verb: str,
    science: Mapping[str, object],
    layout: Mapping[str, object],
) -> Grown:
    """Compare the regions of a run with those that its folder knows.

    Args:
        out: the run folder.
        regions: of the run, columns `COLUMNS` and source among others, in order.
        verb: of the run.
        science: of the run.
        layout: of the run.

    Raises:
        RunMismatchError: the folder holds this run of other regions, which are not the first of these.
    """
    record = read_json(out / RECORD) if (out / RECORD).is_file() else None
    if not is_record(record) or record["verb"] != verb:
        return Grown(regions)  # of anything that cannot be `open_run` says so
    before = tuple(record.get(ENDS, ()))
    changed = set(differing_keys(record["identity"], verb, science, layout))
    known = out / "inputs" / "regions.parquet"
    if not (changed or before) or not changed <= GROWS or not known.is_file():
        return Grown(regions, before if not changed else ())
    old = read_table(known, [*COLUMNS, "source"]).to_pandas()
    n = len(old)
    if changed and (n >= len(regions) or not _same(old, regions.head(n))):
        raise RunMismatchError(
            f"the folder holds a run of {n:,} regions, and the {len(regions):,} of inputs.regions do not "
            "begin with these, in this order: add new regions behind the old ones, or give the run another "
            "run.out, or --fresh to throw the old predictions away",
            path=out,
        )
    source = [*old["source"].tolist(), *regions["source"].iloc[n:].tolist()]
    regions = regions.assign(source=source)  # by default a file's name; the new file may have another
    if not changed:
        return Grown(regions, before)
    ends = tuple(sorted({end for end in before if end < n} | {n}))
    return Grown(regions, ends, Growth(str(record["digest"]), {ENDS: list(ends)}))


def _same(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    return all(_values(old[name]) == _values(new[name]) for name in COLUMNS)


def _values(column: pd.Series[Any]) -> list[object]:
    return column.astype(object).where(column.notna(), None).tolist()
