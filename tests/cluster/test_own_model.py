"""A model of regions of a user's own package, by its name, through the command line and the real engine.

The model is `tests/own_package/lab_parts/gc_and_signal.py`, which is written to be read as an example.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from raycre.create.inference.checkpoints import WEIGHTS, fold_folder
from raycre.create.model.weight_files import DESCRIPTION
from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from tests.conftest import ROOT, predict_values, train_values
from tests.installed import install

Raycre = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def raycre(tmp_path_factory: pytest.TempPathFactory) -> Raycre:
    """The command line, where the example package is installed."""
    site = install(tmp_path_factory.mktemp("site"))
    env = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"PYTHONPATH": str(site)}

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "raycre.cli", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    return run


@pytest.fixture(scope="module")
def config(genome: DemoGenome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training of two epochs of all that the model can read."""
    folder = tmp_path_factory.mktemp("own")
    values = train_values(genome, folder / "train") | {"model": "gc-and-signal"}
    values["recipe"] = {"preset": "original", "epochs": 2, "eval_ratio": 1, "ratios": [1] * 5}
    (folder / "train.yaml").write_text(yaml.safe_dump(values))
    return folder / "train.yaml"


def test_the_name_is_known_and_one_that_is_near_is_told_it(raycre: Raycre, config: Path) -> None:
    assert "gc-and-signal" in raycre("train", "--help").stdout
    ended = raycre("train", "-c", config, "--set", "model=gc-and-signl")
    assert ended.returncode == 2
    assert "deepicsh or gc-and-signal; did you mean gc-and-signal?" in ended.stderr.replace("\n", " ")
    ended = raycre("train", "-c", config, "--set", "model.modalities=[loops]")
    assert ended.returncode == 2
    assert "gc-and-signal reads sequence, openness" in ended.stderr
    assert not (config.parent / "train").exists()


def test_a_dry_run_counts_it_with_its_own_recipe(raycre: Raycre, config: Path) -> None:
    ended = raycre("train", "-c", config, "--dry-run", "--json")
    assert ended.returncode == 0, ended.stderr
    cost = json.loads(ended.stdout)
    assert (cost["folds"], cost["epochs_at_most"]) == (3, 2)
    assert cost["flops_at_most"] > 0
    assert not (config.parent / "train").exists()


def test_it_trains_its_run_predicts_and_the_report_draws_both(
    raycre: Raycre, config: Path, genome: DemoGenome
) -> None:
    folder = config.parent
    ended = raycre("train", "-c", config)
    assert ended.returncode == 0, ended.stderr
    record = read_json(folder / "train" / "run.json")
    assert (record["recipe"]["learning_rate"], record["recipe"]["batch_size"]) == (1e-2, 32)  # its own
    with safe_open(fold_folder(folder / "train", 0) / WEIGHTS, "pt") as file:
        about = json.loads(file.metadata()[DESCRIPTION])
        assert file.get_tensor("hidden.weight").shape == (32, 20)  # ten bins of two rows
    assert about == {
        "kind": "gc-and-signal", "modalities": ["sequence", "openness"], "hidden": 32, "outputs": 5,
    }  # fmt: skip

    values = predict_values(genome, folder / "train", folder / "predict")
    (folder / "predict.yaml").write_text(yaml.safe_dump(values))
    ended = raycre("predict", "-c", folder / "predict.yaml")
    assert ended.returncode == 0, ended.stderr
    rows = pd.read_parquet(folder / "predict" / "predictions")
    assert rows["p_enhancer"].between(0, 1).all()
    assert rows["p_enhancer"].nunique() > 1

    ended = raycre("report", folder / "train", folder / "predict", "--out", folder / "page.html")
    assert ended.returncode == 0, ended.stderr
    page = (folder / "page.html").read_text()
    assert "gc-and-signal" in page
    assert page.count("<svg") > 2
