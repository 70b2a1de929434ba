"""Predictions on nodes that come, and on one of two that is lost for good: bytes are the calm run's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.autoscaling import Cluster, autoscaling, fixed
from tests.fault.drivers import n_parts, same_bytes
from tests.processes import until

pytestmark = pytest.mark.chaos


def started(values: dict[str, Any], folder: Path, cluster: Cluster) -> subprocess.Popen[bytes]:
    """The command line, with the cluster's address."""
    config = folder / "run.yaml"
    config.write_text(json.dumps(values))
    with (folder / "driver.log").open("wb") as log:
        line = [sys.executable, "-m", "raycre.cli", "predict", "--config", str(config)]
        return subprocess.Popen(line, stdout=log, stderr=log, env=cluster.environment)


def ended(driver: subprocess.Popen[bytes], folder: Path) -> None:
    until(lambda: driver.poll() is not None, lambda: (folder / "driver.log").read_text())
    assert driver.returncode == 0, (folder / "driver.log").read_text()


def test_a_prediction_ends_on_the_other_node_when_one_is_lost_for_good(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path
) -> None:
    expected, out = calm("predict"), tmp_path / "run"
    with fixed(2) as cluster:
        driver = started(long_values("predict", out), tmp_path, cluster)
        until(lambda: n_parts(out / "predictions") >= 4 or driver.poll() is not None, lambda: "no part")
        assert driver.poll() is None, (tmp_path / "driver.log").read_text()
        os.kill(cluster.raylets()[-1], signal.SIGKILL)
        ended(driver, tmp_path)
    same_bytes(out, expected, "predictions/*.parquet", "summary/*.parquet")


def test_a_prediction_brings_nodes_up_from_none_and_lets_them_go(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path
) -> None:
    expected, out = calm("predict"), tmp_path / "run"
    most = 0
    with autoscaling(2) as cluster:
        driver = started(long_values("predict", out), tmp_path, cluster)

        def over() -> bool:
            nonlocal most
            most = max(most, len(cluster.raylets()))
            return driver.poll() is not None

        until(over, lambda: (tmp_path / "driver.log").read_text())
        ended(driver, tmp_path)
        assert most == 2
        cluster.wait_until_empty()
    same_bytes(out, expected, "predictions/*.parquet", "summary/*.parquet")
