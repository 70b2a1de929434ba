"""The long form of `test_kill`: a run killed after every few units ends with the bytes of a calm one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fault.conftest import RUNS
from tests.fault.drivers import epochs_of, n_parts, running, same_bytes
from tests.processes import until

RESULTS = ("folds/*/best.safetensors", "predictions/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet")
STEP = 4  # units that are done before each kill; of epochs, shards or parts of passes


def _reached(driver: subprocess.Popen[bytes], finished: Callable[[], int], target: int) -> bool:
    return finished() >= target or driver.poll() is not None


@pytest.mark.chaos
@pytest.mark.parametrize("verb", ["train", "predict", "creme"])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    long_values: Callable[[str, Path], Any],
    calm: Callable[[str], Path],
    local_ray: None,
    tmp_path: Path,
    verb: str,
) -> None:
    out = tmp_path / "killed"
    values = long_values(verb, out)
    parts = out / {"predict": "predictions", "creme": "passes"}.get(verb, "folds")

    def finished() -> int:
        return epochs_of(out) if verb == "train" else n_parts(parts)

    kills, ended = 0, False
    while not ended:
        target = finished() + STEP
        with running([verb, *(["config"] if verb == "creme" else [])], values, tmp_path) as driver:
            until(partial(_reached, driver, finished, target), lambda: f"{finished()} units are done")
            ended = driver.poll() is not None
            assert not ended or driver.returncode == 0, (tmp_path / "driver.log").read_text()
        kills += not ended
    assert kills >= 3, "the run was over too early to prove anything"
    RUNS[verb](values)  # finds everything done
    for pattern in RESULTS:
        if list(calm(verb).glob(pattern)):
            same_bytes(out, calm(verb), pattern)
