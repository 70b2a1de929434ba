"""What a dry run measures: processor time of warm work, and how long a run of it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from raycre.workflows import timing
from raycre.workflows.timing import REPEATS, outlook, timed


class Clock:
    """A processor clock that work sets forward."""

    def __init__(self, *seconds: float) -> None:
        self._seconds = iter(seconds)
        self.now, self.calls = 0.0, 0

    def work(self) -> None:
        self.calls += 1
        self.now += next(self._seconds)


@pytest.mark.parametrize(
    ("seconds", "median", "calls"),
    [
        # the first, with the counter, is 100 times slower, and one is disturbed: neither is what is said
        ((100.0, 0.1, 0.1, 9e-2, 0.9, 0.1), 0.1, 1 + REPEATS),
        ((100.0, 3.0), 3.0, 2),  # long work is not repeated
        ((100.0, 0.9, 1.0, 1.1), 1.0, 4),
    ],
)
def test_the_median_of_warm_repeats_is_taken(
    monkeypatch: pytest.MonkeyPatch, seconds: tuple[float, ...], median: float, calls: int
) -> None:
    clock = Clock(*seconds)
    monkeypatch.setattr(timing, "REPEATS", REPEATS)
    monkeypatch.setattr(time, "process_time", lambda: clock.now)
    found = timed(clock.work)
    assert (found.cpu_seconds, clock.calls) == (pytest.approx(median), calls)


def test_flops_are_those_of_one_time() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    assert timed(lambda: left @ right).flops == 2 * 3 * 5 * 7


@pytest.fixture
def six_cores(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(timing, "usable_cpus", lambda: 6)
    monkeypatch.setattr(time, "process_time", lambda: 7.0)
    given: dict[str, Any] = {"units": 30, "asked": None, "cpus": 1, "started": 5.0}
    return lambda **more: outlook(600.0, **(given | more))


def test_wall_time_is_of_the_replicas_asked_for_and_of_starting_them(
    six_cores: Callable[..., dict[str, Any]],
) -> None:
    startup = 7.0 - 5.0 + timing.RAY_START + timing.REPLICA_START
    auto = six_cores()
    assert (auto["cpu_seconds"], auto["replicas"], auto["startup_seconds"]) == (600.0, 6, startup)
    assert auto["wall_seconds_estimated"] == startup + 600 / 6
    assert six_cores(asked=2)["wall_seconds_estimated"] == startup + 600 / 2
    assert six_cores(cpus=3)["replicas"] == 2
    assert six_cores(cpus=3)["wall_seconds_estimated"] == startup + 600 / 6  # 2 replicas of 3 threads
    assert six_cores(units=4)["replicas"] == 4
    # 7 units on 6 replicas: the last one works alone, and 2 rounds pass.
    assert six_cores(units=7)["wall_seconds_estimated"] == pytest.approx(startup + 2 * 600 / 7, abs=0.05)
    # 12 replicas on 6 cores start in two turns.
    assert six_cores(asked=12)["startup_seconds"] == startup + timing.REPLICA_START
    assert six_cores(load=3.0, framework=4.0)["startup_seconds"] == startup + 7
    assert six_cores(gpus=1)["measured_on"].startswith("processors here; not on the GPUs")


def test_a_run_with_nothing_to_do_starts_no_ray(six_cores: Callable[..., dict[str, float]]) -> None:
    found = six_cores(units=0)
    assert (found["replicas"], found["startup_seconds"]) == (0, 2.0)


def test_the_peak_of_memory_is_in_bytes_and_never_falls() -> None:
    before = timing.peak_memory()
    held = bytearray(before + (64 << 20))
    held[::4096] = b"\1" * len(held[::4096])  # a byte of each page
    after = timing.peak_memory()
    assert after >= before + (64 << 20)
    del held
    assert timing.peak_memory() >= after
