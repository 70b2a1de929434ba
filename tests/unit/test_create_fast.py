"""Prediction with shared stages gives the numbers of view-by-view prediction, for any model and any shift."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from raycre.create.inference import fast
from raycre.create.inference.fast import FastClassifier, PerView, both_strands_of, classifier_of
from raycre.create.inputs import region_input, view_input
from raycre.create.layout import MODALITIES
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES, Sizes, Structure
from raycre.create.views import Views, both_strands, flank
from raycre.errors import ConfigError

NANO = Sizes(
    sequence=6, signal=2, encoder2=5, encoder3=4, embedding=8, decoder3=3, decoder2=3,
    codes=7, splits=2, classifier=(6, 5),
)  # fmt: skip
SUBSETS = [s for k in (1, 2, 3) for s in itertools.combinations(MODALITIES, k)]


def regions(n: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    random = np.random.default_rng(seed)
    return (
        torch.from_numpy(random.integers(0, 5, (n, width), np.uint8)),
        torch.from_numpy(random.integers(0, 30, (n, width)).astype(np.float32)),
        torch.from_numpy(random.integers(0, 3, (n, width)).astype(np.float32)),
    )


def made(sizes: Sizes = NANO, modalities: tuple[str, ...] = MODALITIES, **structure: object) -> Create:
    torch.manual_seed(3)
    return Create(sizes, modalities, Structure(**structure)).eval()  # type: ignore[arg-type]


def by_definition(model: Create, data: tuple[Tensor, Tensor, Tensor], views: Views) -> Tensor:
    """Each view cut from the raw windows, classified by the plain model: mean probabilities, float64."""
    total = torch.zeros(len(data[0]), 5, dtype=torch.float64)
    with torch.no_grad():
        for offset, is_rc in zip(*views, strict=True):
            view = Views(np.full(len(data[0]), offset), np.full(len(data[0]), is_rc))
            x = view_input(*data, view, model.modalities).to(next(model.parameters()).dtype)
            total += model.classify(x).softmax(1).double()
    return total / len(views.is_rc)


@pytest.mark.parametrize("modalities", SUBSETS)
def test_ten_views_equal_their_definition_for_every_subset_of_modalities(modalities: tuple[str, ...]) -> None:
    model, data, views = made(modalities=modalities).double(), regions(5, 1040), both_strands(5)
    wide = region_input(*data, modalities).double()
    expected = by_definition(model, data, views)
    torch.testing.assert_close(FastClassifier(model).probabilities(wide, views), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(PerView(model).probabilities(wide, views), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("ratio", "stride"), [(1, 10), (2, 10), (3, 7), (4, 2), (4, 10), (6, 10)])
def test_any_number_and_distance_of_shifts(ratio: int, stride: int) -> None:
    model, views = made(modalities=("sequence",)).double(), both_strands(ratio, stride)
    data = regions(2, 1000 + 2 * flank(ratio, stride))
    found = FastClassifier(model).probabilities(region_input(*data, ("sequence",)).double(), views)
    torch.testing.assert_close(found, by_definition(model, data, views), rtol=0, atol=1e-12)


@settings(max_examples=6)
@example(views=[(5, False), (5, False), (-3, True)])
@given(views=st.lists(st.tuples(st.integers(-12, 12), st.booleans()), min_size=1, max_size=4))
def test_any_views_in_any_order_even_twice_the_same(views: list[tuple[int, bool]]) -> None:
    offsets, is_rc = zip(*views, strict=True)
    chosen = Views(np.array(offsets), np.array(is_rc))
    model, data = made(modalities=("openness", "loops")).double(), regions(1, 1024)
    found = FastClassifier(model).probabilities(region_input(*data, model.modalities).double(), chosen)
    torch.testing.assert_close(found, by_definition(model, data, chosen), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "structure", [{"pointwise": False}, {"base_norm": False}, {"latent": "continuous"}, {"smoothing": 0.0}]
)
def test_every_structure_of_the_network(structure: dict[str, Any]) -> None:
    model, data, views = made(**structure).double(), regions(2, 1040), both_strands(5)
    found = FastClassifier(model).probabilities(region_input(*data, MODALITIES).double(), views)
    torch.testing.assert_close(found, by_definition(model, data, views), rtol=0, atol=1e-12)


def test_float32_of_wide_layers_gives_the_same_codes_and_logits() -> None:
    # Wide enough that both inner convolutions go by nested filtering.
    sizes = Sizes(sequence=128, signal=64, encoder2=192, encoder3=128, codes=50, splits=16, classifier=(8, 8))
    model, views = made(sizes), both_strands(5)
    wide = region_input(*regions(2, 1040), MODALITIES)
    starts, quick = [0, 10, 20, 30, 40], FastClassifier(model)
    codes = quick.codes(wide, starts)
    assert codes is not None
    with torch.no_grad():
        logits = quick._logits(wide, starts)
        for i, start in enumerate(starts):
            output = model(wide[:, :, start : start + 1000])
            assert torch.equal(codes[i], output.codes)
            scale = output.logits.abs().max().item()
            torch.testing.assert_close(logits[i], output.logits, rtol=0, atol=1e-6 * scale)
    found = quick.probabilities(wide, views)
    torch.testing.assert_close(found, PerView(model).probabilities(wide, views), rtol=0, atol=1e-6)


def test_other_strand_complements_bases_and_only_turns_tracks() -> None:
    wide = torch.tensor([[[1.0, 0], [0, 0], [0, 1], [0, 0], [5, 6], [7, 8]]])  # bases A and G; two tracks
    forward, backward = both_strands_of(wide, has_sequence=True)
    assert forward is wide
    assert backward.tolist() == [[[0, 0], [1, 0], [0, 0], [0, 1], [6, 5], [8, 7]]]  # C and T


def test_a_region_is_the_same_to_the_bit_in_any_company() -> None:
    model, views = made(SIZES["tiny"]), both_strands(5)
    wide = region_input(*regions(2 * fast.CHUNK, 1040), MODALITIES)
    together = FastClassifier(model).probabilities(wide, views)
    alone = FastClassifier(model).probabilities(wide[fast.CHUNK :], views)
    assert torch.equal(together[fast.CHUNK :], alone)


def test_a_shift_past_the_window_is_refused() -> None:
    wide = region_input(*regions(1, 1020), MODALITIES)
    with pytest.raises(ConfigError, match="1,020 bp"):
        FastClassifier(made()).probabilities(wide, both_strands(5))


def test_models_of_another_class_go_view_by_view() -> None:
    class Other(Create):
        pass

    assert isinstance(classifier_of(made()), FastClassifier)
    assert isinstance(classifier_of(Other(NANO)), PerView)
