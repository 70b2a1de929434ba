"""Our Enformer against enformer-pytorch 0.8.12 run on the fixtures' weights and sequences.

N is a column of zeros there, and at each distance the largest gamma feature is 1 (`use_tf_gamma` is false).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from raycre.backbones.enformer import Enformer
from raycre.backbones.incremental import Incremental
from raycre.backbones.relative import GammaPeak
from raycre.backbones.weights import load_into

Fixture = dict[str, NDArray[Any]]


def read_fixture(path: Path) -> Fixture:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def deviation(ours: torch.Tensor, golden: NDArray[np.float32], scale: NDArray[np.float32]) -> float:
    """Largest difference, in standard deviations of `scale`."""
    return float(np.abs(ours.detach().numpy() - golden).max() / scale.std())


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
    return model.eval()


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


def hash01(n: int, salt: int) -> NDArray[np.float64]:
    """The fixtures' source of numbers: n values in [0, 1) (golden/backbones/README.md, "The recipe")."""
    x = (np.arange(n, dtype=np.uint64) * 2654435761 + salt * 0x9E3779B1 + 12345) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> shift
        x = (x * factor) & 0xFFFFFFFF
    x ^= x >> 16
    return x / 2**32


def recipe(name: str, shape: torch.Size, salt: int) -> torch.Tensor:
    """The fixtures' weights for one name of the state dict."""
    if "num_batches_tracked" in name:
        return torch.tensor(7)
    v = (2 * hash01(shape.numel(), salt) - 1).reshape(shape)
    if "running_mean" in name:
        v = 0.1 * v
    elif "running_var" in name:
        v = 1 + 0.3 * v
    elif name.endswith("bias"):
        v = 0.05 * v
    elif len(shape) == 1:
        v = 1 + 0.1 * v
    elif "to_attn_logits" in name:
        v = v * np.sqrt(0.3 / shape[1]) + 2 * np.eye(shape[0])[:, :, None, None]
    else:
        v = v * np.sqrt(3 / np.prod(shape[1:]))
        if any(part in name for part in ("to_q", "to_k", "rel_k")):
            v = 2 * v
    return torch.from_numpy(v.astype(np.float32))


@pytest.mark.slow
def test_full_size_agrees_on_wild_type_and_edits(shared: Path) -> None:
    full = read_fixture(shared / "golden/backbones/enformer_full.npz")
    assert not full["use_tf_gamma"]
    seed = int(full["seed"])
    with torch.device("meta"):
        model = Enformer(n_value=0.0, gamma_peak="distance")
    state = {}
    for place, (name, empty) in enumerate(sorted(model.state_dict().items())):
        state[name] = recipe(name, empty.shape, 1000 * seed + place)
        total = state[name].sum(dtype=torch.float64)
        assert float(total) == pytest.approx(full["param_sum_f64"][place], rel=1e-9, abs=1e-6), name
    load_into(model, state, Path("enformer_full.npz"))
    model.eval()

    wild_type = np.floor(4 * hash01(model.seq_len, 90_000 + seed)).astype(np.uint8)
    assert wild_type.sum() == full["wt_sum"]
    sequences = [wild_type]
    for number, (start, end) in enumerate(full["edits"], start=1):
        edited = wild_type.copy()
        edited[start:end] = np.floor(4 * hash01(end - start, 90_000 + 10 * seed + number))
        sequences.append(edited)

    bins = full["bins"].tolist()
    for i, sequence in enumerate(sequences):
        with torch.no_grad():
            trunk = model.whole_trunk(torch.from_numpy(sequence)[None])
            embedding = model.embed(model.transform(trunk, [model.crop + b for b in bins]))
        if i == 0:
            rows, channels = full["trunk_wt_rows"].shape
            assert rows == 5
            picked = trunk[0][0, [0, 1, 767, 768, 1535], :channels]
            assert deviation(picked, full["trunk_wt_rows"], full["trunk_wt_rows"]) <= 2e-5
        for model.head, tracks in (("human", full["tracks"]), ("mouse", full["mouse_tracks"])):
            predicted = model.project(embedding, tracks.tolist())[0]
            assert deviation(predicted, full[model.head][i], full[model.head]) <= 2e-5
