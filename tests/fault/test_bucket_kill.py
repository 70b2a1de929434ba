"""A driver that is killed at a request to its bucket leaves a run that ends with the bytes of a calm one.

The server kills it: before a request is carried out, or once it is and before it is answered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PerturbConfig, make_config
from raycre.demo.genome import DemoGenome
from raycre.store.bucket_path import BucketPath
from raycre.store.location import location
from tests.conftest import bytes_of, perturb_values
from tests.in_process import connect_to_nothing, run_creme
from tests.s3_server import BUCKET, S3, bucket_at, serve_s3

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

    def strike(_: object = None) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(driver.pid, signal.SIGKILL)

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
