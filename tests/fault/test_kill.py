"""Kill -9 a worker; then Ctrl-C, SIGTERM or kill -9 of all: the run goes on to the same bits.

Each verb loses a worker and ends one way here; every verb ends in every way by `make chaos`.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PerturbConfig, TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.demo.genome import DemoGenome
from raycre.store.parquet import read_table
from raycre.workflows.perturb.replica import Replica
from raycre.workflows.train.run import run_train
from raycre.workflows.train.sweep import run_sweep
from tests.conftest import perturb_values, train_values
from tests.fault.conftest import CALM
from tests.fault.drivers import epochs_of, interrupt, kill_worker, n_parts, running, same_bytes, wait_for
from tests.in_process import n_predicted, run_creme
from tests.processes import until

FOLDERS = {"predict": "predictions", "creme": "passes"}
LongValues = Callable[[str, Path], Any]
Calm = Callable[[str], Path]


@dataclass(frozen=True)
class Stopped:
    """A run that is disturbed: its words on the command line, its workers' name, its end, what it writes."""

    words: tuple[str, ...]
    worker: str
    units: int
    number: signal.Signals
    results: tuple[str, ...]


STOPPED = {
    "train": Stopped(
        ("train",), "ray::RayTrainWorker", 3 * 6, signal.SIGINT,
        ("folds/*/best.safetensors", "folds/*/*.parquet", "folds/*/cutoffs.json", "summary/*.parquet",
         "inputs/*.npy"),
    ),
    "predict": Stopped(
        ("predict",), "ray::MapWorker(Map(CrePredictor)", 60, signal.SIGTERM,
        ("predictions/*.parquet", "summary/*.parquet"),
    ),
    "creme": Stopped(
        ("creme", "config"), "ray::Replica", 4 * -(-(1 + 12 * 12 + 12 + 12 * 12) // 12), signal.SIGKILL,
        ("passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet"),
    ),
}  # fmt: skip


KEPT = {"train": "folds and epochs", "predict": "shards", "creme": "units"}
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
OTHERS = [(verb, number) for verb, of in STOPPED.items() for number in ENDS if number != of.number]


def end(driver: subprocess.Popen[bytes], number: signal.Signals, verb: str, folder: Path) -> None:
    """End a driver by a signal: what it says then is one line. kill -9 is left to the block's end."""
    if number == signal.SIGKILL:
        return
    interrupt(driver, number)
    assert (driver.returncode, (folder / "driver.out").read_text()) == (128 + number, "")
    *lines, last = (folder / "driver.log").read_text().splitlines()
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    kept = f"finished {KEPT[verb]} are kept; the same command goes on from there"
    assert last == f"stopped by {name}: {kept}"
    assert not [line for line in lines if "nterrupt" in line or "Traceback" in line or "error:" in line]


@pytest.mark.parametrize(
    ("verb", "number"),
    [
        *((verb, of.number) for verb, of in STOPPED.items()),
        *(pytest.param(*other, marks=pytest.mark.chaos) for other in OTHERS),
    ],
)
def test_a_run_that_loses_a_worker_and_is_ended_goes_on_to_the_same_bytes(
    long_values: LongValues, calm: Calm, tmp_path: Path, verb: str, number: signal.Signals
) -> None:
    of, out = STOPPED[verb], tmp_path / "stopped"
    values = long_values(verb, out)

    def finished() -> int:
        return epochs_of(out) if verb == "train" else n_parts(out / FOLDERS[verb])

    def further(driver: subprocess.Popen[bytes], units: int) -> None:
        n = finished()
        wait_for(driver, lambda: finished() >= n + units)

    with running([*of.words], values, tmp_path) as driver:
        further(driver, 2)
        kill_worker(driver, of.worker)
        further(driver, 3)
        end(driver, number, verb, tmp_path)
    assert finished() < of.units, "the driver was ended too late to prove anything"
    CALM[verb](values)  # which goes on from what Ray's workers left
    assert finished() == of.units
    same_bytes(out, calm(verb), *of.results)


def test_an_interrupted_search_goes_on_from_its_last_written_piece(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = perturb_values(genome, tmp_path / "ended", ("ENHA",)) | {
        "tests": ["interaction"],
        "tracks": [0],
    }
    values["creme"] = {"n_shuffles": {"interaction": 24}, "rounds": 6, "searches": ["min"]}
    passes = tmp_path / "ended" / "passes"

    def pieces() -> list[Path]:
        return list(passes.rglob("piece-*.parquet"))

    with running(["creme", "config"], values, tmp_path) as driver:
        wait_for(driver, lambda: len(pieces()) >= 2)
        end(driver, signal.SIGINT, "creme", tmp_path)
    known = n_predicted(tmp_path / "ended") + sum(len(read_table(piece, ["pass"])) for piece in pieces())
    assert pieces(), "the driver was ended too late to prove anything"

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
    same_bytes(
        tmp_path / "ended",
        tmp_path / "calm",
        "passes/*/*/*.parquet",
        "effects/*/*/*.parquet",
        "summary/*.parquet",
    )


@pytest.mark.slow
def test_a_sweep_survives_the_loss_of_the_driver(genome: DemoGenome, local_ray: None, tmp_path: Path) -> None:
    sweeps = ["K=20,50", "mu=0.1,0.2"]
    values = train_values(genome, tmp_path / "killed", epochs=5, ratios=[3, 3, 3, 3, 3])
    values["folds"]["only"] = [1]
    options = [word for text in sweeps for word in ("--sweep", text)]
    with running(["train", *options], values, tmp_path) as driver:
        wait_for(driver, lambda: epochs_of(tmp_path / "killed" / "sweep") >= 4)
    assert epochs_of(tmp_path / "killed" / "sweep") < 4 * 5, (
        "the driver was killed too late to prove anything"
    )
    for name in ("killed", "calm"):
        run = values | {"run": {"name": name, "out": str(tmp_path / name)}}
        (tmp_path / "run.yaml").write_text(json.dumps(run))
        run_sweep(read_sweep(tmp_path / "run.yaml", (), sweeps))
    assert len(list((tmp_path / "calm").glob("sweep/*/folds/*/cutoffs.json"))) == 4
    same_bytes(
        tmp_path / "killed",
        tmp_path / "calm",
        "sweep/*/folds/*/best.safetensors",
        "sweep/*/folds/*/*.parquet",
        "sweep/*/folds/*/cutoffs.json",
        "sweep/*/summary/*.parquet",
        "summary/*.parquet",
        "inputs/*.npy",
    )


@pytest.mark.slow
def test_two_workers_of_a_fold_survive_the_loss_of_one(
    genome: DemoGenome, local_ray: None, tmp_path: Path
) -> None:
    values = train_values(genome, tmp_path / "killed", epochs=8, ratios=[5, 5, 5, 5, 5])
    values["folds"]["only"] = [0, 2]
    values["resources"] = {"workers_per_fold": 2}
    with running(["train"], values, tmp_path) as driver:
        wait_for(driver, lambda: epochs_of(tmp_path / "killed") >= 3)
        kill_worker(driver, "ray::RayTrainWorker")
        assert epochs_of(tmp_path / "killed") < 16, "the worker was killed too late to prove anything"
        until(lambda: driver.poll() is not None, lambda: f"epochs: {epochs_of(tmp_path / 'killed')}")
        assert driver.returncode == 0, (tmp_path / "driver.log").read_text()
    calm = values | {"run": {"name": "calm", "out": str(tmp_path / "calm")}}
    run_train(make_config(TrainConfig, calm))
    same_bytes(
        tmp_path / "killed",
        tmp_path / "calm",
        "folds/*/best.safetensors",
        "folds/*/*.parquet",
        "folds/*/cutoffs.json",
    )
