"""Where paper and code differ: each difference can be set, the presets set them all, each does something."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from raycre.config import TrainConfig, make_config
from raycre.create.model.create import Create
from raycre.create.model.loss_weights import AUTHORS_CODE, LossWeights
from raycre.create.model.sizes import SIZES, Structure
from raycre.create.training import presets
from raycre.create.training.recipe import Folds, Recipe
from raycre.errors import ConfigError
from raycre.workflows.train.cost import cost_of
from raycre.workflows.train.plan import plan_of
from raycre.workflows.train.run import split_folds
from tests.paper_weights import PAPER


def config(**sections: Any) -> TrainConfig:
    values = {
        "run": {"out": "x"},
        "inputs": {"fasta": "g.fa", "openness": ["a.bw"], "loops": "l.bedpe", "labels": "l.bed"},
        **sections,
    }
    return make_config(TrainConfig, values)


def setting(made: TrainConfig, key: str) -> Any:
    value: Any = made
    for part in key.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("preset", presets.NAMES)
def test_a_preset_sets_every_difference(preset: str) -> None:
    made = config(recipe={"preset": preset})
    for row in presets.DIFFERENCES:
        assert setting(made, row.key) == getattr(row, preset), row.key


@pytest.mark.parametrize("row", presets.DIFFERENCES, ids=lambda row: row.key)
def test_every_difference_is_a_setting_of_its_own(row: presets.Difference) -> None:
    section, key = row.key.split(".")
    made = config(**{"recipe": {"preset": "reference"}, section: {key: row.paper}})
    if section == "recipe":
        made = config(recipe={"preset": "reference", key: row.paper})
    changed = [r.key for r in presets.DIFFERENCES if setting(made, r.key) != r.reference]
    assert changed == [row.key]


def test_presets_reach_the_recipe_and_the_network() -> None:
    reference, paper = (config(recipe={"preset": name}, model={"size": "tiny"}) for name in presets.NAMES)
    assert plan_of(reference).recipe.weights == AUTHORS_CODE
    assert plan_of(paper).recipe.weights == PAPER
    assert plan_of(paper).recipe.warmup_epochs == 0
    assert plan_of(paper).recipe.schedule == "constant"
    text = plan_of(paper).network.build()
    assert isinstance(text, Create)
    assert text.structure == Structure(
        pointwise=False, upsample_first=False, base_norm=False, smoothing=0.0, log_openness=False
    )
    code = plan_of(reference).network.build()
    assert isinstance(code, Create)
    assert code.structure == Structure()


def test_constants_of_the_paper_are_the_defaults() -> None:
    made = plan_of(config()).recipe
    assert (made.epochs, made.batch_size, made.learning_rate, made.patience) == (300, 1024, 5e-5, 20)
    assert (made.ratios, made.eval_ratio, made.stride) == ((5, 5, 3, 3, 1), 5, 10)
    weights = made.weights
    assert (weights.openness, weights.loops, weights.commitment) == (0.01, 0.1, 0.25)
    sizes = SIZES["paper"]
    assert (sizes.codes, sizes.splits, sizes.embedding, sizes.update_ratio) == (200, 16, 128, 0.01)


def test_every_setting_of_the_recipe_can_be_configured() -> None:
    names = {f.name for f in dataclasses.fields(Recipe)} | {f.name for f in dataclasses.fields(LossWeights)}
    assert names - {"weights"} == set(type(config().recipe).model_fields) - {"preset"}


def test_a_dry_run_counts_the_views_that_the_recipe_takes(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(5), 10)
    folds = split_folds(Folds(5), np.tile(np.arange(5), 10))
    table = pd.DataFrame({"label": labels})
    views, sizes = {}, {}
    for preset in presets.NAMES:
        made = config(
            run={"out": tmp_path / "run"}, model={"size": "tiny", "modalities": ["openness"]}, folds={"n": 5},
            recipe={"preset": preset, "batch_size": 5, "epochs": 60, "ratios": [5, 5, 3, 3, 1]},
        )  # fmt: skip
        cost = cost_of(plan_of(made), folds, table, time.process_time())
        views[preset], sizes[preset] = cost["views_per_epoch_and_fold"], cost["bytes_of_inputs"]
    # 3 of 5 folds train: 6 regions of a class; every shift twice, or every shift and one complement.
    assert views == {"reference": 6 * 2 * (5 + 5 + 3 + 3 + 1), "paper": 6 * (6 + 6 + 4 + 4 + 2)}
    assert set(sizes.values()) == {50 * 1040 * (1 + 4)}  # codes, though they are not read, and one track


def test_original_is_for_baselines() -> None:
    with pytest.raises(ConfigError, match="original is for baselines"):
        config(recipe={"preset": "original"})


@pytest.mark.parametrize(
    "change",
    [{"pointwise": False}, {"upsample_first": False}, {"base_norm": False}, {"latent": "continuous"}],
    ids=str,
)
def test_every_structure_trains_and_classes(change: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = Create(SIZES["tiny"], structure=Structure(**change))
    x, labels = torch.rand(6, 6, 1000), torch.arange(6) % 5
    for warming_up in (True, False):
        step = model.losses(x, labels, AUTHORS_CODE, warming_up)
        assert torch.isfinite(step.total)
        step.total.backward()
    model.eval()
    with torch.no_grad():
        first, again = model.classify(x), model.classify(x)
    assert first.shape == (6, 5)
    assert torch.equal(first, again)  # no draw of the continuous latent space in evaluation
    assert Create.from_description(model.describe()).state_dict().keys() == model.state_dict().keys()


def test_the_papers_decoder_order_is_its_definition() -> None:
    torch.manual_seed(0)
    model = Create(SIZES["tiny"], structure=Structure(upsample_first=False)).eval()
    z = torch.randn(2, 26, SIZES["tiny"].embedding)
    h = z.transpose(1, 2)
    for layer, length in ((model.decoder3, 60), (model.decoder2, 248)):
        h = torch.nn.functional.conv_transpose1d(h, layer.weight, layer.bias, padding=4)
        h = torch.nn.functional.interpolate(h, size=length, mode="linear", align_corners=False).relu()
    head = model.heads["openness"]
    h = torch.nn.functional.conv_transpose1d(
        h, head.get_parameter("weight"), head.get_parameter("bias"), padding=4
    )
    wanted = torch.nn.functional.interpolate(h, size=1000, mode="linear", align_corners=False).relu()
    with torch.no_grad():
        torch.testing.assert_close(model.decode(z)[:, 4:5], wanted, atol=1e-5, rtol=1e-5)


def test_the_papers_decoder_order_needs_no_kernel_that_a_gpu_has_in_no_fixed_order() -> None:
    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            called.append(str(func))
            return func(*args, **(kwargs or {}))

    called: list[str] = []
    model = Create(SIZES["tiny"], structure=Structure(upsample_first=False))
    with Names():
        model.decode(torch.randn(2, 26, SIZES["tiny"].embedding)).sum().backward()
    assert any("convolution_backward" in name for name in called)
    assert not [name for name in called if "upsample" in name]  # torch refuses its gradient on a GPU


def test_codes_that_nobody_chose_stay_where_they_are_without_smoothing() -> None:
    torch.manual_seed(0)
    model = Create(SIZES["tiny"], structure=Structure(smoothing=0.0)).train()
    model.quantizer.cluster_size.zero_()
    before = model.quantizer.codebook.clone()
    output = model(torch.rand(2, 6, 1000))
    assert output.codes is not None
    unused = torch.bincount(output.codes.flatten(), minlength=len(before)) == 0
    after = model.quantizer.codebook
    assert unused.any()
    assert torch.equal(after[unused], before[unused])
    assert torch.isfinite(after).all()  # type: ignore[arg-type]


def test_relative_start_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config(model={"init": "w.pth"}).model.init == tmp_path / "w.pth"


@pytest.mark.parametrize(
    ("model", "recipe", "said"),
    [
        ({"kind": "deepsea", "codebook": {"K": 50}}, {}, r"model\.codebook\.K would do nothing: deepsea"),
        ({"kind": "danq", "latent": "continuous"}, {}, r"model\.latent would do nothing"),
        ({"kind": "danq"}, {"commitment": 0.5}, r"recipe\.commitment would do nothing"),
        ({"latent": "continuous", "codebook": {"K": 50}}, {}, "has no codebook"),
        ({}, {"momentum": 0.9}, "momentum is of sgd"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(
    model: dict[str, Any], recipe: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        config(model=model, recipe=recipe)


def test_a_baseline_takes_the_shared_part_of_a_configuration_of_create() -> None:
    both = {"preset": "paper", "warmup_epochs": 2, "learning_rate": 1e-3}
    made = config(model={"kind": "deepsea", "modalities": ["sequence", "openness"]}, recipe=both)
    assert made.model.modalities == ("sequence",)
    assert (made.recipe.warmup_epochs, made.recipe.learning_rate) == (0, 1e-3)
    again = TrainConfig.model_validate(made.model_dump(mode="json"))  # as run.json has it
    assert again == made
