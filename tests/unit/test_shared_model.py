"""A model that travels as arrays: the same bits, in the arrays' own memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.contract import Backbone
from raycre.backbones.loading import load
from raycre.backbones.reader import open_reader
from raycre.backbones.replicates import Replicates
from raycre.backbones.shared_model import SharedModel, restore, serialise
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.weights import load_into, random_state
from tests.toy_borzoi import TOY
from tests.unit.test_reading import SEQ_LEN, small_enformer


def read_only(shared: SharedModel | None) -> SharedModel:
    """As the object store hands it out."""
    assert shared is not None
    for array in shared.arrays:
        array.flags.writeable = False
    return shared


def small_borzoi(seed: int, rotary: bool) -> Borzoi:
    model = Borzoi(**TOY, rotary=rotary)  # type: ignore[arg-type]
    load_into(model, random_state(model, seed), Path("random"))
    model.trained, model.weights_sha256 = False, str(seed)
    return model.eval().requires_grad_(False)


def tensors(model: Backbone) -> dict[str, torch.Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def test_a_model_is_serialised_and_put_together_without_copying_its_tensors() -> None:
    model = small_enformer()
    shared = read_only(serialise(model))
    n_bytes = sum(t.nbytes for t in tensors(model).values())
    assert n_bytes <= sum(a.nbytes for a in shared.arrays) < 1.2 * n_bytes  # the track table comes on top
    assert len(shared.skeleton) < 0.2 * n_bytes
    found = tensors(restore(shared))
    assert found.keys() == tensors(model).keys()
    for name, tensor in tensors(model).items():
        assert found[name].data_ptr() == tensor.data_ptr(), name
        assert found[name].dtype == tensor.dtype
        assert not found[name].requires_grad


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_restored_model_predicts_the_same_bits_and_leaves_the_arrays_alone(dtype: Any) -> None:
    config = BackboneSpec(backbone="enformer", weights="random:0", dtype=dtype)
    codes = np.random.default_rng(0).integers(0, 5, SEQ_LEN, dtype=np.uint8)
    shared = read_only(serialise(small_enformer()))
    before = [array.tobytes() for array in shared.arrays]
    expected = open_reader(small_enformer(), config, (0, 3), 1 << 20).whole(codes)
    for _ in range(2):  # of two replicas the second finds what the first has found
        found = open_reader(restore(shared), config, (0, 3), 1 << 20).whole(codes)
        np.testing.assert_array_equal(found, expected)
    assert [array.tobytes() for array in shared.arrays] == before


@pytest.mark.parametrize("rotary", [False, True])
def test_replicates_travel_together(rotary: bool) -> None:
    model = Replicates([small_borzoi(seed, rotary) for seed in (0, 1)]).eval()
    found = restore(read_only(serialise(model)))
    codes = torch.randint(0, 4, (1, model.seq_len), generator=torch.Generator().manual_seed(0)).to(
        torch.uint8
    )
    asked = codes, model.tss_bins, range(2)
    assert torch.equal(found.read(*asked), model.read(*asked))
    assert found.weights_sha256 == model.weights_sha256
    assert found.tracks.equals(model.tracks)


def test_a_model_that_does_not_say_that_it_may_be_shared_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(BackboneSpec(backbone="planted"))
    assert serialise(model) is not None
    monkeypatch.setattr(type(model), "shares_weights", False)
    assert serialise(model) is None
