"""A fold whose loss stops being a number says which term and which batch, and keeps its last good state."""

from __future__ import annotations

import numpy as np
import pytest

from raycre.demo_genome import DemoGenome
from raycre.engine.checkpoints import CUTOFFS, fold_folder
from raycre.engine.folds import STATE, train_fold
from raycre.errors import RaycreError
from tests.unit.test_checkpoints import _default_algorithms, materialise

__all__ = ["_default_algorithms"]


@pytest.mark.usefixtures("_default_algorithms")
def test_a_loss_that_is_no_number_keeps_the_last_good_state(genome: DemoGenome, tmp_path) -> None:  # type: ignore[no-untyped-def]
    config, mapped = materialise(genome, tmp_path, epochs=3)
    assert mapped.wide.openness is not None
    openness = np.array(mapped.wide.openness, np.float32)
    arrays = mapped._replace(wide=mapped.wide._replace(openness=openness))
    state = fold_folder(config.run.out, 0) / STATE
    good: list[bytes] = []

    def spoil(epoch: int) -> None:
        good.append(state.read_bytes())
        openness[:] = np.nan

    with pytest.raises(
        RaycreError, match=r"fold 0, epoch 1, batch 0: the loss is not finite: .*openness is nan"
    ):
        train_fold(config, 0, arrays, {}, on_epoch=spoil)
    assert len(good) == 1
    assert state.read_bytes() == good[0]
    train_fold(config, 0, mapped, {})  # with the tracks mended, it goes on from there
    assert (fold_folder(config.run.out, 0) / CUTOFFS).is_file()
