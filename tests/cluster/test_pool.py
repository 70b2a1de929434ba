"""Actors that work through units: how many are in flight, and what they share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from raycre.engine import pool
from raycre.engine.pool import DEPTH, Pool
from raycre.engine.resources import Share
from raycre.store.ledger import Outcome
from tests.processes import until

PAYLOAD = np.arange(1 << 20, dtype=np.float64)  # 8 MiB: too large to travel with a call


class Reporter:
    """Says of the array that it was given where it lies; ends its process at the first unit, if told so."""

    def __init__(self, order: Path | None, fetch: Callable[[], np.ndarray]) -> None:
        self.order, self.array = order, fetch()

    def work(self, unit: int, common: str) -> Outcome:
        if self.order is not None and not self.order.exists():
            self.order.touch()
            os._exit(1)
        assert common == "common"
        array = self.array
        assert array.sum() == PAYLOAD.sum()
        mine = "own" if array.flags.owndata or array.flags.writeable else "shared"
        return Outcome(f"{unit} {mine} {os.getpid()} {kind_of_memory(array)}", 1)


def kind_of_memory(array: np.ndarray) -> str:
    """The mapping of an array's address: that of the object store is a file which others map as well."""
    address = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        low, high = (int(x, 16) for x in line.split()[0].split("-"))
        if low <= address < high:
            return line.split()[1]
    return "?"


class Counted(Sequence[int]):
    """Units that count how many of them were taken."""

    def __init__(self, n: int) -> None:
        self.n, self.taken = n, 0

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:  # type: ignore[override]
        return i

    def __iter__(self) -> Iterator[int]:
        for i in range(self.n):
            self.taken += 1
            yield i


def wait_for_all(reporters: Pool, replicas: int) -> None:
    """Give the pool units until all of its replicas have done some: one may start later than others."""
    up: set[str] = set()

    def all_up() -> bool:
        up.update(outcome.unit.split()[2] for outcome in reporters.run(range(DEPTH * replicas), "common"))
        return len(up) == replicas

    until(all_up, lambda: f"{len(up)} of {replicas} have come up")


@pytest.mark.parametrize("replicas", [1, 2])
def test_as_many_units_are_in_flight_as_replicas_hold(
    local_ray: None, replicas: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CALL", 0.0)  # one unit a call
    units, most = Counted(40), 0
    seen: list[str] = []
    with Pool(Reporter, None, Share(replicas), PAYLOAD) as reporters:
        wait_for_all(reporters, replicas)
        for outcome in reporters.run(units, "common"):
            most = max(most, units.taken - len(seen))
            seen.append(outcome.unit)
        assert list(reporters.run([], "common")) == []
    assert most == DEPTH * replicas + 1  # the next one is looked at, to know whether there is one
    assert sorted(int(unit.split()[0]) for unit in seen) == list(range(40))
    assert len({unit.split()[2] for unit in seen}) == replicas
    # rw-s: pages of the object store, shared; an array of the process's own would be private (p).
    assert {(unit.split()[1], unit.split()[3][-1]) for unit in seen} == {("shared", "s")}


def test_an_actor_that_is_started_again_gets_the_payload_again(local_ray: None, tmp_path: Path) -> None:
    died = tmp_path / "died"
    with Pool(Reporter, died, Share(1), PAYLOAD) as reporters:
        seen = [outcome.unit for outcome in reporters.run(range(3), "common")]
        assert died.exists()
        again = [outcome.unit for outcome in reporters.run(range(2), "common")]
    assert sorted(unit.split()[:2] for unit in seen) == [[str(i), "shared"] for i in range(3)]
    assert {unit.split()[2] for unit in again} == {unit.split()[2] for unit in seen}
