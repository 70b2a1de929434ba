"""Classes that are not equally many: shifts by class, weights in the cross-entropy, or neither."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from raycre.config import TrainConfig, make_config
from raycre.config.sweep import read_sweep
from raycre.create.baselines.parts import class_step
from raycre.create.fold_data import FoldData
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.declaration import declared, make
from raycre.create.model.loss_weights import AUTHORS_CODE
from raycre.create.model.losses import class_error, class_weights
from raycre.create.names import BUILT_IN
from raycre.create.training import epoch as training
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, RunMismatchError
from raycre.genome.folds import split
from raycre.report.page import write_report
from raycre.store.files import read_json
from raycre.workflows.train.plan import plan_of
from raycre.workflows.train.run import run_train
from tests.conftest import train_values
from tests.lab import Lab, RayStartedError
from tests.unit.test_create_recipe import NANO, SEED, SHORT, bits, regions, start
from tests.unit.test_train_bad_input import rows_of, spoilt

COUNTS = np.array([1, 1, 2, 4, 8])  # of 16 regions of 5 classes
WEIGHTS = [3.2, 3.2, 1.6, 0.8, 0.4]  # 16 / (5 · count)


def uneven() -> FoldData:
    """Twenty training regions, silencers and enhancers rare, as WEIGHTS and four more backgrounds."""
    data = regions()
    data.labels[data.train] = np.repeat(np.arange(5), [1, 1, 2, 4, 12])
    return data


def test_weights_are_inverse_frequencies_whose_mean_over_regions_is_one() -> None:
    found = class_weights(COUNTS)
    np.testing.assert_allclose(found, WEIGHTS, rtol=1e-6)
    assert (found * COUNTS).sum() / COUNTS.sum() == pytest.approx(1)
    assert class_weights(np.array([7, 7, 7])).tolist() == [1, 1, 1]


def test_each_windows_error_counts_by_the_weight_of_its_class() -> None:
    # Probabilities 1/4 and 3/4: errors ln 4 of class 0, ln(4/3) of class 1.
    logits = torch.tensor([[0.0, math.log(3)]]).expand(4, 2)
    labels, weights = torch.tensor([0, 1, 1, 1]), torch.from_numpy(class_weights(np.array([1, 3])))
    assert weights.tolist() == pytest.approx([2, 2 / 3])
    expected = (2 * math.log(4) + 3 * (2 / 3) * math.log(4 / 3)) / 4
    assert class_error(logits, labels, False, weights).item() == pytest.approx(expected)
    assert class_error(logits, labels, True, weights).item() == pytest.approx(expected / 2)
    assert class_step(logits, labels, weights).total.item() == pytest.approx(expected)
    # Halves of a batch average to the batch: workers may share it.
    halves = [class_error(logits[i : i + 2], labels[i : i + 2], False, weights).item() for i in (0, 2)]
    assert np.mean(halves) == pytest.approx(expected)


def test_weights_touch_the_cross_entropy_alone() -> None:
    torch.manual_seed(0)
    model = Create(NANO).eval()
    x, labels, weights = torch.rand(3, 6, 1000), torch.tensor([0, 1, 4]), torch.tensor(WEIGHTS)
    plain = model.losses(x, labels, AUTHORS_CODE, False).terms
    weighted = model.losses(x, labels, AUTHORS_CODE, False, weights).terms
    assert {k for k in plain if not torch.equal(plain[k], weighted[k])} == {"cross_entropy"}
    errors = torch.nn.functional.cross_entropy(model.classify(x), labels, reduction="none")
    expected = (errors * torch.tensor([3.2, 3.2, 0.4])).mean()
    torch.testing.assert_close(weighted["cross_entropy"], expected)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_kind_of_model_takes_weights(kind: str) -> None:
    torch.manual_seed(0)
    model = make(kind, "tiny", declared(kind).reads).eval()
    rows = {"sequence": 4, "openness": 1, "loops": 1}
    x = torch.zeros(2, sum(rows[m] for m in model.modalities), 1000)
    x[:, 0] = 1
    labels, weights = torch.tensor([0, 4]), torch.tensor(WEIGHTS)
    once = model.losses(x, labels, AUTHORS_CODE, False).terms["cross_entropy"]
    twice = model.losses(x, labels, AUTHORS_CODE, False, 2 * torch.ones(5)).terms["cross_entropy"]
    torch.testing.assert_close(twice, 2 * once)
    other = model.losses(x, labels, AUTHORS_CODE, False, weights).terms["cross_entropy"]
    assert other.item() != once.item()


def test_an_epoch_takes_the_weights_of_its_whole_training_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    whole = Create.losses

    def watched(self: Create, *arguments: Any, **named: Any) -> Any:
        given.append(named.get("by_class"))
        return whole(self, *arguments, **named)

    monkeypatch.setattr(Create, "losses", watched)
    data = uneven()  # 20 regions: 20 / (5 · count)
    training.train_epoch(start(replace(SHORT, balance="weights", batch_size=10)), data, 1, SEED)
    assert len(given) == 4  # 40 views, though a batch of 10 has 5 regions of some classes only
    for weights in given:
        np.testing.assert_allclose(weights, [4, 4, 2, 1, 1 / 3], rtol=1e-6)
    given.clear()
    training.train_epoch(start(replace(SHORT, balance="none")), data, 1, SEED)
    assert given == [None, None]


def test_neither_is_shifts_of_one_and_equal_classes_weigh_one() -> None:
    found = {}
    balance: Any
    for balance in ("shifts", "none", "weights"):
        state = start(replace(SHORT, balance=balance))
        training.step_epoch(state, regions(), SEED)
        training.step_epoch(state, regions(), SEED)
        found[balance] = state
    assert bits(found["none"].model) == bits(found["shifts"].model)
    # Four regions of each class in training: weights of 1, added up in another order.
    for name, tensor in found["weights"].model.state_dict().items():
        torch.testing.assert_close(tensor, found["shifts"].model.state_dict()[name], rtol=1e-3, atol=1e-5)


# Configuration


def config_of(genome: DemoGenome, out: Path, **recipe: Any) -> TrainConfig:
    values = train_values(genome, out, **recipe)
    if "ratios" not in recipe:
        del values["recipe"]["ratios"]
    return make_config(TrainConfig, values)


def test_weights_and_none_have_one_shift_for_all_unless_more_are_given(
    genome: DemoGenome, tmp_path: Path
) -> None:
    assert plan_of(config_of(genome, tmp_path)).recipe.ratios == (5, 5, 3, 3, 1)
    for balance in ("weights", "none"):
        recipe = plan_of(config_of(genome, tmp_path, balance=balance)).recipe
        assert (recipe.balance, recipe.ratios) == (balance, (1, 1, 1, 1, 1))
        more = config_of(genome, tmp_path, balance=balance, ratios=[3, 3, 3, 3, 3])
        assert plan_of(more).recipe.ratios == (3, 3, 3, 3, 3)
        with pytest.raises(ConfigError, match=rf"balance the classes by shifts, and balance is {balance}"):
            config_of(genome, tmp_path, balance=balance, ratios=[5, 5, 3, 3, 1])


def test_the_balance_belongs_to_the_run_and_shifts_are_the_run_of_earlier_versions(
    lab: Lab,
) -> None:
    values = lab.values("train")
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    assert "recipe.balance" not in read_json(lab.out / "run.json")["identity"]
    values["recipe"]["balance"] = "none"
    with pytest.raises(RunMismatchError, match=r"recipe\.balance was None, is 'none'"):
        run_train(make_config(TrainConfig, values))


def test_a_sweep_can_hold_the_three_against_each_other(genome: DemoGenome, tmp_path: Path) -> None:
    values = train_values(genome, tmp_path / "run")
    del values["recipe"]["ratios"]
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(values))
    found = read_sweep(tmp_path / "train.yaml", (), ["balance=shifts,weights,none"])
    assert [s.name for s in found] == ["balance=shifts", "balance=weights", "balance=none"]
    assert [s.config.recipe.ratios for s in found] == [(5, 5, 3, 3, 1), (1,) * 5, (1,) * 5]


def test_the_weights_of_each_fold_are_noted_and_shown(lab: Lab) -> None:
    rows = rows_of(lab)
    silencers = [row for row in rows if row[3] == "silencer"]
    values = spoilt(lab, [row for row in rows if row not in silencers[12:]])
    values["recipe"]["balance"] = "weights"
    with pytest.raises(RayStartedError):
        lab.run("train", values)
    noted = read_json(lab.out / "run.json")["class_weights"]
    label, fold = (np.load(lab.out / "inputs" / f"{name}.npy") for name in ("label", "fold"))
    for k in range(3):
        counts = np.bincount(label[split(fold, k, 3).train], minlength=5)
        assert noted[str(k)] == pytest.approx(
            {c: counts.sum() / (5 * n) for c, n in zip(CLASSES, counts, strict=True)}
        )
        assert noted[str(k)]["silencer"] > 2 > 1 > noted[str(k)]["enhancer"]
    write_report([lab.out], lab.folder / "page.html")
    assert "weight in the loss" in (lab.folder / "page.html").read_text()
