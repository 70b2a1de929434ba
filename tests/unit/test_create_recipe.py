"""Training a fold: same bits when repeated or resumed, early stop, and named errors."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from raycre.create.evaluation import metrics
from raycre.create.fold_data import FoldData
from raycre.create.layout import CLASSES, WIDTH
from raycre.create.model.create import Create
from raycre.create.model.network import Network
from raycre.create.model.sizes import Sizes
from raycre.create.training import epoch as training
from raycre.create.training.fold import FoldState, Group
from raycre.create.training.recipe import Recipe
from raycre.create.views import Views, both_strands
from raycre.errors import ConfigError, LabelError, RaycreError

NANO = Sizes(
    sequence=4, signal=4, encoder2=8, encoder3=8, embedding=8, decoder3=4, decoder2=4, codes=10, splits=2,
    classifier=(16, 8), branch_dropout=0.0, encoder_dropout=0.1, classifier_dropout=0.1, initial_count=1.0,
)  # fmt: skip
SHORT = Recipe(
    epochs=3, warmup_epochs=1, batch_size=16, learning_rate=1e-3, ratios=(1, 1, 1, 1, 1), eval_ratio=1
)
SEED = 7


def regions(n: int = 40, flank: int = 0) -> FoldData:
    """Random sequence; openness tells the classes apart, so that a few steps learn something."""
    random = np.random.default_rng(0)
    width = WIDTH + 2 * flank
    labels = np.arange(n) % len(CLASSES)
    openness = np.repeat((10.0 ** labels[:, None] - 1).astype(np.float32), width, axis=1)
    rows = np.arange(n)
    return FoldData(
        codes=random.integers(0, 5, (n, width)).astype(np.uint8),
        openness=openness,
        loops=np.zeros((n, width), dtype=np.uint8),
        labels=labels,
        train=rows[: n // 2],
        validation=rows[n // 2 : 3 * n // 4],
        test=rows[3 * n // 4 :],
    )


def start(recipe: Recipe = SHORT, fold: int = 0) -> FoldState:
    return training.start_fold(fold, recipe, SEED, lambda: Create(NANO))


def bits(model: Network) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in model.state_dict().values()]


def test_fold_resumed_from_a_checkpoint_has_the_bits_of_an_undisturbed_one() -> None:
    data, undisturbed, before = regions(), start(), start()
    for _ in range(SHORT.epochs):
        training.step_epoch(undisturbed, data, SEED)
    training.step_epoch(before, data, SEED)
    file = io.BytesIO()
    torch.save(before.state_dict(), file)
    training.step_epoch(before, data, SEED)  # lost with the worker: the epoch is run again below
    file.seek(0)
    resumed = start()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    while not resumed.finished:
        training.step_epoch(resumed, data, SEED)
    assert bits(resumed.model) == bits(undisturbed.model)
    assert str(resumed.history) == str(undisturbed.history)
    assert resumed.best_auprc == undisturbed.best_auprc


def test_seed_and_fold_decide_the_start_and_the_epochs() -> None:
    assert bits(start().model) == bits(start().model)
    assert bits(start(fold=1).model) != bits(start().model)
    data, one, other = regions(), start(), start()
    training.train_epoch(one, data, 0, SEED)
    training.train_epoch(other, data, 0, SEED + 1)
    assert bits(one.model) != bits(other.model)


def test_checkpoint_of_another_fold_is_refused() -> None:
    with pytest.raises(RaycreError, match="fold 0 cannot continue fold 1"):
        start(fold=1).load_state_dict(start().state_dict())


def test_warm_up_moves_the_encoder_and_leaves_the_classifier() -> None:
    state = start()
    before = {name: p.detach().clone() for name, p in state.model.named_parameters()}
    report = training.step_epoch(state, regions(), SEED)
    moved = {name for name, p in state.model.named_parameters() if not torch.equal(p, before[name])}
    assert not [name for name in moved if name.startswith("classifier")]
    assert "encoder2.weight" in moved
    assert math.isnan(report.record["auprc"])
    assert not report.improved


def test_training_lowers_the_reconstruction_error() -> None:
    state, data = start(replace(SHORT, epochs=12, learning_rate=5e-3)), regions()
    records = [training.train_epoch(state, data, epoch, SEED) for epoch in range(8)]
    assert records[-1]["openness"] < 0.9 * records[0]["openness"]


def test_patience_ends_the_fold_and_the_best_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.3, 0.5, 0.5, 0.4, 0.9])
    monkeypatch.setattr(metrics, "macro", lambda _: next(scores))
    state, data = start(replace(SHORT, epochs=50, warmup_epochs=2, patience=2)), regions(20)
    reports, kept = [], []
    while not state.finished:
        reports.append(training.step_epoch(state, data, SEED))
        kept.append(bits(state.model))
    # Epochs 0 and 1 warm up; 0.3 and 0.5 improve; an equal 0.5 and 0.4 do not.
    assert [report.improved for report in reports] == [False, False, True, True, False, False]
    assert [report.stop for report in reports] == [False] * 5 + [True]
    assert (state.best_epoch, state.best_auprc) == (3, 0.5)
    assert [tensor.numpy().tobytes() for tensor in state.best_model.values()] == kept[3]


def test_last_epoch_ends_the_fold() -> None:
    state = start(replace(SHORT, epochs=1, warmup_epochs=0))
    assert training.step_epoch(state, regions(20), SEED).stop


def test_evaluation_is_the_mean_over_views_in_the_order_of_the_rows() -> None:
    data, model = regions(flank=20), start().model
    views, rows = both_strands(5), np.array([3, 1, 2])
    found = training.evaluate(model, data, rows, views, batch_size=2)
    each = [
        training.evaluate(model, data, rows, Views(views.offsets[[i]], views.is_rc[[i]]))
        for i in range(len(views.is_rc))
    ]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(found[1], training.evaluate(model, data, rows[1:2], views)[0], atol=1e-6)
    assert found.dtype == np.float32


def test_two_workers_share_each_batch_without_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[tuple[int, bool]]] = []
    inputs = FoldData.inputs

    def spy(self: FoldData, rows: np.ndarray, views: Views, *rest: object) -> torch.Tensor:
        seen.append(list(zip(rows.tolist(), views.is_rc.tolist(), strict=True)))
        return inputs(self, rows, views, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FoldData, "inputs", spy)
    data, recipe = regions(), replace(SHORT, batch_size=40)
    averaged: list[object] = []
    for rank in (0, 1):
        group = Group(rank, 2, lambda model: averaged.append(model.sizes.codes))
        training.train_epoch(start(recipe), data, 0, SEED, group)
    halves = [set(part) for part in seen]
    assert [len(half) for half in halves] == [20, 20]
    assert not halves[0] & halves[1]
    assert averaged == [10, 10]


def test_track_that_is_no_number_stops_training_and_names_the_term() -> None:
    data = regions()
    assert data.openness is not None
    data.openness[0, 500] = np.nan
    with pytest.raises(
        RaycreError, match=r"fold 0, epoch 0, batch \d+: the loss is not finite: .*openness is nan"
    ):
        training.step_epoch(start(), data, SEED)


def test_windows_without_the_flank_of_the_shifts_are_refused() -> None:
    with pytest.raises(ConfigError, match="past the window of 1,000 bp"):
        training.train_epoch(start(replace(SHORT, ratios=(5, 5, 3, 3, 1))), regions(), 0, SEED)


def test_recipe_knows_the_flank_of_its_largest_ratio() -> None:
    assert Recipe().flank == 20
    assert Recipe(ratios=(1, 1, 1, 1, 1), eval_ratio=1).flank == 0


def test_warm_up_has_a_rate_and_a_decay_of_its_own_and_each_phase_counts_its_steps() -> None:
    recipe = replace(SHORT, warmup_epochs=2, learning_rate=1e-3, decay=0.1)
    own = replace(recipe, warmup_rate=1e-4, warmup_decay=1.0)
    # Ten batches an epoch: batch 5 of epoch 1 is step 15 of warm-up, of epoch 3 step 15 of what follows.
    assert recipe.rate_at(1, 5, 10) == recipe.rate_at(3, 5, 10) == 1e-3 / 2.5
    assert own.rate_at(1, 5, 10) == 1e-4 / 16
    assert own.rate_at(3, 5, 10) == 1e-3 / 2.5
    state, data = start(replace(SHORT, warmup_rate=1e-4)), regions()
    rates = [training.step_epoch(state, data, SEED).record["learning_rate"] for _ in range(2)]
    assert rates == [1e-4, SHORT.learning_rate]
    assert state.optimizer.param_groups[0]["lr"] == SHORT.learning_rate


@pytest.mark.parametrize(
    "wrong", [{"warmup_epochs": 300}, {"batch_size": 0}, {"learning_rate": 0.0}, {"ratios": (5, 5)}]
)
def test_impossible_recipes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Recipe(**wrong)  # type: ignore[arg-type]


def test_validation_of_one_class_and_empty_parts_are_refused() -> None:
    data = regions()
    joint = replace(SHORT, warmup_epochs=0)
    with pytest.raises(LabelError, match="one class only"):
        training.step_epoch(start(joint), replace(data, validation=np.array([0, 5])), SEED)
    with pytest.raises(LabelError, match="no regions to evaluate"):
        training.step_epoch(start(joint), replace(data, validation=np.array([], dtype=np.int64)), SEED)
    with pytest.raises(LabelError, match="0 training views"):
        training.train_epoch(start(), replace(data, train=np.array([], dtype=np.int64)), 0, SEED)
