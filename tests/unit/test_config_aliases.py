"""Keys by their other names: the field's word is accessibility, and runs are known by openness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from raycre.config import PredictConfig, TrainConfig, make_config, read_config
from raycre.config.sweep import read_sweep
from raycre.errors import ConfigError

OLD: dict[str, Any] = {
    "run": {"out": "runs/a"},
    "inputs": {"fasta": "g.fa", "openness": ["a.bw", "b.bw"], "loops": "l.bedpe", "labels": "l.bed"},
    "model": {"modalities": ["sequence", "openness"], "log_openness": False},
    "recipe": {"openness": 0.5},
}
NEW: dict[str, Any] = {
    "run": {"out": "runs/a"},
    "inputs": {"fasta": "g.fa", "accessibility": ["a.bw", "b.bw"], "loops": "l.bedpe", "labels": "l.bed"},
    "model": {"modalities": ["sequence", "accessibility"], "log_accessibility": False},
    "recipe": {"accessibility": 0.5},
}


def write(path: Path, values: Any) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def test_a_run_by_either_name_is_one_run(tmp_path: Path) -> None:
    old, new = make_config(TrainConfig, OLD), read_config(TrainConfig, write(tmp_path / "a.yaml", NEW))
    assert new == old
    assert new.science() == old.science()
    assert new.paths().keys() == old.paths().keys()


def test_predict_takes_accessibility_too() -> None:
    inputs = {"fasta": "g.fa", "accessibility": "a.bw", "regions": "r.bed"}
    made = make_config(PredictConfig, {"run": {"out": "p"}, "inputs": inputs, "model": {"checkpoint": "t"}})
    assert made.inputs.openness == (Path("a.bw"),)


def test_a_value_on_the_command_line_wins_by_either_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", OLD)
    made = read_config(TrainConfig, path, ["recipe.accessibility=0.25", "inputs.accessibility=[c.bw]"])
    assert (made.recipe.openness, made.inputs.openness) == (0.25, (Path("c.bw"),))


def test_both_names_at_once_are_refused(tmp_path: Path) -> None:
    values = {**OLD, "recipe": {"openness": 1, "accessibility": 2}}
    with pytest.raises(ConfigError, match=r"recipe\.accessibility and recipe\.openness are one key"):
        read_config(TrainConfig, write(tmp_path / "a.yaml", values))


def test_a_mistake_is_shown_at_the_line_of_the_name_that_was_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", {**NEW, "recipe": {"accessibility": -1}})
    with pytest.raises(ConfigError, match=r"recipe\.openness: takes a number of 0 or more") as found:
        read_config(TrainConfig, path)
    assert "accessibility: -1" in path.read_text().splitlines()[(found.value.line or 0) - 1]


def test_a_misspelt_other_name_is_near_it(tmp_path: Path) -> None:
    values = {**OLD, "inputs": {**OLD["inputs"], "accessiblity": "a.bw"}}
    with pytest.raises(ConfigError, match="did you mean accessibility"):
        read_config(TrainConfig, write(tmp_path / "a.yaml", values))


def test_a_sweep_names_its_folders_as_before(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", OLD)
    found = read_sweep(path, (), ["accessibility=0.1", "modalities=[sequence],[sequence, accessibility]"])
    assert [each.name for each in found] == [
        "openness=0.1,modalities=sequence",
        "openness=0.1,modalities=sequence+openness",
    ]
