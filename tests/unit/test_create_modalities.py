"""Every one of the seven subsets of modalities trains, validates and predicts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from raycre.create.inference.ensemble import Ensemble
from raycre.create.layout import MODALITIES
from raycre.create.model.create import Create
from raycre.create.training import epoch as training
from raycre.create.views import both_strands
from tests.unit.test_create_recipe import NANO, SEED, SHORT, regions

SUBSETS = [s for k in (1, 2, 3) for s in itertools.combinations(MODALITIES, k)]


@pytest.mark.parametrize("modalities", SUBSETS, ids="+".join)
def test_a_subset_trains_and_predicts(modalities: tuple[str, ...]) -> None:
    data = regions()
    state = training.start_fold(0, SHORT, SEED, lambda: Create(NANO, modalities))
    while not state.finished:
        training.step_epoch(state, data, SEED)
    assert state.history[0].keys() >= set(modalities)
    assert not set(MODALITIES) - set(modalities) & state.history[0].keys()
    state.model.load_state_dict(state.best_model)
    one = Ensemble([state.model], np.zeros(5, np.float32), n_views=2)
    openness = None if "openness" not in modalities else np.asarray(data.openness)[data.test]
    loops = None if "loops" not in modalities else np.asarray(data.loops, np.float32)[data.test]
    found = one.predict(data.codes[data.test], openness, loops, first=0)
    expected = training.evaluate(state.model, data, data.test, both_strands(1))
    np.testing.assert_allclose(found.mean, expected, atol=1e-6)
