"""The runs that are killed and interrupted, and each of them undisturbed in this process, once for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.demo.genome import DemoGenome
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from raycre.workflows.train.run import run_train
from tests import in_process
from tests.by_hand import write_training
from tests.conftest import perturb_values, predict_values, train_values

RUNS: dict[str, Callable[[Any], object]] = {
    "train": lambda values: run_train(make_config(TrainConfig, values)),
    "predict": lambda values: run_predict(make_config(PredictConfig, values)),
    "creme": lambda values: run_creme(make_config(PerturbConfig, values)),
}
CALM: dict[str, Callable[[Any], object]] = {
    "train": lambda values: in_process.run_train(make_config(TrainConfig, values)),
    "predict": lambda values: in_process.run_predict(make_config(PredictConfig, values)),
    "creme": lambda values: in_process.run_creme(make_config(PerturbConfig, values)),
}


@pytest.fixture(scope="session")
def long_values(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Any]:
    """`long_values(verb, out)`: a run with work enough to be stopped in the middle, two units at a time."""
    checkpoint = write_training(tmp_path_factory.mktemp("weights") / "train")
    two = {"replicas": 2}

    def values(verb: str, out: Path) -> dict[str, Any]:
        if verb == "train":
            values = train_values(genome, out, epochs=6, ratios=[3, 3, 3, 3, 3], patience=6)
            return values | {"resources": {"folds_at_once": 1}}  # each imports for seconds
        if verb == "predict":
            changes = {"shard_size": 10, "views": 6, "resources": two}
            return predict_values(genome, checkpoint, out) | changes
        creme = {"n_shuffles": {"context": 12, "necessity": 12, "sufficiency": 12}}
        changes = {"creme": creme, "resources": {**two, "tiles_per_task": 1}}
        return perturb_values(genome, out, ("ENHA", "SILA", "ENHB", "SILB")) | changes

    return values


@pytest.fixture(scope="session")
def calm(
    long_values: Callable[[str, Path], Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """`calm(verb)`: folder of that run, undisturbed; it is made when it is first asked for."""
    folder = tmp_path_factory.mktemp("calm")

    def run(verb: str) -> Path:
        out = folder / verb
        if not out.exists():
            CALM[verb](long_values(verb, out))
        return out

    return run
