"""What a unit costs when its work is nothing: units a second through the pool, regions through the stream.

    python benchmarks/units.py [--units 4000] [--regions 2000000] [--shard 4096] [--replicas 2] [--rounds 3]

Pool: each unit writes one small Parquet part under the ledger, as perturbation does. Stream: each shard is
read and worked on by functions that only count its regions. Ray is started once, before; replicas start
within the time, and the time to the first outcome is said beside. Processor time is that after the first
outcome, of the driver, and (on Linux) of all processes of this Ray.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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


class Timed(NamedTuple):
    """Number of outcomes; seconds to the first and last; CPU seconds after the first, of driver and all."""

    n: int
    first: float
    last: float
    driver: float
    everyone: float


def timed(outcomes: Iterator[Any]) -> Timed:
    """Take all outcomes."""
    started, n = time.perf_counter(), 1
    next(outcomes)
    first, driver, everyone = time.perf_counter() - started, _cpu(), _cpu_of_all()
    for _ in outcomes:
        n += 1
    last = time.perf_counter() - started
    return Timed(n, first, last, _cpu() - driver, _cpu_of_all() - everyone)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _cpu_of_all() -> float:
    """CPU seconds of this process and of those below it, 0 where there is no /proc."""
    parents, ticks = dict[int, int](), dict[int, int]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        parents[int(folder.name)], ticks[int(folder.name)] = int(words[1]), sum(map(int, words[11:15]))
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(ticks.get(pid, 0) for pid in mine) / os.sysconf("SC_CLK_TCK")


def pool_round(units: int, replicas: int) -> Timed:
    """All units through a new pool."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "parts")
        with Pool(Writer, ledger, Share(replicas)) as pool:
            return timed(pool.run([f"part-{i:06d}" for i in range(units)], None))


def stream_round(regions: int, shard: int, replicas: int) -> Timed:
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
                took = way()
                rates.append(each * (took.n - 1) / (took.last - took.first))
                print(
                    f"{what}: first after {took.first:.1f} s, {took.n} outcomes in {took.last:.1f} s; CPU s "
                    f"of the driver {took.driver:.2f}, of all {took.everyone:.2f}; {rates[-1]:,.0f} a second"
                )
            print(f"{what} a second after the first: {', '.join(f'{r:,.0f}' for r in rates)}; "
                  f"median {statistics.median(rates):,.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
