"""Models of regions that installed packages declare: known by name, and named where they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from raycre.config import TrainConfig, make_config
from raycre.create import names
from raycre.create.layout import WIDTH
from raycre.create.model.declaration import declared, make, rebuild
from raycre.create.model.weight_files import read_model, write_model
from raycre.errors import CheckpointError, ConfigError
from tests.installed import install

SIGNALS = {"fasta": "g.fa", "labels": "l.bed", "openness": ["o.bw"], "loops": "l.bedpe"}


def train(**more: Any) -> TrainConfig:
    return make_config(TrainConfig, {"run": {"out": "x"}, "inputs": SIGNALS, **more})


def register(site: Path, monkeypatch: pytest.MonkeyPatch, points: str) -> None:
    """A package that registers these models, as `pip install` leaves it."""
    info = site / "spoilt-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: spoilt\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[raycre.models]\n{points}\n")
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example package of `tests/own_package`."""
    monkeypatch.syspath_prepend(install(tmp_path / "site"))


@pytest.mark.usefixtures("installed")
def test_its_name_is_a_kind_with_its_own_recipe_and_what_it_reads() -> None:
    config = train(model="gc-and-signal", recipe={"preset": "original"})
    assert config.model.modalities == ("sequence", "openness")
    assert (config.recipe.learning_rate, config.recipe.batch_size, config.recipe.warmup_epochs) == (
        1e-2,
        32,
        0,
    )
    assert config.science()["model"]["kind"] == "gc-and-signal"
    with pytest.raises(ConfigError, match=r"deepicsh or gc-and-signal; did you mean gc-and-signal\?"):
        train(model="gc-signal")
    with pytest.raises(ConfigError, match=r"model\.modalities of gc-and-signal must have sequence"):
        train(model={"kind": "gc-and-signal", "modalities": ["openness"]})
    with pytest.raises(ConfigError, match=r"recipe\.norms would do nothing: gc-and-signal has no such part"):
        train(model="gc-and-signal", recipe={"norms": 9})


@pytest.mark.usefixtures("installed")
def test_its_weights_are_read_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = make("gc-and-signal", "tiny", ("sequence",), ("enhancer", "background")).eval()
    write_model(tmp_path / "w.safetensors", model)
    again, x = read_model(tmp_path / "w.safetensors"), torch.rand(3, 4, WIDTH)
    assert (again.kind, again.modalities, again.classes) == (model.kind, model.modalities, model.classes)
    assert torch.equal(again.classify(x), model.classify(x))


def test_without_the_package_its_weights_are_of_no_known_model() -> None:
    with pytest.raises(CheckpointError, match="a model that is not one of create, deepsea") as caught:
        rebuild("gc-and-signal", {})
    assert caught.value.value == "gc-and-signal"


@pytest.mark.parametrize(
    ("points", "name", "message"),
    [
        (
            "danq = math:pi",
            "danq",
            "math:pi of spoilt registers a model of regions that raycre has; rename it",
        ),
        ("lost = no_such_module:MODEL", "lost", "of spoilt cannot be imported .*update or remove it"),
        ("number = math:pi", "number", "math:pi of spoilt is no RegionModel"),
        (
            "other = raycre.create.baselines.danq:MODEL",
            "other",
            "declares the model danq; give both one name",
        ),
    ],
)
def test_an_entry_point_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, points: str, name: str, message: str
) -> None:
    register(tmp_path, monkeypatch, points)
    with pytest.raises(ConfigError, match=message):
        declared(name)
    with pytest.raises(ConfigError, match=message):
        train(model=name)


def test_a_name_that_nothing_declares_is_answered_with_those_that_are_near() -> None:
    with pytest.raises(ConfigError, match="no such model; did you mean deepsea"):
        declared("deepse")
    assert names.known()[: len(names.BUILT_IN)] == list(names.BUILT_IN)
