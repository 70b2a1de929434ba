"""A run in a bucket that is killed at a request ends with the bytes of a calm one on a disk.

The server kills: before a request is carried out, which it is then not, or once it is and before it is
answered. It kills the driver with all that it started, or whichever process made the request.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from raycre.config import PerturbConfig, make_config
from raycre.demo.genome import DemoGenome
from raycre.store.bucket_path import BucketPath
from raycre.store.location import location
from tests.conftest import bytes_of, perturb_values
from tests.fault.drivers import running
from tests.in_process import connect_to_nothing, run_creme
from tests.processes import PATIENCE, alive, command, descendants, until
from tests.s3_server import BUCKET, S3, bucket_at, serve_s3

RESULTS = {
    "predict": ("predictions/*.parquet", "summary/*.parquet"),
    "creme": ("passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet"),
    "train": ("folds/*/best.safetensors", "folds/*/predictions.parquet", "folds/*/cutoffs.json",
              "summary/*.parquet", "inputs/*.npy"),
}  # fmt: skip
PATTERNS = ("passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    connect_to_nothing(monkeypatch)
    with serve_s3() as s3, bucket_at(s3):
        yield s3


def values_for(genome: DemoGenome, out: Path) -> dict[str, Any]:
    creme = {"n_shuffles": {"interaction": 1, "necessity": 2}, "tiles": [268, 5268, 10268], "rounds": 2}
    return perturb_values(genome, out) | {"tests": ["necessity", "interaction"], "creme": creme}


def run_until(
    genome: DemoGenome, out: Path, folder: Path, s3: S3, kill_at: int | None, *, late: bool
) -> bool:
    """Run until the run ends or its request number `kill_at`; say whether it was killed."""
    config, log = folder / "config.json", folder / "driver.log"
    config.write_text(json.dumps(values_for(genome, out)))
    left = [kill_at or 0]

    def strike(_: object = None) -> tuple[int, str] | None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(driver.pid, signal.SIGKILL)
            return 500, "InternalError"  # to nobody; so that it is not carried out, unless it is by now
        return None

    (s3.served if late else s3.faults).append(strike)
    try:
        with log.open("wb") as said:
            command = [sys.executable, "-m", "tests.creme_here", str(config)]
            driver = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True)
            code = driver.wait(timeout=120)
    finally:
        s3.served.clear()
        s3.faults.clear()
    assert code in (0, -signal.SIGKILL), log.read_text()
    return code != 0


def same_run(out: BucketPath, calm: Path) -> None:
    for pattern in PATTERNS:
        expected = bytes_of(calm, pattern)
        assert expected
        assert bytes_of(out, pattern) == expected
    assert not list((out / "lease").iterdir())
    assert not list((out / "attempts").iterdir())


def killed_runs(genome: DemoGenome, folder: Path, s3: S3, kill_at: list[int]) -> int:
    """Go through kills at these requests, one folder after another; return how many folders were finished."""
    run_creme(make_config(PerturbConfig, values_for(genome, folder / "calm")))
    waiting, finished = list(kill_at), 0
    while waiting:
        out = location(f"s3://{BUCKET}/killed-{finished}")
        assert isinstance(out, BucketPath)
        killed, before = True, len(waiting)
        while killed:
            at, late = (waiting[0] if waiting else None), len(waiting) % 2 == 1
            killed = run_until(genome, out, folder, s3, at, late=late)
            del waiting[: int(killed)]
        assert len(waiting) < before, f"no run has {waiting[0]} requests"
        same_run(out, folder / "calm")
        finished += 1
    return finished


def test_a_run_in_a_bucket_that_is_killed_goes_on_to_the_same_bytes(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    assert killed_runs(genome, tmp_path, s3, [34, 47]) == 1


@pytest.mark.chaos
def test_a_run_in_a_bucket_that_is_killed_at_thirty_requests_ends_with_the_same_bytes(
    genome: DemoGenome, tmp_path: Path, s3: S3
) -> None:
    assert killed_runs(genome, tmp_path, s3, [*range(2, 62, 2)]) >= 1


RAYS_OWN = ("ray::TrainController",)  # it decides for all workers of a training; the driver ends with it


class Kill(NamedTuple):
    """At which request of a driver's time who was killed, and when: before it was carried out, or after."""

    verb: str
    driver: int
    request: int
    what: str
    when: str
    who: str

    def __str__(self) -> str:
        return (
            f"{self.verb} driver {self.driver}, {self.when} request {self.request} ({self.what}): {self.who}"
        )


def process_at(port: int, processes: list[int]) -> int | None:
    """Return which of the processes has the connection from a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port}
    for pid in processes:
        with suppress(OSError):  # it ends just now
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()) in inodes:
                        return pid
    return None


class Striker:
    """Kills a driver, or a process that works for it, at requests drawn by a seed.

    Attributes:
        kills: so far.
        over: whether the driver was killed.
    """

    def __init__(self, verb: str, s3: S3, dice: random.Random, most: int) -> None:
        self.kills: list[Kill] = []
        self.over = False
        self._verb, self._s3, self._dice, self._left = verb, s3, dice, most
        self._lock, self._drivers = threading.Lock(), 0
        self._driver: subprocess.Popen[bytes] | None = None

    def watch(self, driver: subprocess.Popen[bytes]) -> None:
        """Strike from now on at the requests of a driver's run."""
        self._driver, self.over, self._count = driver, False, 0
        self._drivers += 1
        self._draw()
        self._s3.faults[:] = [lambda request: self._asked(request, "before")]
        self._s3.served[:] = [lambda request: self._asked(request, "after")]

    def ends_with(self, said: str) -> bool:
        """Whether the loss of a process of Ray's own has ended the driver, which says to run again."""
        who, last = self.kills[-1].who if self.kills else "", said.splitlines()[-1]
        return who.startswith(RAYS_OWN) and last.startswith("error: ") and last.endswith("run again to go on")

    def rest(self) -> None:
        """Strike no more."""
        self._s3.faults.clear()
        self._s3.served.clear()

    def _draw(self) -> None:
        self._at = self._count + self._dice.randint(3, 110)
        self._when = self._dice.choice(("before", "after"))
        self._whole = self._dice.random() < 0.4

    def _asked(self, request: dict[str, Any], when: str) -> tuple[int, str] | None:
        with self._lock:
            self._count += when == "before"
            if self.over or not self._left or self._count < self._at or when != self._when:
                return None
            assert self._driver is not None
            pid = process_at(int(request["REMOTE_PORT"]), [self._driver.pid, *descendants(self._driver.pid)])
            if pid is None:  # of a process that has just been killed
                return None
            who = "driver" if self._whole or pid == self._driver.pid else command(pid).split(" ")[0]
            what = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
            self.kills.append(Kill(self._verb, self._drivers, self._count, what, self._when, who))
            self._left -= 1
            if who == "driver":
                self.over = True
                with suppress(ProcessLookupError):
                    os.killpg(self._driver.pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)
                until(lambda: not alive(pid), lambda: f"{pid} does not end")
            self._draw()
            return 500, "InternalError"  # to nobody


def killed_on_ray(
    verb: str, n: int, seed: int, values: Callable[[str, Path], Any], calm: Path, folder: Path, s3: S3
) -> list[Kill]:
    """Kill real drivers, and their workers, n times; each folder goes on to its end, and is compared."""
    striker, finished = Striker(verb, s3, random.Random(seed), n), 0
    while len(striker.kills) < n:
        out = location(f"s3://{BUCKET}/{verb}-{finished}")
        assert isinstance(out, BucketPath)
        ended = False
        while not ended:
            with running(
                [verb, *(["config"] if verb == "creme" else [])], values(verb, out), folder
            ) as driver:
                striker.watch(driver)
                driver.wait(timeout=PATIENCE)
                striker.rest()
                said = (folder / "driver.log").read_text()
                ended = not striker.over and driver.returncode == 0
                assert ended or striker.over or striker.ends_with(said), (striker.kills[-3:], said)
        for pattern in RESULTS[verb]:
            expected = bytes_of(calm, pattern)
            found = bytes_of(out, pattern)
            assert found.keys() == expected.keys() != set()
            assert [name for name in expected if found[name] != expected[name]] == []
        assert not list((out / "lease").iterdir())
        assert not list((out / "attempts").iterdir())
        finished += 1
    return striker.kills


@pytest.mark.slow
def test_a_prediction_in_a_bucket_on_ray_is_killed_and_ends_with_the_bytes_of_a_disk(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_s3() as s3, bucket_at(s3, patience=60):
        assert len(killed_on_ray("predict", 2, 1, long_values, calm("predict"), tmp_path, s3)) == 2


@pytest.mark.chaos
@pytest.mark.parametrize(("verb", "n"), [("predict", 9), ("creme", 8), ("train", 8)])
def test_runs_in_a_bucket_on_ray_are_killed_25_times_and_end_with_the_bytes_of_a_disk(
    long_values: Callable[[str, Path], Any],
    calm: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    n: int,
) -> None:
    with serve_s3() as s3, bucket_at(s3, patience=60):
        kills = killed_on_ray(verb, n, 14, long_values, calm(verb), tmp_path, s3)
    with capsys.disabled():
        print("", *kills, sep="\n")
    assert len(kills) == n
    assert "driver" in {kill.who for kill in kills}
