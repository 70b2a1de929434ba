"""kill -9 a worker, then the driver and all it started; go on; every bit is as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from raycre.store.parquet import read_table
from raycre.workflows.perturb import run as perturbation
from raycre.workflows.perturb.replica import Replica
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from raycre.workflows.train.run import run_train
from raycre.workflows.train.sweep import run_sweep
from tests.conftest import bytes_of, perturb_values, predict_values, train_values
from tests.in_process import OneReplica, n_predicted
from tests.processes import alive, command, descendants, until


def test_prediction_survives_the_loss_of_an_actor_and_of_the_driver(
    genome: DemoGenome, trained: Path, tmp_path: Path
) -> None:
    values = predict_values(genome, trained, tmp_path / "killed") | {"shard_size": 10, "views": 10}
    parts = tmp_path / "killed" / "predictions"
    with _driver(["predict"], values, tmp_path) as driver:
        _wait(driver, lambda: _n_files(parts) >= 2)
        _kill(driver, "ray::MapWorker(Map(CrePredictor)")
        n = _n_files(parts)
        _wait(driver, lambda: _n_files(parts) >= n + 4)
    assert _n_files(parts) < 60, "the driver was killed too late to prove anything"
    run_predict(make_config(PredictConfig, values))
    calm = values | {"run": {"name": "calm", "out": str(tmp_path / "calm")}}
    run_predict(make_config(PredictConfig, calm))
    assert _n_files(parts) == 60
    _same(tmp_path, "predictions/*.parquet", "summary/*.parquet")


def test_perturbation_survives_the_loss_of_an_actor_and_of_the_driver(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = perturb_values(genome, tmp_path / "killed", ("ENHA", "SILA", "ENHB", "SILB"))
    values["creme"] = {"n_shuffles": {"context": 12, "necessity": 12, "sufficiency": 12}}
    values["resources"] = {"tiles_per_task": 1}
    parts = tmp_path / "killed" / "passes" / "model=planted"
    with _driver(["creme", "config"], values, tmp_path) as driver:
        _wait(driver, lambda: _n_files(parts) >= 2)
        _kill(driver, "ray::Replica")
        n = _n_files(parts)
        _wait(driver, lambda: _n_files(parts) >= n + 4)
    done, planned = _n_files(parts), 4 * -(-(1 + 12 * 12 + 12 + 12 * 12) // 12)
    assert done < planned, "the driver was killed too late to prove anything"
    run_creme(make_config(PerturbConfig, values))
    calm = values | {"run": {"name": "c", "out": str(tmp_path / "calm")}}
    run_creme(make_config(PerturbConfig, calm))
    assert _n_files(parts) == planned
    _same(tmp_path, "passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet")


def test_a_killed_search_goes_on_from_its_last_written_piece(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = perturb_values(genome, tmp_path / "killed", ("ENHA",)) | {
        "tests": ["interaction"],
        "tracks": [0],
    }
    values["creme"] = {"n_shuffles": {"interaction": 16}, "rounds": 8, "searches": ["min"]}
    passes = tmp_path / "killed" / "passes"

    def pieces() -> list[Path]:
        return list(passes.rglob("piece-*.parquet"))

    with _driver(["creme", "config"], values, tmp_path) as driver:
        _wait(driver, lambda: len(pieces()) >= 3)
    known = n_predicted(tmp_path / "killed") + sum(len(read_table(piece, ["pass"])) for piece in pieces())
    assert pieces(), "the driver was killed too late to prove anything"

    monkeypatch.setattr(perturbation, "Pool", OneReplica)  # here, so that passes can be counted
    predict, asked = Replica._predict, []

    def counted(replica: Replica, gene: Any, chosen: Any, stage: Any) -> Any:
        asked.append(len(chosen))
        return predict(replica, gene, chosen, stage)

    monkeypatch.setattr(Replica, "_predict", counted)
    run_creme(make_config(PerturbConfig, values))
    further = sum(asked)
    calm = values | {"run": {"name": "c", "out": str(tmp_path / "calm")}}
    run_creme(make_config(PerturbConfig, calm))
    assert further == n_predicted(tmp_path / "calm") - known
    _same(tmp_path, "passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet")


def test_training_survives_the_loss_of_a_worker_and_of_the_driver(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = train_values(genome, tmp_path / "killed", epochs=12, ratios=[5, 5, 5, 5, 5], patience=12)
    with _driver(["train"], values, tmp_path) as driver:
        _wait(driver, lambda: _epochs(tmp_path / "killed") >= 3)
        _kill(driver, "ray::RayTrainWorker")
        n = _epochs(tmp_path / "killed")
        _wait(driver, lambda: _epochs(tmp_path / "killed") >= n + 3)
    assert _epochs(tmp_path / "killed") < 36, "the driver was killed too late to prove anything"
    run_train(make_config(TrainConfig, values))
    calm = values | {"run": {"name": "calm", "out": str(tmp_path / "calm")}}
    run_train(make_config(TrainConfig, calm))
    _same(
        tmp_path,
        "folds/*/best.safetensors",
        "folds/*/*.parquet",
        "folds/*/cutoffs.json",
        "summary/*.parquet",
        "inputs/*.npy",
    )


def test_a_sweep_survives_the_loss_of_the_driver(genome: DemoGenome, local_ray: None, tmp_path: Path) -> None:
    sweeps = ["K=20,50", "mu=0.1,0.2"]
    values = train_values(genome, tmp_path / "killed", epochs=6, ratios=[3, 3, 3, 3, 3])
    values["folds"]["only"] = [1]
    options = [word for text in sweeps for word in ("--sweep", text)]
    with _driver(["train", *options], values, tmp_path) as driver:
        _wait(driver, lambda: _epochs(tmp_path / "killed" / "sweep") >= 4)
    assert _epochs(tmp_path / "killed" / "sweep") < 24, "the driver was killed too late to prove anything"
    for name in ("killed", "calm"):
        run = values | {"run": {"name": name, "out": str(tmp_path / name)}}
        (tmp_path / "run.yaml").write_text(json.dumps(run))
        run_sweep(read_sweep(tmp_path / "run.yaml", (), sweeps))
    assert len(list((tmp_path / "calm").glob("sweep/*/folds/*/cutoffs.json"))) == 4
    _same(
        tmp_path,
        "sweep/*/folds/*/best.safetensors",
        "sweep/*/folds/*/*.parquet",
        "sweep/*/folds/*/cutoffs.json",
        "sweep/*/summary/*.parquet",
        "summary/*.parquet",
        "inputs/*.npy",
    )


def test_two_workers_of_a_fold_survive_the_loss_of_one(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = train_values(genome, tmp_path / "killed", epochs=8, ratios=[5, 5, 5, 5, 5])
    values["folds"]["only"] = [0, 2]
    values["resources"] = {"workers_per_fold": 2}
    with _driver(["train"], values, tmp_path) as driver:
        _wait(driver, lambda: _epochs(tmp_path / "killed") >= 3)
        _kill(driver, "ray::RayTrainWorker")
        assert _epochs(tmp_path / "killed") < 16, "the worker was killed too late to prove anything"
        until(lambda: driver.poll() is not None, lambda: f"epochs: {_epochs(tmp_path / 'killed')}")
        assert driver.returncode == 0, (tmp_path / "driver.log").read_text()
    calm = values | {"run": {"name": "calm", "out": str(tmp_path / "calm")}}
    run_train(make_config(TrainConfig, calm))
    _same(tmp_path, "folds/*/best.safetensors", "folds/*/*.parquet", "folds/*/cutoffs.json")


def _epochs(run: Path) -> int:
    """Epochs that are finished, over all folds below `run`."""
    return sum(read_json(path)["epochs"] for path in run.rglob("progress.json"))


def _same(folder: Path, *patterns: str) -> None:
    """Both runs hold the same files with the same bytes."""
    for pattern in patterns:
        killed, calm = (bytes_of(folder / name, pattern) for name in ("killed", "calm"))
        assert killed.keys() == calm.keys() != set()
        assert [name for name in calm if killed[name] != calm[name]] == []


def _n_files(folder: Path) -> int:
    return len(list(folder.rglob("part-*.parquet"))) if folder.is_dir() else 0


@contextmanager
def _driver(verb: list[str], values: dict[str, Any], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command line in a process group of its own, and kill -9 all of it at the end."""
    config = folder / "run.yaml"
    config.write_text(json.dumps(values))
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    with (folder / "driver.log").open("wb") as log:
        driver = subprocess.Popen(
            [sys.executable, "-m", "raycre.cli", *verb, "--config", str(config)],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            yield driver
        finally:
            started = descendants(driver.pid)
            with suppress(ProcessLookupError):  # it ended by itself, and all its workers with it
                os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()
            # Its workers find out by themselves within seconds; till then they may go on writing.
            until(lambda: not any(map(alive, started)), lambda: f"still running: {started}")


def _wait(driver: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    def failed() -> str:
        return f"driver: {driver.poll()}"

    until(lambda: condition() or driver.poll() is not None, failed)
    assert driver.poll() is None, "the run ended before it could be killed"


def _kill(driver: subprocess.Popen[bytes], name: str) -> None:
    """kill -9 one worker of the driver."""
    found = [pid for pid in descendants(driver.pid) if command(pid).startswith(name)]
    assert found, sorted(command(pid) for pid in descendants(driver.pid))
    os.kill(found[0], signal.SIGKILL)
