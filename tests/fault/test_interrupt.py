"""Ctrl-C in the middle of a real run: one line, exit code 130, and a run that goes on to the same bytes."""

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

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from raycre.workflows.train.run import run_train
from tests.conftest import bytes_of, perturb_values, predict_values, train_values
from tests.processes import alive, descendants, kill_tree, until
from tests.unit.test_checkpoints import write_training


def interrupt(
    verb: list[str], values: dict[str, Any], folder: Path, under_way: Callable[[], bool], number: int
) -> tuple[int, str, str]:
    """Start a run in a process group of its own; signal all of it when something is on disk.

    As a terminal does at Ctrl-C, the signal goes to every process of the group, Ray's too.

    Returns:
        (exit code, stdout, stderr).
    """
    config = folder / "run.yaml"
    config.write_text(json.dumps(values))
    out, err = folder / "stdout", folder / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        run = subprocess.Popen(
            [sys.executable, "-m", "raycre.cli", *verb, "--config", str(config), "--json"],
            stdout=stdout,
            stderr=stderr,
            env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
            start_new_session=True,
        )
        try:
            until(lambda: under_way() or run.poll() is not None, lambda: err.read_text())
            assert run.poll() is None, "the run ended before it could be interrupted"
            started = descendants(run.pid)
            os.killpg(run.pid, number)
            until(lambda: run.poll() is not None, lambda: err.read_text())
            until(lambda: not any(map(alive, started)), lambda: f"still running: {started}")
        finally:
            if run.poll() is None:
                kill_tree(run.pid)
                run.wait()
    return run.returncode, out.read_text(), err.read_text()


@pytest.mark.parametrize(
    ("verb", "number", "code"),
    [("train", signal.SIGINT, 130), ("predict", signal.SIGTERM, 143), ("creme", signal.SIGINT, 130)],
)
def test_an_interrupted_run_says_what_is_kept_and_goes_on_to_the_same_bytes(
    genome: DemoGenome, local_ray: None, tmp_path: Path, verb: str, number: int, code: int
) -> None:
    checkpoint = write_training(tmp_path / "train")

    def values(name: str) -> dict[str, Any]:
        if verb == "train":
            return train_values(genome, tmp_path / name, epochs=12, ratios=[5, 5, 5, 5, 5], patience=12)
        if verb == "predict":
            return predict_values(genome, checkpoint, tmp_path / name) | {"shard_size": 10, "views": 10}
        creme = perturb_values(genome, tmp_path / name, ("ENHA", "SILA", "ENHB", "SILB"))
        creme["creme"] = {"n_shuffles": {"context": 12, "necessity": 12, "sufficiency": 12}}
        return creme | {"resources": {"tiles_per_task": 1}}

    def finished() -> int:
        run = tmp_path / "stopped"
        if verb == "train":
            return sum(read_json(path)["epochs"] for path in run.rglob("progress.json"))
        return len(list(run.glob("predictions/part-*" if verb == "predict" else "passes/**/part-*")))

    arguments = [verb, "config"] if verb == "creme" else [verb]
    found = interrupt(arguments, values("stopped"), tmp_path, lambda: finished() >= 2, number)
    n = finished()
    assert (found[0], found[1]) == (code, "")
    *lines, last = found[2].splitlines()
    kept = {"train": "folds and epochs", "predict": "shards", "creme": "units"}[verb]
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[signal.Signals(number)]
    assert last == f"stopped by {name}: finished {kept} are kept; the same command goes on from there"
    assert not [line for line in lines if "rror" in line or "nterrupt" in line or "Traceback" in line]

    run: dict[str, Callable[[str], object]] = {
        "train": lambda name: run_train(make_config(TrainConfig, values(name))),
        "predict": lambda name: run_predict(make_config(PredictConfig, values(name))),
        "creme": lambda name: run_creme(make_config(PerturbConfig, values(name))),
    }
    run[verb]("stopped")
    assert finished() > n, "the run was over when it was interrupted"
    run[verb]("calm")
    for pattern in ("folds/*/best.safetensors", "predictions/*.parquet", "effects/**/*.parquet", "summary/*"):
        stopped, calm = (
            {
                path: content
                for path, content in bytes_of(tmp_path / name, pattern).items()
                if path.endswith((".parquet", ".safetensors"))
            }
            for name in ("stopped", "calm")
        )
        assert stopped == calm
    assert calm
