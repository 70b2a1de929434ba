"""A model of regions of a user's own package, by its name, through the command line and the real engine.

The model is `tests/own_package/lab_parts/gc_and_signal.py`, which is written to be read as an example.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from raycre.create.inference.checkpoints import WEIGHTS, fold_folder
from raycre.create.model.weight_files import DESCRIPTION
from raycre.demo.genome import DemoGenome
from raycre.store.files import read_json
from tests.command_lines import Ended, run_lines
from tests.conftest import predict_values, train_values
from tests.installed import install


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def ended(genome: DemoGenome, folder: Path) -> Mapping[str, Ended]:
    """What command lines came to, of a training of two epochs on all that the model can read and after it."""
    values = train_values(genome, folder / "train") | {"model": "gc-and-signal"}
    values["recipe"] = {"preset": "original", "epochs": 2, "eval_ratio": 1, "ratios": [1] * 5}
    (folder / "train.yaml").write_text(yaml.safe_dump(values))
    values = predict_values(genome, folder / "train", folder / "predict")
    (folder / "predict.yaml").write_text(yaml.safe_dump(values))
    train = ("train", "-c", folder / "train.yaml")
    elsewhere = ("--set", f"run.out={folder / 'nothing'}")
    return run_lines(
        install(folder / "site"),
        {
            "help": ("train", "--help"),
            "near": (*train, *elsewhere, "--set", "model=gc-and-signl"),
            "modality": (*train, *elsewhere, "--set", "model.modalities=[loops]"),
            "dry run": (*train, *elsewhere, "--dry-run", "--json"),
            "train": train,
            "predict": ("predict", "-c", folder / "predict.yaml"),
            "report": ("report", folder / "train", folder / "predict", "--out", folder / "page.html"),
        },
    )


def test_the_name_is_known_and_one_that_is_near_is_told_it(ended: Mapping[str, Ended], folder: Path) -> None:
    assert "gc-and-signal" in ended["help"].stdout
    near = ended["near"]
    assert near.returncode == 2
    assert "deepicsh or gc-and-signal; did you mean gc-and-signal?" in near.stderr.replace("\n", " ")
    assert ended["modality"].returncode == 2
    assert "gc-and-signal reads sequence, openness" in ended["modality"].stderr
    assert not (folder / "nothing").exists()


def test_a_dry_run_counts_it_with_its_own_recipe(ended: Mapping[str, Ended]) -> None:
    assert ended["dry run"].returncode == 0, ended["dry run"].stderr
    cost = json.loads(ended["dry run"].stdout)
    assert (cost["folds"], cost["epochs_at_most"]) == (3, 2)
    assert cost["flops_at_most"] > 0


def test_it_trains_its_run_predicts_and_the_report_draws_both(
    ended: Mapping[str, Ended], folder: Path
) -> None:
    assert ended["train"].returncode == 0, ended["train"].stderr
    record = read_json(folder / "train" / "run.json")
    assert (record["recipe"]["learning_rate"], record["recipe"]["batch_size"]) == (1e-2, 32)  # its own
    with safe_open(fold_folder(folder / "train", 0) / WEIGHTS, "pt") as file:
        about = json.loads(file.metadata()[DESCRIPTION])
        assert file.get_tensor("hidden.weight").shape == (32, 20)  # ten bins of two rows
    assert about == {
        "kind": "gc-and-signal", "modalities": ["sequence", "openness"], "hidden": 32, "outputs": 5,
    }  # fmt: skip

    assert ended["predict"].returncode == 0, ended["predict"].stderr
    rows = pd.read_parquet(folder / "predict" / "predictions")
    assert rows["p_enhancer"].between(0, 1).all()
    assert rows["p_enhancer"].nunique() > 1

    assert ended["report"].returncode == 0, ended["report"].stderr
    page = (folder / "page.html").read_text()
    assert "gc-and-signal" in page
    assert page.count("<svg") > 2
