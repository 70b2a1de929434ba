"""A node is cut off the network in the middle of a run, which ends with the calm bytes all the same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fault.drivers import n_parts, same_bytes
from tests.namespaces import cluster_in, network
from tests.processes import kill_tree, until

CUT = 20.0  # seconds, which is what is tested
BEFORE = 16  # units, so that replicas of both nodes are at work
VERBS = {
    "predict": (("predict",), "predictions", ("predictions/*.parquet", "summary/*.parquet")),
    "creme": (
        ("creme", "config"),
        "passes",
        ("passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet"),
    ),
}


@pytest.mark.chaos
@pytest.mark.parametrize("verb", list(VERBS))
def test_a_run_outlives_a_cut_of_the_network(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path, verb: str
) -> None:
    words, parts, results = VERBS[verb]
    out, log = tmp_path / "run", tmp_path / "driver.log"
    (tmp_path / "run.yaml").write_text(json.dumps(long_values(verb, out)))
    with network(3) as net, cluster_in(net, 2) as cluster:
        expected = calm(verb)
        line = [
            *net.on(0),
            sys.executable,
            "-m",
            "raycre.cli",
            *words,
            "--config",
            str(tmp_path / "run.yaml"),
        ]
        with log.open("wb") as file:
            driver = subprocess.Popen(
                line, stdout=file, stderr=file, env=cluster.environment, start_new_session=True
            )
        try:
            until(lambda: n_parts(out / parts) >= BEFORE or driver.poll() is not None, log.read_text)
            assert driver.poll() is None, log.read_text()
            net.cut(2)
            began, before = time.monotonic(), n_parts(out / parts)
            until(lambda: time.monotonic() - began >= CUT or driver.poll() is not None, log.read_text)
            during = n_parts(out / parts) - before
            net.mend(2)
            until(lambda: driver.poll() is not None, log.read_text)
            after = time.monotonic() - began
            print(f"{verb}: {during} units in {CUT:g} s of the cut, over {after:.0f} s after it began")
            assert driver.returncode == 0, log.read_text()
        finally:
            if driver.poll() is None:
                kill_tree(driver.pid)
            driver.wait()
    same_bytes(out, expected, *results)
