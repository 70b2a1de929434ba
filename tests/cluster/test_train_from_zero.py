"""Training on a cluster that has no node at its start: nodes come, train what one machine does, and go."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from tests.autoscaling import autoscaling
from tests.conftest import bytes_of, train_values
from tests.processes import kill_tree, until

RESULTS = ("folds/*/best.safetensors", "folds/*/*.parquet", "folds/*/cutoffs.json", "summary/*.parquet")

pytestmark = pytest.mark.slow


def test_training_from_zero_nodes_up_to_two_and_back_gives_the_bytes_of_one_machine(
    genome: DemoGenome, trained: Path, tmp_path: Path
) -> None:
    out, log = tmp_path / "run", tmp_path / "driver.log"
    config = tmp_path / "run.yaml"
    config.write_text(json.dumps(train_values(genome, out)))
    with autoscaling(most=2) as cluster, log.open("wb") as file:
        driver = subprocess.Popen(
            [sys.executable, "-m", "raycre.cli", "train", "--config", str(config)],
            env=cluster.environment, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
        try:
            most = 0

            def ended() -> bool:
                nonlocal most
                most = max(most, len(cluster.raylets()))
                return driver.poll() is not None

            until(ended, log.read_text)
            assert driver.returncode == 0, log.read_text()
            assert most == 2, log.read_text()
            cluster.wait_until_empty()
        finally:
            kill_tree(driver.pid)
    assert "waiting for a group of workers of 1 CPU" in log.read_text()
    for pattern in RESULTS:
        assert bytes_of(out, pattern) == bytes_of(trained, pattern) != {}
