"""Our Borzoi against borzoi-pytorch 0.5.1 run on the fixture's weights and sequences; N is a column of zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from raycre.backbones.borzoi import Borzoi
from raycre.backbones.weights import load_into
from tests.golden.weight_recipe import Fixture, deviation, read_fixture, recipe_sequences, recipe_state


@pytest.fixture(scope="module")
def short(shared: Path) -> Fixture:
    return read_fixture(shared / "golden/backbones/borzoi_short.npz")


@pytest.fixture(scope="module")
def model(short: Fixture) -> Borzoi:
    with torch.device("meta"):
        model = Borzoi(
            n_value=0.0,
            seq_len=int(short["length"]),
            n_bins=int(short["bins_to_return"]),
            n_blocks=int(short["depth"]),
        )
    load_into(model, recipe_state(model, short), Path("borzoi_short.npz"))
    return model.eval()


@pytest.fixture(scope="module")
def sequences(short: Fixture) -> NDArray[np.uint8]:
    return recipe_sequences(int(short["length"]), short)


@pytest.mark.slow
def test_both_heads_agree_on_wild_type_and_edits(
    model: Borzoi, short: Fixture, sequences: NDArray[np.uint8]
) -> None:
    for i, sequence in enumerate(sequences):
        with torch.no_grad():
            trunk = model.trunk(torch.from_numpy(sequence)[None])
            for model.head, tracks in (("human", short["tracks"]), ("mouse", short["mouse_tracks"])):
                predicted = model.read_trunk(trunk, range(model.n_bins), tracks.tolist())[0].T
                assert deviation(predicted, short[model.head][i], short[model.head]) <= 2e-5
