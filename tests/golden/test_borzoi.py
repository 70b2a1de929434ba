"""Our Borzoi and Flashzoi against borzoi-pytorch 0.5.1 run on the fixtures' weights and sequences.

N is a column of zeros there. How flashzoi_short.npz was made: make_flashzoi_short.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.incremental import Incremental
from raycre.backbones.weights import load_into
from tests.golden.weight_recipe import Fixture, deviation, read_fixture, recipe_sequences, recipe_state

SIZES = {  # our names of the fixtures' sizes; the published one stands where a fixture has none
    "length": "seq_len",
    "bins_to_return": "n_bins",
    "depth": "n_blocks",
    "dim": "channels",
    "heads": "n_heads",
}


@pytest.fixture(scope="module", params=[pytest.param("borzoi", marks=pytest.mark.long), "flashzoi"])
def case(request: pytest.FixtureRequest) -> tuple[Borzoi, Fixture]:
    """A model and what the reference predicted with the same weights."""
    if request.param == "borzoi":
        path = request.getfixturevalue("shared") / "golden/backbones/borzoi_short.npz"
    else:
        path = Path(__file__).with_name("flashzoi_short.npz")
    fixture = read_fixture(path)
    sizes = {ours: int(fixture[theirs]) for theirs, ours in SIZES.items() if theirs in fixture}
    with torch.device("meta"):
        model = Borzoi(n_value=0.0, rotary=request.param == "flashzoi", **sizes)  # type: ignore[arg-type]
    load_into(model, recipe_state(model, fixture), path)
    model.eval().precompute()
    return model, fixture


def test_both_heads_agree_on_wild_type_and_edits(case: tuple[Borzoi, Fixture]) -> None:
    model, fixture = case
    sequences = torch.from_numpy(recipe_sequences(model.seq_len, fixture))
    with torch.no_grad():
        for i, sequence in enumerate(sequences):
            check(model, model.whole_trunk(sequence[None]), fixture, i)


def test_edits_agree_when_the_wild_types_activations_are_reused(case: tuple[Borzoi, Fixture]) -> None:
    model, fixture = case
    wild_type, *edited = torch.from_numpy(recipe_sequences(model.seq_len, fixture))
    reuse = Incremental(model)
    with torch.no_grad():
        kept = model.whole_trunk(wild_type[None])
        for i, sequence in enumerate(edited, start=1):
            check(model, reuse.splice(kept, wild_type, sequence), fixture, i)


def check(model: Borzoi, trunk: tuple[torch.Tensor, ...], fixture: Fixture, i: int) -> None:
    """Compare both heads at all bins with sequence `i` of the fixture."""
    embedding = model.embed(trunk, range(model.n_bins))
    for model.head, tracks in (("human", fixture["tracks"]), ("mouse", fixture["mouse_tracks"])):
        predicted = model.project(embedding, tracks.tolist())[0].T
        assert deviation(predicted, fixture[model.head][i], fixture[model.head]) <= 2e-5


def test_an_edit_passed_over_would_be_seen(case: tuple[Borzoi, Fixture]) -> None:
    _, fixture = case
    for head in ("human", "mouse"):
        wild_type, *edited = fixture[head]
        assert all(np.abs(e - wild_type).max() > 20 * 2e-5 * fixture[head].std() for e in edited)
