"""Runs on a cluster that has no processor until there is work, and none again once it is over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.autoscaling import autoscaling
from tests.conftest import bytes_of
from tests.processes import until


def test_effects_from_zero_nodes_to_two_and_back(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path
) -> None:
    out = tmp_path / "creme"
    values = long_values("creme", out) | {"resources": {"replicas": "auto", "tiles_per_task": 1}}
    (tmp_path / "run.yaml").write_text(json.dumps(values))
    with autoscaling(most=2) as cluster:
        assert cluster.raylets() == []
        started, seen = time.monotonic(), {0: 0.0}
        with (tmp_path / "log").open("wb") as log:
            driver = subprocess.Popen(
                [sys.executable, "-m", "raycre.cli", "creme", "config", "--config", "run.yaml"], cwd=tmp_path,
                stdout=log, stderr=log, env=cluster.environment,
            )  # fmt: skip

        def over() -> bool:
            seen.setdefault(len(cluster.raylets()), time.monotonic() - started)
            return driver.poll() is not None

        until(over, lambda: (tmp_path / "log").read_text())
        said = (tmp_path / "log").read_text()
        assert driver.returncode == 0, said
        assert max(seen) == 2, (seen, said)
        assert "waiting for a replica of 1 CPU: the cluster has 0 CPU" in said
        assert "may grow to 2 x 1 CPU" in said
        cluster.wait_until_empty()
    assert bytes_of(out, "effects/**/*.parquet") == bytes_of(calm("creme"), "effects/**/*.parquet")
    print(f"seconds to so many nodes: {seen}")
