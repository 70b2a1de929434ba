"""`ray job submit` against a running cluster: the job scripts work there and give the bits of a local run."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from tests.conftest import ROOT, bytes_of, perturb_values, predict_values, train_values
from tests.processes import kill_tree, until

BIN = Path(sys.executable).parent


class Head(NamedTuple):
    """A running cluster: address of its jobs API and the environment to talk to it."""

    address: str
    environment: dict[str, str]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    """`ray start --head` with two processors, in a session folder of its own."""
    dashboard = _free_port()
    address = f"http://127.0.0.1:{dashboard}"
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with tempfile.TemporaryDirectory(prefix="rh", dir="/tmp", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [
                str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={folder}",
                f"--port={_free_port()}", f"--dashboard-port={dashboard}",
                # Fixed by default, and taken where another Ray runs on the machine: no agent, then no jobs.
                f"--dashboard-agent-listen-port={_free_port()}",
                f"--ray-client-server-port={_free_port()}",
                "--include-dashboard=true", "--node-ip-address=127.0.0.1",
            ],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for_jobs_api(address, process)
            yield Head(address, environment)
        finally:
            kill_tree(process.pid)
            process.wait()


def _wait_for_jobs_api(address: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "the head ended"
        try:
            with urllib.request.urlopen(f"{address}/api/jobs/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    until(answers, lambda: "no jobs API")


def _submit(head: Head, job: str, values: dict[str, Any], folder: Path, *verb: str) -> None:
    config = folder / f"{job}.yaml"
    config.write_text(json.dumps(values))
    command = [str(BIN / "ray"), "job", "submit", "--address", head.address, "--working-dir", "."]
    said = ""

    def ran() -> bool:
        nonlocal said
        done = subprocess.run(
            [*command, "--", "python", f"jobs/{job}.py", *verb, "--config", str(config)],
            cwd=ROOT,
            env=head.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stdout + done.stderr)[-3000:]
        # A head that has just started answers before it can run jobs, and says so.
        if "No available agent" in done.stdout + done.stderr:
            return False
        assert done.returncode == 0, said
        return True

    until(ran, lambda: said)


def test_a_submitted_prediction_gives_the_bits_of_a_local_one(
    genome: DemoGenome, trained: Path, predicted: Path, head: Head, tmp_path: Path
) -> None:
    values = predict_values(genome, trained, tmp_path / "submitted")
    _submit(head, "run", values, tmp_path, "predict")  # any verb goes by jobs/run.py
    submitted, local = (bytes_of(out, "predictions/*.parquet") for out in (tmp_path / "submitted", predicted))
    assert len(local) == 10
    assert submitted == local


@pytest.mark.slow
def test_a_submitted_training_finishes(genome: DemoGenome, head: Head, tmp_path: Path) -> None:
    values = train_values(genome, tmp_path / "train", epochs=2) | {"folds": {"n": 3, "only": [1]}}
    _submit(head, "train", values, tmp_path)
    record = read_json(tmp_path / "train" / "run.json")
    assert record["finished"]
    assert record["folds_done"] == [1]


@pytest.mark.slow
def test_a_submitted_perturbation_finishes(genome: DemoGenome, head: Head, tmp_path: Path) -> None:
    values = perturb_values(genome, tmp_path / "creme", ("SILA",))
    _submit(head, "perturb", values, tmp_path)
    effects = pd.read_parquet(tmp_path / "creme" / "effects")
    assert set(effects["gene_name"]) == {"SILA"}
    assert set(effects["call"].dropna()) == {"silencing", "silencer", "neither"}


def test_a_submitted_job_with_a_relative_run_out_is_refused(
    genome: DemoGenome, head: Head, tmp_path: Path
) -> None:
    values = perturb_values(genome, Path("runs/lost"), ("SILA",))
    with pytest.raises(AssertionError, match=r"run\.out: a submitted job runs in Ray's own copy"):
        _submit(head, "perturb", values, tmp_path)
