"""Training the baselines: same bits again, resumed or not, what their own recipes do, and that they learn."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from raycre.config import TrainConfig, make_config
from raycre.create.baselines.deepicsh import DeepIcsh
from raycre.create.fold_data import FoldData
from raycre.create.layout import CLASSES, MODALITIES, WIDTH
from raycre.create.model.declaration import declared
from raycre.create.names import BUILT_IN
from raycre.create.training import epoch as training
from raycre.create.training.fold import FoldState
from raycre.create.training.recipe import Recipe
from raycre.create.training.schedule import limit_norms
from raycre.create.views import both_strands
from raycre.errors import ConfigError
from raycre.workflows.train.plan import plan_of

BASELINES = [kind for kind in BUILT_IN if kind != "create"]
SEED = 5
SHORT = Recipe(
    epochs=4, warmup_epochs=0, batch_size=20, learning_rate=2e-3, ratios=(1, 1, 1, 1, 1), eval_ratio=1
)


@pytest.fixture(autouse=True)
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def regions(n: int, coded_in: str = "openness") -> FoldData:
    """Random regions whose class is the height of openness, or a motif planted on either strand's reading."""
    random = np.random.default_rng(2)
    labels = np.arange(n) % len(CLASSES)
    codes = random.integers(0, 4, (n, WIDTH)).astype(np.uint8)
    openness = np.zeros((n, WIDTH), np.float32)
    if coded_in == "openness":
        openness += (10.0 ** labels[:, None] - 1).astype(np.float32)
    else:
        motifs = random.integers(0, 4, (len(CLASSES), 12)).astype(np.uint8)
        for row, label in zip(codes, labels, strict=True):
            for start in range(0, WIDTH - 40, 40):
                at = start + random.integers(0, 15)
                row[at : at + 12] = motifs[label]
                row[at + 13 : at + 25] = 3 - motifs[label][::-1]
    rows = np.arange(n)
    return FoldData(
        codes=codes,
        openness=openness,
        loops=np.zeros((n, WIDTH), dtype=np.uint8),
        labels=labels,
        train=rows[: 3 * n // 5],
        validation=rows[3 * n // 5 : 4 * n // 5],
        test=rows[4 * n // 5 :],
    )


def start(kind: str, recipe: Recipe = SHORT) -> FoldState:
    make = partial(declared(kind).make, "tiny", declared(kind).reads, len(CLASSES))
    return training.start_fold(0, recipe, SEED, make)


def bits(module: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in module.state_dict().items()}


@pytest.mark.parametrize("kind", BASELINES)
def test_fold_resumed_has_the_bits_of_an_undisturbed_one(kind: str) -> None:
    # Two epochs of warm-up for DeepICSH: the first interruption falls between them.
    recipe = replace(SHORT, warmup_epochs=2 if declared(kind).warmup_epochs else 0, optimizer="rmsprop")
    data, undisturbed, resumed = regions(50), start(kind, recipe), start(kind, recipe)
    for _ in range(recipe.epochs):
        training.step_epoch(undisturbed, data, SEED)
        training.step_epoch(resumed, data, SEED)
        file = io.BytesIO()
        torch.save(resumed.state_dict(), file)
        file.seek(0)
        resumed = start(kind, recipe)
        resumed.load_state_dict(torch.load(file, weights_only=True))
    assert bits(resumed.model) == bits(undisturbed.model)
    assert str(resumed.history) == str(undisturbed.history)
    assert bits(start(kind).model) != bits(undisturbed.model)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "coded_in", "epochs"),
    [
        ("deepsea", "motifs", 5),
        ("danq", "motifs", 4),
        ("es-transition", "motifs", 6),
        ("deepicsh", "openness", 12),
    ],
)
def test_baseline_learns_what_it_can_read(kind: str, coded_in: str, epochs: int) -> None:
    data = regions(150, coded_in)
    warmup = 2 if declared(kind).warmup_epochs else 0
    state = start(kind, replace(SHORT, epochs=epochs + warmup, warmup_epochs=warmup))
    records = [training.train_epoch(state, data, epoch, SEED) for epoch in range(state.recipe.epochs)]
    found = training.evaluate(state.model, data, data.test, both_strands(1))
    assert (found.argmax(1) == data.labels[data.test]).mean() > 0.6  # chance is 0.2
    assert records[-1]["cross_entropy"] < 0.5 * records[warmup]["cross_entropy"]
    assert np.isnan(records[-1]["perplexity"])


def test_deepsea_keeps_every_row_within_its_norm_after_every_step() -> None:
    state = start("deepsea", replace(SHORT, **declared("deepsea").original))
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter.mul_(2)
    before, after = [], []
    step = state.optimizer.step

    def spy() -> None:
        before.append(norms(state.model).max().item())
        step()
        after.append(norms(state.model).max().item())

    state.optimizer.step = spy  # type: ignore[method-assign,assignment]
    training.train_epoch(state, regions(100), 0, SEED)
    assert len(before) == 8  # 120 views, 16 at once, the last 8 too
    assert before[0] > 1
    assert max(*before[1:], norms(state.model).max().item()) <= 0.9 + 1e-6
    assert min(after) > 0.9 + 1e-6  # each step needed it


def norms(model: nn.Module) -> torch.Tensor:
    weights = [m.weight.detach() for m in model.modules() if isinstance(m, nn.Conv1d | nn.Linear)]
    assert len(weights) == 5
    return torch.cat([torch.linalg.vector_norm(weight.flatten(1), dim=1) for weight in weights])


def test_norm_limit_scales_long_rows_and_leaves_short_ones() -> None:
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
    limit_norms(layer, 0.9)
    torch.testing.assert_close(layer.weight.detach(), torch.tensor([[0.54, 0.72], [0.3, 0.4]]))


def test_warm_up_trains_the_autoencoder_alone_and_then_it_is_frozen() -> None:
    state = start("deepicsh", replace(SHORT, warmup_epochs=2, weight_decay=0.1))
    assert isinstance(state.model, DeepIcsh)
    data, models = regions(50), [bits(state.model)]
    for _ in range(4):
        training.step_epoch(state, data, SEED)
        models.append(bits(state.model))
    for epoch, (before, after) in enumerate(pairwise(models)):
        moved = {name.split(".")[0] for name in before if after[name] != before[name]}
        others = {"attention", "convs", "dense", "head", "hidden"}
        assert moved == ({"autoencoder"} if epoch < 2 else others)
    assert set(state.history[0]) >= {"counts", "loss"}
    assert "counts" not in state.history[2]


def test_autoencoder_learns_to_rebuild_counts() -> None:
    state = start("deepicsh", replace(SHORT, epochs=8, warmup_epochs=7, learning_rate=5e-3))
    data = regions(100)
    losses = [training.train_epoch(state, data, epoch, SEED)["counts"] for epoch in range(7)]
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("kind", BASELINES)
def test_forward_in_bfloat16_is_finite_and_trains(kind: str) -> None:
    recipe = replace(SHORT, precision="bfloat16", warmup_epochs=1 if declared(kind).warmup_epochs else 0)
    state, data = start(kind, recipe), regions(50)
    for epoch in range(2):
        assert np.isfinite(training.train_epoch(state, data, epoch, SEED)["loss"])


def config(
    kind: str, preset: str = "matched", modalities: tuple[str, ...] = MODALITIES, **recipe: Any
) -> TrainConfig:
    return make_config(
        TrainConfig,
        {
            "run": {"out": "runs/x"},
            "inputs": {"fasta": "a.fa", "openness": ["a.bw"], "loops": "l.bedpe", "labels": "l.bed"},
            "model": {"kind": kind, "size": "tiny", "modalities": list(modalities)},
            "recipe": {"preset": preset, **recipe},
        },
    )


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baselines_own_recipe_is_settings_that_the_configuration_takes(kind: str) -> None:
    own = declared(kind).original
    assert set(own) <= {field.name for field in fields(Recipe)}
    found = plan_of(config(kind, "original")).recipe
    assert {name: getattr(found, name) for name in own} == dict(own)
    assert found.schedule == "constant"
    assert plan_of(config(kind, "original", batch_size=7)).recipe.batch_size == 7


# BASELINES' tables: what the authors' sources say of the optimiser.
@pytest.mark.parametrize(
    ("kind", "published"),
    [
        (
            "deepsea",
            {"optimizer": "sgd", "momentum": 0.9, "decay": 8e-7, "weight_decay": 1e-6, "batch_size": 16},
        ),
        ("danq", {"optimizer": "rmsprop", "batch_size": 100, "epochs": 60, "patience": 5}),
        ("es-transition", {"optimizer": "adam", "batch_size": 256, "epochs": 200, "patience": 10}),
        ("deepicsh", {"optimizer": "adam", "learning_rate": 1e-3, "decay": 1e-4, "batch_size": 64}),
        ("deepicsh", {"warmup_rate": 1e-4, "warmup_decay": 1e-6}),
    ],
)
def test_own_recipes_are_as_published(kind: str, published: dict[str, Any]) -> None:
    found = plan_of(config(kind, "original")).recipe
    assert {name: getattr(found, name) for name in published} == published


@pytest.mark.parametrize("kind", BASELINES)
def test_matched_recipe_is_creates_but_for_the_warm_up(kind: str) -> None:
    warmup = declared(kind).warmup_epochs
    ours = config("create", "reference")
    assert plan_of(config(kind)).recipe == replace(plan_of(ours).recipe, warmup_epochs=warmup)


def test_one_configuration_gives_each_model_what_it_reads() -> None:
    assert {kind: plan_of(config(kind)).network.build().modalities for kind in BASELINES} == {
        "deepsea": ("sequence",),
        "danq": ("sequence",),
        "es-transition": ("sequence",),
        "deepicsh": MODALITIES,
    }


@pytest.mark.parametrize("kind", ["deepsea", "danq", "es-transition"])
def test_modalities_that_a_baseline_cannot_read_are_refused_and_not_replaced(kind: str) -> None:
    assert config(kind, modalities=("sequence", "loops")).model.modalities == ("sequence",)
    with pytest.raises(ConfigError, match=f"{kind} reads sequence, and model.modalities has none of it"):
        config(kind, modalities=("openness", "loops"))


def test_deepicsh_without_a_track_or_a_warm_up_is_no_configuration() -> None:
    with pytest.raises(ConfigError, match="deepicsh must have openness or loops"):
        config("deepicsh", modalities=("sequence",))
    with pytest.raises(ConfigError, match="deepicsh must have sequence"):
        config("deepicsh", modalities=("openness",))
    with pytest.raises(ConfigError, match=r"recipe\.warmup_epochs: at least 1"):
        config("deepicsh", warmup_epochs=0)
    with pytest.raises(ConfigError, match=r"warm.?up"):
        plan_of(config("deepicsh", epochs=10))
