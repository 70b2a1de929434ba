"""A fold whose loss stops being a number says which term and which batch, and keeps its last good state."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from raycre.create.evaluation import metrics
from raycre.create.inference.checkpoints import CUTOFFS, WEIGHTS, fold_folder
from raycre.create.model.weight_files import read_model
from raycre.demo.genome import DemoGenome
from raycre.errors import RaycreError
from raycre.store.files import read_json
from raycre.workflows.train.fold import STATE, train_fold
from tests.unit.test_checkpoints import _default_algorithms, materialise

__all__ = ["_default_algorithms"]


@pytest.mark.usefixtures("_default_algorithms")
def test_where_no_epoch_beats_warm_up_the_last_is_kept_and_said_to_be(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, arrays = materialise(genome, tmp_path, epochs=3, warmup_epochs=1, score_warmup=True)
    scores = iter([0.9, 0.5, 0.4])
    monkeypatch.setattr(metrics, "macro", lambda _: next(scores))
    train_fold(plan, 0, arrays, {})
    folder = fold_folder(plan.out, 0)
    state = torch.load(folder / STATE, weights_only=True)
    assert (state["best_epoch"], state["best_model"]) == (0, {})
    assert read_json(folder / CUTOFFS)["best_epoch"] == 2
    written = read_model(folder / WEIGHTS).state_dict()
    assert all(torch.equal(written[name], state["model"][name]) for name in written)


@pytest.mark.usefixtures("_default_algorithms")
def test_a_loss_that_is_no_number_keeps_the_last_good_state(genome: DemoGenome, tmp_path: Path) -> None:
    plan, mapped = materialise(genome, tmp_path, epochs=3)
    assert mapped.wide.openness is not None
    openness = np.array(mapped.wide.openness, np.float32)
    arrays = mapped._replace(wide=mapped.wide._replace(openness=openness))
    state = fold_folder(plan.out, 0) / STATE
    good: list[bytes] = []

    def spoil(epoch: int) -> None:
        good.append(state.read_bytes())
        openness[:] = np.nan

    with pytest.raises(
        RaycreError, match=r"fold 0, epoch 1, batch 0: the loss is not finite: .*openness is nan"
    ):
        train_fold(plan, 0, arrays, {}, on_epoch=spoil)
    assert len(good) == 1
    assert state.read_bytes() == good[0]
    train_fold(plan, 0, mapped, {})  # with the tracks mended, it goes on from there
    assert (fold_folder(plan.out, 0) / CUTOFFS).is_file()
