"""Our Enformer against enformer-pytorch 0.8.12 run on the fixtures' weights and sequences.

N is a column of zeros there, and `use_tf_gamma` says how gamma features are scaled: false in the small one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from raycre.backbones.enformer import GammaPeak
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.incremental import Incremental
from raycre.backbones.weights import load_into
from tests.golden.weight_recipe import Fixture, deviation, read_fixture, recipe_sequences, recipe_state


@pytest.fixture(scope="module")
def small(shared: Path) -> Fixture:
    return read_fixture(shared / "golden/backbones/enformer_small.npz")


def small_model(small: Fixture, head: str, gamma_peak: GammaPeak = "distance") -> Enformer:
    size = dict(zip(small["config_names"].tolist(), small["config"].tolist(), strict=True))
    model = Enformer(
        head=head,
        seq_len=small["codes"].shape[1],
        n_bins=size["target_length"],
        channels=size["dim"],
        n_blocks=size["depth"],
        n_heads=size["heads"],
        key_size=size["attn_dim_key"],
        channel_step=size["dim_divisible_by"],
        n_human=size["human"],
        n_mouse=size["mouse"],
        n_value=0.0,
        gamma_peak=gamma_peak,
    )
    weights = {
        k.removeprefix("param/"): torch.from_numpy(v) for k, v in small.items() if k.startswith("param/")
    }
    load_into(model, weights, Path("enformer_small.npz"))
    model.eval().precompute()
    return model


def test_published_size_has_the_published_names_and_shapes(shared: Path) -> None:
    lines = (shared / "golden/backbones/enformer_state_dict.txt").read_text().splitlines()
    published = dict(line.split(", ", 1) for line in lines if not line.startswith("_trunk."))
    with torch.device("meta"):
        state = Enformer().state_dict()
    assert len(published) == 287
    assert {name: str(tuple(tensor.shape)) for name, tensor in state.items()} == published


@pytest.mark.parametrize("head", ["human", "mouse"])
def test_both_heads_agree_on_wild_type_and_edits(small: Fixture, head: str) -> None:
    model = small_model(small, head)
    predicted = model.read(torch.from_numpy(small["codes"]), range(model.n_bins), range(len(model.tracks)))
    assert deviation(predicted, small[head], small[head]) <= 1e-5


@pytest.mark.parametrize("head", ["human", "mouse"])
def test_edits_of_the_cached_wild_type_agree(small: Fixture, head: str) -> None:
    """Incremental: the trunk of sequence 0 is computed once, the others differ from it in `edits`."""
    model = small_model(small, head)
    codes = torch.from_numpy(small["codes"])
    reader = Incremental(model)
    for i in range(len(codes)):
        predicted = reader.read("wt", codes[0], codes[[i]], range(model.n_bins), range(len(model.tracks)))
        assert deviation(predicted[0], small[head][i], small[head]) <= 1e-5


def test_trunk_and_embedding_agree(small: Fixture) -> None:
    model = small_model(small, "human")
    with torch.no_grad():
        trunk = model.whole_trunk(torch.from_numpy(small["codes"][:1]))
        rows = model.transform(trunk, range(model.crop, model.crop + model.n_bins))
        embedding = model.embed(rows)
    assert deviation(trunk[0][0], small["trunk_wt"], small["trunk_wt"]) <= 1e-5
    assert deviation(embedding[0], small["embedding_wt"], small["embedding_wt"]) <= 1e-5


def test_the_other_scaling_of_gamma_features_would_be_seen(small: Fixture) -> None:
    model = small_model(small, "human", gamma_peak="function")
    predicted = model.read(torch.from_numpy(small["codes"]), range(model.n_bins), range(len(model.tracks)))
    assert deviation(predicted, small["human"], small["human"]) > 1e-4


@pytest.mark.slow
def test_full_size_agrees_on_wild_type_and_edits(shared: Path) -> None:
    full = read_fixture(shared / "golden/backbones/enformer_full.npz")
    gamma_peak: GammaPeak = "function" if full["use_tf_gamma"] else "distance"
    with torch.device("meta"):
        model = Enformer(n_value=0.0, gamma_peak=gamma_peak)
    load_into(model, recipe_state(model, full), Path("enformer_full.npz"))
    model.eval().precompute()
    sequences = recipe_sequences(model.seq_len, full)

    bins, reader = full["bins"].tolist(), Incremental(model)
    wild_type, *edited = torch.from_numpy(sequences)
    with torch.no_grad():
        kept = model.whole_trunk(wild_type[None])
        check(model, kept, full, 0, bins)
        for i, sequence in enumerate(edited, start=1):
            check(model, model.whole_trunk(sequence[None]), full, i, bins)
            check(model, reader.splice(kept, wild_type, sequence), full, i, bins)
    n_rows, channels = full["trunk_wt_rows"].shape
    middle, last = model.seq_len // 256, model.seq_len // 128 - 1
    picked = kept[0][0, [0, 1, middle - 1, middle, last], :channels]
    assert n_rows == 5
    assert deviation(picked, full["trunk_wt_rows"], full["trunk_wt_rows"]) <= 2e-5


def check(model: Enformer, trunk: tuple[torch.Tensor, ...], full: Fixture, i: int, bins: list[int]) -> None:
    """Compare both heads with sequence `i` of the fixture."""
    embedding = model.embed(model.transform(trunk, [model.crop + b for b in bins]))
    for model.head, tracks in (("human", full["tracks"]), ("mouse", full["mouse_tracks"])):
        predicted = model.project(embedding, tracks.tolist())[0]
        assert deviation(predicted, full[model.head][i], full[model.head]) <= 2e-5
