"""Which units go together in a call, when they come back, and who gets them then. No Ray: time is made up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest
from ray.exceptions import RayActorError

from raycre.engine import actors, pool, worker
from raycre.engine.actors import Actors, Member
from raycre.engine.pool import CALL, DEPTH, MOST, _FanOut


class Call:
    """A call of some units, which are done when somebody asks what came of them."""

    def __init__(self, units: list[int], number: int) -> None:
        self.units, self.number = units, number


class Fan:
    """A fan-out over actors that do units one call after another, by a clock that only units move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, replicas: int) -> None:
        self.now, self.calls, self.done = 0.0, list[list[int]](), list[int]()
        self.seconds: Callable[[int], float] = lambda unit: 0.001
        self.kills: set[int] = set()
        fake = SimpleNamespace(wait=self._wait, get=self._get, kill=lambda actor: None)
        monkeypatch.setattr(pool, "ray", fake)
        monkeypatch.setattr(actors, "ray", fake)
        clock = SimpleNamespace(monotonic=lambda: self.now, sleep=lambda seconds: None)
        for module in (pool, actors, worker):
            monkeypatch.setattr(module, "time", clock)
        self._replicas, self._numbers = replicas, count()
        self.actors = cast(Any, object.__new__(Actors))
        self.actors._starting, self.actors._lost_in_a_row, self.actors._told = {}, 0, 0
        self.actors.members = []
        self.actors.aim_at = lambda units, grow: self._fill_up()
        self.actors.check_alive = self._fill_up
        self.actors._drop = self._drop

    def run(self, n: int) -> list[Any]:
        self._fill_up()
        return list(_FanOut(self.actors, range(n), None, "work").outcomes())

    def _fill_up(self) -> None:
        while len(self.actors.members) < self._replicas:
            remote = SimpleNamespace(remote=lambda method, units, common: Call(units, next(self._numbers)))
            self.actors.members.append(Member(SimpleNamespace(call=remote), ready=True))

    def _drop(self, member: Any) -> None:
        self.actors.members.remove(member)
        self._fill_up()

    def _wait(self, refs: list[Call], **_: object) -> tuple[list[Call], list[Call]]:
        return [min(refs, key=lambda call: call.number)], []

    def _get(self, call: Call) -> list[Any]:
        self.calls.append(call.units)
        return worker.work_on(self._work, cast(Any, call.units), None)

    def _work(self, unit: Any, common: object) -> Any:
        self.now += self.seconds(unit)
        if unit in self.kills:
            self.kills.remove(unit)
            raise RayActorError
        self.done.append(unit)
        return SimpleNamespace(unit=unit, error=None)


def test_units_of_a_millisecond_go_together_and_all_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    fan = Fan(monkeypatch, replicas=1)
    outcomes = fan.run(2000)
    assert sorted(fan.done) == sorted(o.unit for o in outcomes) == list(range(2000))  # each once
    sizes = [len(call) for call in fan.calls]
    assert sizes[0] == 1  # nothing is known yet
    assert CALL / 0.001 - 1 <= max(sizes) <= CALL / 0.001
    assert len(sizes) < 2000 / 10
    assert sizes[-DEPTH:] == [1] * DEPTH


def test_units_that_cost_nothing_at_all_go_together_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fan = Fan(monkeypatch, replicas=1)
    fan.seconds = lambda unit: 0.0
    fan.run(2000)
    assert max(len(call) for call in fan.calls) == MOST


def test_units_that_take_longer_than_a_call_go_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    fan = Fan(monkeypatch, replicas=2)
    fan.seconds = lambda unit: CALL
    fan.run(200)
    assert sorted(fan.calls) == [[unit] for unit in range(200)]


def test_expensive_units_after_many_cheap_ones_are_not_done_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fan = Fan(monkeypatch, replicas=1)
    fan.seconds = lambda unit: 0.001 if unit < 1000 else 10.0
    outcomes = fan.run(1400)
    assert sorted(o.unit for o in outcomes) == list(range(1400))
    begun, tries = iter(fan.done), []
    for call in fan.calls:  # a call does the first of its units, as many as there is time for
        did = [next(begun)]
        while did[-1] < 1000 and did[-1] != call[-1]:
            did.append(next(begun))
        tries.append(did)
    assert next(begun, None) is None
    assert max(sum(unit >= 1000 for unit in did) for did in tries) == 1
    assert sorted(fan.done) == list(range(1400))  # what came back undone was not begun


def test_units_of_a_lost_actor_come_back_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them may be why it was lost; the others then do not go with it."""
    fan = Fan(monkeypatch, replicas=1)
    fan.kills = {700}
    outcomes = fan.run(2000)
    assert sorted(o.unit for o in outcomes) == list(range(2000))
    (lost,) = [call for call in fan.calls if 700 in call and len(call) > 1]
    again = [call for call in fan.calls if call[0] in lost and call is not lost]
    assert again == [[unit] for unit in lost]
