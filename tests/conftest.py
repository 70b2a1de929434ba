"""Fixtures that every test may use: the shared data, a small genome of known truth, one Ray, one training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, make_config
from raycre.demo.genome import DemoGenome, write_demo_genome
from raycre.workflows import timing
from tests.parallel import (  # noqa: F401 - hooks
    pytest_collection_modifyitems,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)

ROOT = Path(__file__).resolve().parent.parent

# One profile for every property test: a busy machine is slow, and slow is no failure. In CI the examples are
# the same in every run; elsewhere new ones are tried.
hypothesis_settings.register_profile(
    "raycre",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
hypothesis_settings.load_profile("raycre")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # as in a worker; two cores are shared by all


@pytest.fixture(scope="session", autouse=True)
def _timed_once() -> Iterator[None]:
    """Dry runs time their work once; `test_timing` has the number that users get."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timing, "REPEATS", 1)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden fixtures and real data: RAYCRE_SHARED, or ../shared beside the project."""
    path = Path(os.environ.get("RAYCRE_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}; set RAYCRE_SHARED")
    return path


@pytest.fixture(scope="session")
def genome(tmp_path_factory: pytest.TempPathFactory) -> DemoGenome:
    """The demo's genome with few regions."""
    return write_demo_genome(tmp_path_factory.mktemp("genome") / "genome", n_labelled=150, n_candidates=600)


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """One local Ray for the session; runs inside it use it instead of starting their own."""
    from raycre.engine.cluster import connected

    with connected():
        yield


def train_values(genome: DemoGenome, out: Path, **recipe: Any) -> dict[str, Any]:
    """A training of three folds that takes seconds."""
    return {
        "run": {"name": "t", "out": str(out)},
        "inputs": {
            "fasta": str(genome.fasta),
            "openness": [str(p) for p in genome.openness],
            "loops": str(genome.loops),
            "labels": str(genome.labels),
        },
        "model": {"size": "tiny"},
        "recipe": {
            "epochs": 3,
            "warmup_epochs": 1,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "ratios": [1, 1, 1, 1, 1],
            "eval_ratio": 1,
            **recipe,
        },
        "folds": {"n": 3},
    }


def predict_values(genome: DemoGenome, checkpoint: Path, out: Path) -> dict[str, Any]:
    """A prediction of a few hundred regions."""
    return {
        "run": {"name": "p", "out": str(out)},
        "inputs": {
            "fasta": str(genome.fasta),
            "openness": [str(p) for p in genome.openness],
            "loops": str(genome.loops),
            "regions": str(genome.candidates),
            "blacklist": str(genome.blacklist),
        },
        "model": {"checkpoint": str(checkpoint)},
        "views": 4,
        "shard_size": 64,
        "resources": {"replicas": 1},  # each costs seconds of imports
    }


def perturb_values(
    genome: DemoGenome, out: Path, genes: tuple[str, ...] = ("ENHA", "SILA")
) -> dict[str, Any]:
    """All tests on a few genes with the planted backbone."""
    return {
        "run": {"name": "c", "out": str(out)},
        "inputs": {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": list(genes)},
        "model": {"backbone": "planted"},
        "tracks": "assay=CAGE",
        "creme": {"n_shuffles": {"context": 3, "necessity": 2, "sufficiency": 2}},
        "resources": {"replicas": 1, "tiles_per_task": 2},
    }


@pytest.fixture(scope="session")
def trained(genome: DemoGenome, local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training of three folds, by the real engine."""
    from raycre.workflows.train.run import run_train

    out = tmp_path_factory.mktemp("trained") / "train"
    run_train(make_config(TrainConfig, train_values(genome, out)))
    return out


def predict_config(genome: DemoGenome, checkpoint: Path, out: Path, **changes: Any) -> PredictConfig:
    """`predict_values` with top-level changes."""
    return make_config(PredictConfig, predict_values(genome, checkpoint, out) | changes)


def perturb_config(genome: DemoGenome, out: Path, **changes: Any) -> PerturbConfig:
    """`perturb_values` with top-level changes."""
    return make_config(PerturbConfig, perturb_values(genome, out) | changes)


def bytes_of(out: Path, pattern: str) -> dict[str, bytes]:
    """Contents of the files of a run that match, by their path in it."""
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.glob(pattern))}
