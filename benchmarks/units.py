"""What a unit costs when its work is nothing: units a second through the pool, regions through the stream.

    python benchmarks/units.py [--units 4000] [--regions 2000000] [--shard 4096] [--replicas 2] [--rounds 3]

Pool: each unit writes one small Parquet part under the ledger, as perturbation does. Stream: each shard is
read and worked on by functions that only count its regions. Ray is started once, before; replicas start
within the time, and the time to the first outcome is said beside.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from raycre.engine.cluster import connected
from raycre.engine.pool import Pool
from raycre.engine.resources import Share
from raycre.engine.stream import stream
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import write_table

TABLE = pa.table({"region_id": list(range(64)), "effect": [0.5] * 64})


class Writer:
    """Writes a part for each unit."""

    def __init__(self, ledger: Ledger, fetch: object) -> None:
        self.ledger = ledger

    def work(self, unit: str, common: None) -> Outcome:
        """Write one part."""
        return self.ledger.run(unit, lambda: write_table(self.ledger.part(unit), TABLE))


class Counter:
    """Says how many regions a shard had."""

    def __init__(self, spec: None) -> None:
        pass

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Do nothing."""
        return {"unit": row["unit"], "n": row["last"] - row["first"]}


def read(row: dict[str, Any]) -> dict[str, Any]:
    """Read nothing."""
    return row


def timed(outcomes: Iterator[Any]) -> tuple[int, float, float, float]:
    """Number of outcomes; seconds to the first, to the last, and the driver's CPU seconds."""
    started, cpu, first, n = time.perf_counter(), _cpu(), 0.0, 0
    for _ in outcomes:
        n += 1
        first = first or time.perf_counter() - started
    return n, first, time.perf_counter() - started, _cpu() - cpu


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def pool_round(units: int, replicas: int) -> tuple[int, float, float, float]:
    """All units through a new pool."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "parts")
        with Pool(Writer, ledger, Share(replicas)) as pool:
            return timed(pool.run([f"part-{i:06d}" for i in range(units)], None))


def stream_round(regions: int, shard: int, replicas: int) -> tuple[int, float, float, float]:
    """All regions, in shards, through a new stream."""
    rows = [{"unit": f"{i}", "first": i, "last": min(i + shard, regions)} for i in range(0, regions, shard)]
    return timed(stream(rows, read, Counter, (None,), Share(replicas)))


def main() -> None:
    """Print rates of both, round by round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=4000)
    parser.add_argument("--regions", type=int, default=2_000_000)
    parser.add_argument("--shard", type=int, default=4096)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ways = {
        "units": (partial(pool_round, given.units, given.replicas), 1),
        "regions": (partial(stream_round, given.regions, given.shard, given.replicas), given.shard),
    }
    with connected():
        for what, (way, each) in ways.items():
            rates = []
            for _ in range(given.rounds):
                n, first, last, cpu = way()
                rates.append(each * (n - 1) / (last - first))
                print(
                    f"{what}: first after {first:.1f} s, {n} outcomes in {last:.1f} s, driver {cpu:.1f} CPU s"
                )
            print(f"{what} a second after the first: {', '.join(f'{r:,.0f}' for r in rates)}; "
                  f"median {statistics.median(rates):,.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
