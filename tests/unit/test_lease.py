"""Who owns a run folder: claims, beats, takeovers, by a clock that tests turn; and what an owner may do."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from raycre.errors import LeaseLostError, RunHeldError
from raycre.store import claims, lease
from raycre.store.files import read_json
from raycre.store.lease import BEAT, EXPIRY, FOLDER, LATE, Lease, find_over
from raycre.store.ledger import Ledger
from raycre.store.owner import Owner, owner_here
from raycre.store.run import Run, open_run
from tests.processes import until

pytestmark = pytest.mark.usefixtures("no_epoch")


class Clock:
    """Stands still but when slept by; `at` does something once its time has come."""

    def __init__(self) -> None:
        self.now, self.waited = 1000.0, 0.0
        self._plans: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds
        for plan in [plan for plan in self._plans if plan[0] <= self.waited]:
            self._plans.remove(plan)
            plan[1]()

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        self._plans.append((seconds, do))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lease, "time", clock)
    return clock


def leave(out: Path, number: int = 1, beat: float | None = 1000.0, **changes: Any) -> Owner:
    """A claim by a driver on another host, unless changed, and its last beat."""
    epoch = f"{number:05d}.0123abcd"
    there = Owner(
        epoch, "ada", "node7", 77, "raycre creme", "node7 boot 1", "123456", "2026-11-27 09:00:00 UTC", 1000.0
    )
    there = replace(there, **changes)
    (out / FOLDER).mkdir(exist_ok=True)
    (out / FOLDER / f"{number:05d}.json").write_text(json.dumps(asdict(there)))
    if beat is not None:
        claims.put_text(out / FOLDER / f"{number:05d}.beat", f"{beat:.3f}")
    return there


def here(**changes: Any) -> dict[str, Any]:
    """Changes that make the driver of `leave` a process of this machine: this very one."""
    now = owner_here("", "")
    return {"machine": now.machine, "pid": now.pid, "started": now.started} | changes


def ended_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def tree(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


# One owner


def test_a_lease_is_two_files_while_it_is_held_and_nothing_afterwards(tmp_path: Path) -> None:
    held = Lease(tmp_path / "run", "raycre predict")
    held.claim()
    assert sorted(tree(tmp_path)) == ["run/lease/00001.beat", "run/lease/00001.json"]
    said = read_json(tmp_path / "run" / FOLDER / "00001.json")
    assert (said["pid"], said["command"], said["epoch"]) == (os.getpid(), "raycre predict", held.epoch)
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_stays_when_the_lease_ends(tmp_path: Path) -> None:
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_second_driver_is_told_who_holds_the_folder_and_writes_nothing(mine: Lease, tmp_path: Path) -> None:
    before = tree(tmp_path)
    second = Lease(tmp_path, "raycre creme")
    with pytest.raises(RunHeldError) as refused:
        second.claim()
    this = owner_here("", "")
    who = f"{this.user} on {this.host} (process {os.getpid()})"
    assert refused.value.exit_code == 2
    assert f"in use: raycre predict of {who}, since 20" in str(refused.value)
    assert "give the run another run.out" in str(refused.value)
    second.release()
    assert tree(tmp_path) == before
    mine.check()


def test_a_holder_of_this_machine_that_has_ended_is_followed_at_once(tmp_path: Path, clock: Clock) -> None:
    leave(tmp_path, **here(pid=ended_process()))
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    assert clock.waited == 0
    assert sorted(tree(tmp_path)) == ["lease/00002.beat", "lease/00002.json"]
    held.release()
    assert tree(tmp_path) == {}


def test_another_process_with_the_number_of_the_holder_is_not_taken_for_it(
    tmp_path: Path, clock: Clock
) -> None:
    leave(tmp_path, **here(started="1"))
    assert list(find_over(tmp_path)) == [1]
    assert clock.waited == 0


def test_a_holder_elsewhere_is_given_sixty_seconds_by_the_watchers_clock(
    tmp_path: Path, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    leave(tmp_path, beat=5.0)  # its clock is of no meaning here
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    assert clock.waited == EXPIRY == 60
    assert held.epoch.startswith("00002.")
    assert capsys.readouterr().err == (
        f"{tmp_path} is held by raycre creme of ada on node7 (process 77), since 2026-11-27 09:00:00 UTC: "
        "watching whether that still lives, for at most 59 s\n"
    )
    held.release()


def test_a_holder_elsewhere_that_beats_is_not_overtaken(tmp_path: Path, clock: Clock) -> None:
    leave(tmp_path)
    clock.at(BEAT - 1, lambda: leave(tmp_path, beat=1009.0))
    before = (tmp_path / FOLDER / "00001.json").read_bytes()
    with pytest.raises(RunHeldError, match=r"ada on node7 \(process 77\)"):
        Lease(tmp_path, "raycre predict").claim()
    assert clock.waited == BEAT - 1
    assert (tmp_path / FOLDER / "00001.json").read_bytes() == before


def test_a_holder_that_releases_while_it_is_watched_is_followed(tmp_path: Path, clock: Clock) -> None:
    leave(tmp_path)
    clock.at(5, lambda: claims.remove_claim(*(tmp_path / FOLDER).iterdir()))
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    assert clock.waited == 5
    assert held.epoch.startswith("00001.")
    held.release()


def test_a_holder_of_this_machine_that_is_suspended_is_given_the_rest_of_its_sixty_seconds(
    tmp_path: Path, clock: Clock
) -> None:
    leave(tmp_path, beat=1000.0 - 40, **here())
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    assert clock.waited == EXPIRY - 40
    held.release()


def test_a_holder_of_this_machine_whose_beat_is_young_is_not_watched(tmp_path: Path, clock: Clock) -> None:
    leave(tmp_path, beat=1000.0 - LATE + 1, **here())
    with pytest.raises(RunHeldError):
        find_over(tmp_path)
    assert clock.waited == 0


def test_a_claim_that_is_not_whole_ends_like_that_of_a_holder_elsewhere(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "00003.json").write_text("")
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    assert clock.waited == EXPIRY
    assert held.epoch.startswith("00004.")
    held.release()


def test_a_claim_that_was_not_seen_before_makes_the_newcomer_withdraw(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took epoch 1 for over; meanwhile that was released, and another driver has claimed epoch 1 anew."""
    old = leave(tmp_path)
    stale = {1: json.dumps(asdict(old))}
    leave(tmp_path, epoch="00001.feedbeef", **here())
    looks = iter([lambda out: stale])
    monkeypatch.setattr(lease, "find_over", lambda out: next(looks, find_over)(out))
    with pytest.raises(RunHeldError):
        Lease(tmp_path, "raycre predict").claim()
    assert sorted(tree(tmp_path)) == ["lease/00001.beat", "lease/00001.json"]


# An owner that was overtaken


def test_an_overtaken_holder_learns_it_at_its_next_beat_and_leaves_the_other_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.01)
    told: list[str] = []
    heard = threading.Event()
    held = Lease(tmp_path, "raycre predict", lambda message: (told.append(message), heard.set()))
    held.claim()
    (tmp_path / FOLDER / "00001.json").unlink()
    leave(tmp_path, 2)
    assert heard.wait(60)
    assert "another driver has taken over this run folder by raycre creme of ada on node7" in told[0]
    with pytest.raises(LeaseLostError) as lost:
        held.check()
    assert lost.value.exit_code == 1
    held.release()
    assert [name for name in tree(tmp_path) if name.endswith(".json")] == ["lease/00002.json"]


def test_a_beat_moves_while_the_holder_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.01)
    other = Lease(tmp_path / "other", "raycre predict")
    other.claim()
    beat = tmp_path / "other" / FOLDER / "00001.beat"
    first = beat.read_bytes()
    assert len(first) == 40
    until(lambda: beat.read_bytes() != first, lambda: "the beat does not move")
    other.release()
    assert not (tmp_path / "other").exists()


def start(out: Path, held: Lease | None, *, fresh: bool = False) -> Run:
    remove = (lambda old: None) if fresh else None
    return open_run(
        out, verb="predict", name="r", config={}, science={}, layout={}, remove=remove, lease=held
    )


@pytest.fixture
def overtaken(tmp_path: Path) -> Iterator[tuple[Run, Lease]]:
    """A run on `tmp_path`, the lease of which another driver has taken."""
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    run = start(tmp_path, held)
    (tmp_path / FOLDER / "00001.json").unlink()
    leave(tmp_path, 2)
    yield run, held
    held.release()


def test_an_overtaken_run_writes_no_run_json(overtaken: tuple[Run, Lease], tmp_path: Path) -> None:
    before = (tmp_path / "run.json").read_bytes()
    for write in (lambda: overtaken[0].note(a=1), overtaken[0].finish):
        with pytest.raises(LeaseLostError, match="taken over"):
            write()
    assert (tmp_path / "run.json").read_bytes() == before


def test_an_overtaken_run_resets_no_tries_and_removes_no_run(
    overtaken: tuple[Run, Lease], tmp_path: Path
) -> None:
    run, held = overtaken
    ledger = Ledger(tmp_path, "predictions", epoch=run.epoch)
    ledger._begin("a")
    dead = tmp_path / "predictions" / ".part-00001.00000000-7-0123abcd-part-0.parquet"
    dead.parent.mkdir()
    dead.touch()
    before = tree(tmp_path)
    with pytest.raises(LeaseLostError):
        ledger.forget_attempts()
    for fresh in (True, False):
        with pytest.raises(LeaseLostError):
            start(tmp_path, held, fresh=fresh)
    assert tree(tmp_path) == before


# A folder that cannot be written


def test_a_full_disk_is_named_and_no_empty_claim_is_left(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    held = Lease(tmp_path, "raycre predict")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            held.claim()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert tree(tmp_path) == {}
    held.release()
    assert list(tmp_path.iterdir()) == []


def test_a_holder_goes_on_over_a_disk_that_is_full_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.01)
    full = threading.Event()
    put, failed = claims.put_text, threading.Event()

    def refuse(path: Path, text: str) -> None:
        if full.is_set():
            failed.set()
            raise OSError(28, "No space left on device")
        put(path, text)

    monkeypatch.setattr(lease, "put_text", refuse)
    other = Lease(tmp_path / "other", "raycre predict")
    other.claim()
    full.set()
    assert failed.wait(60)
    first = (tmp_path / "other" / FOLDER / "00001.beat").read_bytes()
    full.clear()
    until(
        lambda: (tmp_path / "other" / FOLDER / "00001.beat").read_bytes() != first,
        lambda: "no beat after the disk was emptied",
    )
    other.check()
    other.release()
