"""Finished runs on the session's Ray, for every test that only reads them or goes on with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from raycre.workflows.perturb.run import run_creme
from raycre.workflows.predict.run import run_predict
from tests.conftest import perturb_config, predict_config


@pytest.fixture(scope="session")
def predicted(genome: DemoGenome, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prediction by one replica, in ten shards."""
    out = tmp_path_factory.mktemp("predicted") / "run"
    run_predict(predict_config(genome, trained, out))
    return out


@pytest.fixture(scope="session")
def perturbed(genome: DemoGenome, local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three tests of two genes on both tracks by two replicas."""
    out = tmp_path_factory.mktemp("perturbed") / "run"
    run_creme(perturb_config(genome, out, resources={"replicas": 2, "tiles_per_task": 2}))
    return out
