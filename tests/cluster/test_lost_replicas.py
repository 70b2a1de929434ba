"""Replicas that are lost, slow, hung or cannot be made: their units go to others, or the run says why."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raycre.engine import actors, pool
from raycre.engine.pool import Pool
from raycre.engine.resources import Share
from raycre.errors import ConfigError, RaycreError
from raycre.store.ledger import Outcome

FOR_EVER = 3600.0


class Worker:
    """Does a unit by what it is told: ends its process, or stands still, at the first try of some."""

    def __init__(self, folder: Path, fetch: Callable[[], object]) -> None:
        self.folder = folder
        if (folder / "no start").exists():
            raise ConfigError("not to be made")

    def work(self, unit: int, common: dict[int, str]) -> Outcome:
        tries = self.folder / f"{unit}"
        with tries.open("a") as file:
            file.write(".")
        first = tries.stat().st_size == 1
        what = common.get(unit, "")
        if what == "always ends" or (what == "ends" and first):
            os._exit(1)
        if what == "stands" and first:
            time.sleep(FOR_EVER)
        if what == "fails after the other" and first:
            time.sleep(3.0)
            return Outcome(str(unit), 1, "late and wrong")
        time.sleep(0.02)
        return Outcome(str(unit), tries.stat().st_size)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds in place of minutes."""
    monkeypatch.setattr(pool, "SHORT", 0.3)
    monkeypatch.setattr(pool, "LONG", 2.0)
    monkeypatch.setattr(pool, "LOOK_EVERY", 0.5)
    monkeypatch.setattr(actors, "LONGEST_PAUSE", 0.1)


def outcomes(folder: Path, common: dict[int, str], replicas: int, n: int = 24) -> list[Outcome]:
    with Pool(Worker, folder, Share(replicas)) as workers:
        return list(workers.run(range(n), common))


def test_units_of_lost_replicas_go_to_others(local_ray: None, tmp_path: Path) -> None:
    found = outcomes(tmp_path, {3: "ends", 11: "ends", 20: "ends"}, replicas=2)
    assert sorted(int(o.unit) for o in found) == list(range(24))  # each once
    assert {int(o.unit) for o in found if o.attempts > 1} >= {3, 11, 20}


def test_what_is_late_with_one_is_done_by_another(local_ray: None, tmp_path: Path) -> None:
    found = outcomes(tmp_path, {5: "stands"}, replicas=2)
    assert sorted(int(o.unit) for o in found) == list(range(24))


def test_an_error_counts_only_when_no_other_try_is_under_way(local_ray: None, tmp_path: Path) -> None:
    found = outcomes(tmp_path, {23: "fails after the other"}, replicas=2)
    assert [o.error for o in found] == [None] * 24


def test_one_that_hangs_is_replaced(
    local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = outcomes(tmp_path, {5: "stands"}, replicas=1)
    assert sorted(int(o.unit) for o in found) == list(range(24))
    assert "a replica was lost (RaycreError: a unit has taken it more than 2 s)" in capsys.readouterr().err


def test_replicas_that_never_do_anything_end_the_run(local_ray: None, tmp_path: Path) -> None:
    with pytest.raises(RaycreError, match=f"{actors.STARTS} replicas in a row were lost before any of them"):
        outcomes(tmp_path, dict.fromkeys(range(24), "always ends"), replicas=1)


def test_what_is_wrong_with_the_input_is_said_at_once(local_ray: None, tmp_path: Path) -> None:
    (tmp_path / "no start").touch()
    with pytest.raises(ConfigError, match="not to be made"):
        outcomes(tmp_path, {}, replicas=1)
