"""The head of the cluster is killed in the middle of a run: the driver says so, and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from raycre.demo.genome import DemoGenome
from raycre.engine.head import answers
from raycre.store.files import read_json
from tests.by_hand import write_training
from tests.cluster.test_jobs import BIN, _free_port
from tests.conftest import perturb_values, predict_values, train_values
from tests.processes import command, descendants, kill_tree, until

QUICK = "import raycre.engine.head as h; h.LOST_AFTER = 5.0; from raycre.cli import main; main()"


@contextmanager
def running_head() -> Iterator[tuple[str, int]]:
    """`ray start --head` in a folder of its own: its address and its process."""
    address = f"127.0.0.1:{_free_port()}"
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory(prefix="rh", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}",
                f"--port={address.rpartition(':')[2]}", f"--dashboard-agent-listen-port={_free_port()}",
                f"--ray-client-server-port={_free_port()}", "--include-dashboard=false",
                "--node-ip-address=127.0.0.1",
            ],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            until(lambda: answers(address) or process.poll() is not None, lambda: "the head does not answer")
            until(lambda: bool(_of(process.pid, "raylet/raylet")), lambda: "the head has no raylet")
            yield address, process.pid
        finally:
            kill_tree(process.pid)
            process.wait()


def _of(pid: int, name: str) -> list[int]:
    return [each for each in descendants(pid) if name in command(each).split(" ")[0]]


@pytest.mark.parametrize(
    "verb",
    [pytest.param("train", marks=pytest.mark.slow), pytest.param("predict", marks=pytest.mark.slow), "creme"],
)
def test_a_run_whose_head_is_killed_ends_in_one_line(genome: DemoGenome, tmp_path: Path, verb: str) -> None:
    out = tmp_path / "run"
    values: dict[str, Any] = {
        "train": lambda: train_values(genome, out, epochs=1000, patience=1000, ratios=[5, 5, 5, 5, 5]),
        "predict": lambda: (
            predict_values(genome, write_training(tmp_path / "t"), out) | {"shard_size": 2, "views": 10}
        ),
        "creme": lambda: (
            perturb_values(genome, out)
            | {"creme": {"n_shuffles": dict.fromkeys(("context", "necessity", "sufficiency"), 300)}}
        ),
    }[verb]()
    (tmp_path / "run.yaml").write_text(json.dumps(values))
    begun = {"train": "folds/*/last.pt", "predict": "predictions/*", "creme": "passes/*/*/*"}[verb]
    with running_head() as (address, head):
        environment = os.environ | {"RAY_ADDRESS": address, "RAY_AUTH_MODE": "disabled"}
        arguments = [verb, *(["config"] if verb == "creme" else []), "--config", str(tmp_path / "run.yaml")]
        with (tmp_path / "log").open("wb") as log:
            driver = subprocess.Popen(
                [sys.executable, "-c", QUICK, *arguments], stdout=log, stderr=log, env=environment
            )
        try:
            until(lambda: any(out.glob(begun)) or driver.poll() is not None, lambda: "nothing was begun")
            assert driver.poll() is None, (tmp_path / "log").read_text()
            os.kill(_of(head, "gcs_server")[0], signal.SIGKILL)
            until(lambda: driver.poll() is not None, lambda: "the driver does not end")
        finally:
            driver.kill()
            driver.wait()
    said = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("error:")]
    assert driver.returncode == 1
    assert len(said) == 1
    assert "the Ray head at " in said[0]
    assert "was lost" in said[0]
    assert "run the same command again to go on" in said[0]
    assert not read_json(out / "run.json")["finished"]
    assert any(out.glob(begun))
