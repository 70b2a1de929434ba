"""What bounds a run of 1 to 1,024 replicas: the driver and listings as measured here, the rest simulated.

    python benchmarks/scale.py --seconds 20 --units 100000 --ray

Measured: the driver's processor time of a unit (`--ray`: `Pool` over two actors that do nothing; and its own
loop with as many actors as a row has, Ray left out), the ledger's look at a folder of so many parts, what its
bookkeeping costs a unit, and an event of the journal. Simulated from these and from a unit's seconds: when a
run of N replicas is done, with a driver that serves one unit after another, starts that come one after
another, weights that go to each node once over the head's link, and a last round that does not fill all.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from raycre.store.journal import Journal
from raycre.store.ledger import Ledger

REPLICAS = (1, 4, 16, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Machine:
    """What a run meets.

    Attributes:
        unit: seconds that a unit takes a replica; the middle of a log-normal distribution of `spread`.
        dispatch: seconds of the driver that a unit costs.
        start: seconds until a replica works, once its node is there.
        starts: replicas that begin a second.
        weights: bytes of the model; link: bytes a second that the head sends; per_node: replicas of a node.
        fixed: seconds of the driver before and after the units: plan, listing, summary.
    """

    unit: float
    dispatch: float
    spread: float = 0.25
    start: float = 15.0
    starts: float = 20.0
    weights: float = 1e9
    link: float = 1.25e9
    per_node: int = 16
    fixed: float = 30.0


def simulate(n_units: int, replicas: int, machine: Machine, seed: int = 0) -> float:
    """Return the seconds of a run: each unit goes through the driver, then to a replica."""
    seconds = machine.unit * np.exp(machine.spread * np.random.default_rng(seed).standard_normal(n_units))
    nodes = -(-replicas // machine.per_node)
    sent = (
        nodes * machine.weights / machine.link / 2
    )  # half of them get it from each other, not from the head
    free = [(machine.start + sent + i / machine.starts, i) for i in range(replicas)]
    heapq.heapify(free)
    driver, end = 0.0, 0.0
    for each in seconds.tolist():
        at, number = heapq.heappop(free)
        driver = max(driver, at) + machine.dispatch
        done = driver + each
        end = max(end, done)
        heapq.heappush(free, (done, number))
    return machine.fixed + end


def bound_of(n_units: int, replicas: int, machine: Machine) -> str:
    """Say what holds a run up most, beside the work itself."""
    nodes = -(-replicas // machine.per_node)
    work = n_units * machine.unit / replicas
    costs = {
        "driver": n_units * machine.dispatch,
        "starts": machine.start + replicas / machine.starts,
        "weights": nodes * machine.weights / machine.link / 2,
        "last round": machine.unit * (1 + 2 * machine.spread),
        "plan and summary": machine.fixed,
    }
    name = max(costs, key=lambda each: costs[each])
    return f"{name} ({costs[name] / (work + costs[name]):.0%})"


def measure_listing(n: int) -> float:
    """Return the seconds of the ledger's look at n parts, all there, on this disk."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "parts")
        (Path(folder) / "parts").mkdir()
        units = [f"part-{i:06d}" for i in range(n)]
        for unit in units:
            ledger.part(unit).touch()
        began = time.process_time()
        assert not ledger.pending(units)
        return time.process_time() - began


def measure_ledger(n: int) -> float:
    """Return the processor seconds of a unit that does nothing: mark, look, part, mark removed."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "parts")
        (Path(folder) / "parts").mkdir()
        began = time.process_time()
        for i in range(n):
            ledger.run(f"part-{i:06d}", ledger.part(f"part-{i:06d}").touch)
        return (time.process_time() - began) / n


def measure_journal(n: int) -> float:
    """Return the processor seconds of an event."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), "00001.00000000")
        began = time.process_time()
        for i in range(n):
            journal("replicas", {"n": i})
        return (time.process_time() - began) / n


class _Nothing:
    """A replica whose units take no time."""

    def __init__(self, spec: object, fetch: object) -> None:
        pass

    def work(self, unit: str, common: object) -> str:
        return unit


def measure_pool(n: int) -> float:
    """Return the driver's processor seconds of a unit, with two actors of a local Ray."""
    from raycre.engine.pool import Pool
    from raycre.engine.resources import Share

    with Pool(_Nothing, None, Share(most=2)) as pool:
        list(pool.run([f"warm-{i}" for i in range(200)], None))
        began = time.process_time()
        done = sum(1 for _ in pool.run([f"part-{i:06d}" for i in range(n)], None))
        assert done == n
        return (time.process_time() - began) / n


class _Call:
    """Stands in for an actor: a call gives a reference at once, which knows its units."""

    units: Sequence[str] = ()

    def __init__(self) -> None:
        self.call = self

    def remote(self, method: str, units: list[str], common: object) -> _Call:
        done = _Call()
        done.units = units
        return done


def measure_loop(replicas: int, n: int) -> float:
    """Return the processor seconds of a unit in the driver's own loop, with so many actors; Ray is left out.

    One unit lands at a time, which is the worst case.
    """
    from types import SimpleNamespace
    from typing import Any, cast

    from raycre.engine import pool
    from raycre.engine.actors import Actors, Member

    actors = cast(Any, object.__new__(Actors))
    actors._starting, actors._lost_in_a_row = {}, 0
    actors.members = [Member(_Call(), ready=True) for _ in range(replicas)]
    actors.aim_at = actors.check_alive = lambda *_, **__: None
    real, together = pool.ray, pool.CALL
    pool.CALL = 1e-9  # a unit a call
    pool.ray = cast(Any, SimpleNamespace(wait=lambda refs, **_: (refs[:1], []), get=lambda ref: ref.units))
    try:
        fan = pool._FanOut(actors, [str(i) for i in range(n + 2 * replicas)], None, "work")
        outcomes = fan.outcomes()
        next(outcomes)  # by now each actor holds what it may
        began = time.process_time()
        for _ in range(n):
            next(outcomes)
        return (time.process_time() - began) / n
    finally:
        pool.ray, pool.CALL = real, together


def rows_of(n_units: int, given: Machine, counts: Sequence[int]) -> Iterator[dict[str, object]]:
    """Yield a row a number of replicas; what the driver's loop takes with so many is measured and added."""
    alone = simulate(n_units, 1, given)
    for replicas in counts:
        loop = measure_loop(replicas, 300)
        machine = replace(given, dispatch=given.dispatch + loop)
        seconds = simulate(n_units, replicas, machine)
        yield {
            "replicas": replicas,
            "driver_ms_per_unit": round(1000 * machine.dispatch, 2),
            "hours": round(seconds / 3600, 3),
            "speed-up": round(alone / seconds, 1),
            "efficiency": round(alone / seconds / replicas, 3),
            "bound": bound_of(n_units, replicas, machine),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="that a unit takes a replica")
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--dispatch", type=float, default=0.0006, help="seconds of the driver for a unit")
    parser.add_argument("--weights", type=float, default=1e9, help="bytes of the model")
    parser.add_argument("--ray", action="store_true", help="measure --dispatch here")
    given = parser.parse_args()
    dispatch = measure_pool(3_000) if given.ray else given.dispatch
    machine = Machine(given.seconds, dispatch, weights=given.weights)
    measured = {
        "listing_seconds": round(measure_listing(given.units), 3),
        "ledger_seconds_per_unit": round(measure_ledger(2_000), 6),
        "journal_seconds_per_event": round(measure_journal(2_000), 6),
    }
    print(json.dumps({"machine": asdict(machine), "measured": measured}))
    for row in rows_of(given.units, machine, REPLICAS):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
