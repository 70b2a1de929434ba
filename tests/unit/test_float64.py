"""Training and both kinds of models on a device that has no float64, as a Mac's GPU (MPS) has none."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from raycre import float64
from raycre.backbones.borzoi.model import Borzoi
from raycre.backbones.contract import Backbone
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.planted import Planted
from raycre.backbones.saliency import gradient_times_input, tile_sums
from raycre.create.evaluation.decoders import Spread
from raycre.create.evaluation.major_features import _decode_batch
from raycre.create.fold_data import FoldData
from raycre.create.inference.ensemble import Ensemble
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.model.create import Create
from raycre.create.model.declaration import make
from raycre.create.training.epoch import start_fold, step_epoch
from raycre.create.training.recipe import Recipe
from raycre.create.views import flank_of
from raycre.float64 import to_float64
from tests.toy_borzoi import TOY as TOY_BORZOI
from tests.unit.test_backbones_enformer import TOY as TOY_ENFORMER
from tests.without_float64 import DEVICE, WithoutFloat64

MODALITIES = ("sequence", "openness", "loops")
VIEWS = 4
WIDTH = 1000 + 2 * flank_of(VIEWS)


@pytest.fixture
def without_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield a device that has no float64. Beside that it has what MPS has: autocast and fused optimisers."""
    monkeypatch.setattr(float64, "WITHOUT_FLOAT64", (DEVICE,))
    autocast = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda device, *given, **named: autocast("cpu", *given, **named))
    optimizer = sys.modules[torch.optim.Optimizer.__module__]
    monkeypatch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: [DEVICE, "cpu"])
    with WithoutFloat64():
        yield DEVICE


def fold_data(n: int) -> FoldData:
    """Regions of five classes; the last fifth is validated on."""
    random, rows = np.random.default_rng(0), np.arange(n)
    codes = random.integers(4, size=(n, WIDTH)).astype(np.uint8)
    openness, loops = random.poisson(2.0, size=(2, n, WIDTH)).astype(np.uint8)
    cut = 4 * n // 5
    return FoldData(codes, openness, loops, rows % 5, rows[:cut], rows[cut:], rows[cut:], replicates=3)


def test_the_device_of_these_tests_refuses_float64_and_gives_zeros_to_the_cpu(without_float64: str) -> None:
    x = torch.ones(2, device=without_float64)
    with pytest.raises(TypeError, match="MPS Tensor to float64"):
        x.double()
    assert to_float64(x).tolist() == [0, 0]
    assert to_float64(x).dtype == torch.float64


@pytest.mark.parametrize("kind", ["create", "deepsea", "danq"])
def test_a_fold_is_trained_and_validated(kind: str, without_float64: str) -> None:
    recipe = Recipe(epochs=1, warmup_epochs=0, batch_size=8, ratios=(1,) * 5, eval_ratio=2)
    modalities = MODALITIES if kind == "create" else ("sequence",)
    state = start_fold(0, recipe, 0, lambda: make(kind, "tiny", modalities), without_float64)
    assert step_epoch(state, fold_data(20), seed=0).record["epoch"] == 0


def test_regions_are_classified_and_their_codes_found(without_float64: str) -> None:
    model = make("create", "tiny", MODALITIES).eval().to(without_float64)
    data, never = fold_data(5), np.ones(5, np.float32)
    assert data.openness is not None
    assert data.loops is not None
    ensemble = Ensemble([model], never, VIEWS, without_float64)
    tracks = (data.openness.astype(np.float32), data.loops.astype(np.float32))
    assert ensemble.predict(data.codes, *tracks, first=0).mean.shape == (5, 5)
    assert ensemble.features(data.codes, *tracks, first=0).shape[:3] == (1, 5, 26)


def test_codes_are_decoded(without_float64: str) -> None:
    model = make("create", "tiny", MODALITIES).eval().to(without_float64)
    assert isinstance(model, Create)
    assert isinstance(model.quantizer, SplitQuantizer)
    x = torch.zeros(2, 6, 1000, device=without_float64)
    spread = Spread(6)
    spread.add(x)
    assert spread.n == 2
    found = _decode_batch(model, x, np.zeros((2, 26, model.quantizer.splits), np.int64), 0)
    assert found["openness_zeroed"].device.type == "cpu"


@pytest.mark.parametrize(
    "model",
    [lambda: Planted(4096), lambda: Enformer(**TOY_ENFORMER), lambda: Borzoi(**TOY_BORZOI)],  # type: ignore[arg-type]
    ids=["planted", "enformer", "borzoi"],
)
def test_a_backbone_reads_sequences(model: Any, without_float64: str) -> None:
    loaded: Backbone = model().eval().to(without_float64)
    loaded.precompute()
    codes = torch.zeros(1, loaded.seq_len, dtype=torch.uint8, device=without_float64)
    with torch.no_grad():
        predicted = loaded.read(codes, [loaded.n_bins // 2], [0])
    assert (predicted.device.type, predicted.dtype) == (without_float64, torch.float32)


def test_saliency_is_summed_over_tiles(without_float64: str) -> None:
    model = Enformer(**TOY_ENFORMER).eval().to(without_float64)  # type: ignore[arg-type]
    model.precompute()
    codes = torch.zeros(1, model.seq_len, dtype=torch.uint8, device=without_float64)
    found = gradient_times_input(model, codes, [0])
    signed, absolute = tile_sums(found, [(0, 100), (100, 200)])
    assert signed.dtype == absolute.dtype == torch.float64
