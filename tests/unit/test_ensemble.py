"""Averages over folds and views, worked out by hand, and their independence of how regions are cut up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raycre.create.inference.ensemble import BATCH, Ensemble, Predictions
from raycre.create.model.create import Create
from raycre.create.model.sizes import SIZES
from raycre.create.views import flank_of, region_views

WIDTH = 1000
A, C, G, T, N = range(5)
NEVER = np.ones(5, np.float32)  # cutoffs that no probability reaches

# Probabilities that FirstBase gives for a window that begins with A, C, G, T.
BY_BASE = np.array(
    [
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.1, 0.6, 0.1, 0.1, 0.1],
        [0.1, 0.1, 0.6, 0.1, 0.1],
        [0.2, 0.2, 0.2, 0.2, 0.2],
    ]
)


class FirstBase:
    """A fold whose probabilities follow from the first base of the window alone."""

    modalities, log_openness = ("sequence",), True

    def __init__(self, by_base: np.ndarray) -> None:
        self.logits = torch.log(torch.tensor(by_base, dtype=torch.float32))

    def classify(self, x: Tensor) -> Tensor:
        assert x.shape == (BATCH, 4, WIDTH)  # one shape, however many regions there are
        return self.logits[x[:, :, 0].argmax(1)]


class Constant:
    """A fold that gives every region the same probabilities."""

    modalities, log_openness = ("sequence",), True

    def __init__(self, *probabilities: float) -> None:
        self.logits = torch.log(torch.tensor(probabilities))

    def classify(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), 5)


class RowNumber:
    """A fold whose probabilities depend on a region's row in the batch, as the last bits of a real one do."""

    modalities, log_openness = ("sequence",), True

    def classify(self, x: Tensor) -> Tensor:
        row = torch.arange(len(x), dtype=torch.float32)[:, None]
        return row / 100 * torch.arange(5) + x[:, :, 0].argmax(1)[:, None]


def ensemble(*models: object, cutoffs: np.ndarray = NEVER, n_views: int = 1) -> Ensemble:
    return Ensemble(list(models), cutoffs, n_views)  # type: ignore[arg-type]


def predict(of: Ensemble, codes: np.ndarray, first: int = 0) -> Predictions:
    return of.predict(codes, None, None, first=first)


def test_the_mean_is_over_shifts_and_strands() -> None:
    # Four views: shifts of -5 and 5 bp on both strands, out of 5 bp more on each side. They begin with bases
    # 0 and 10 of the wide window, and on the other strand with the complements of bases 999 and 1,009.
    assert flank_of(4) == 5
    codes = np.full((1, WIDTH + 10), N, np.uint8)
    codes[0, [0, 10, 999, 1009]] = A, C, C, A  # so that the views begin with A, C, G and T
    found = predict(ensemble(FirstBase(BY_BASE), n_views=4), codes)
    np.testing.assert_allclose(found.mean, [[0.25, 0.25, 0.25, 0.125, 0.125]], rtol=1e-6)


def test_the_mean_is_over_folds_and_the_sd_is_that_of_a_population() -> None:
    folds = Constant(0.2, 0.5, 0.1, 0.1, 0.1), Constant(0.6, 0.1, 0.1, 0.1, 0.1)
    found = predict(ensemble(*folds, n_views=2), np.zeros((3, WIDTH), np.uint8))
    np.testing.assert_allclose(found.mean, [[0.4, 0.3, 0.1, 0.1, 0.1]] * 3, rtol=1e-6)
    # Over two folds: half the difference, not the difference over sqrt(2).
    np.testing.assert_allclose(found.sd, [[0.2, 0.2, 0.0, 0.0, 0.0]] * 3, rtol=1e-6, atol=1e-8)


def test_one_view_is_the_centred_window_on_the_forward_strand() -> None:
    assert flank_of(1) == 0
    assert region_views(1).offsets.tolist() == [0]
    assert region_views(1).is_rc.tolist() == [False]
    codes = np.full((1, WIDTH + 10), T, np.uint8)
    codes[0, 5] = G
    found = predict(ensemble(FirstBase(BY_BASE)), codes)
    np.testing.assert_allclose(found.mean, [BY_BASE[G]], rtol=1e-6)
    assert found.sd.tolist() == [[0.0] * 5]


@pytest.mark.parametrize(
    ("probabilities", "call", "margin"),
    [
        ((0.5, 0.2, 0.1, 0.1, 0.1), 0, 0.1),  # silencer: 0.5 over 0.4
        ((0.3, 0.35, 0.1, 0.1, 0.15), 1, 0.05),  # enhancer: 0.35 over 0.3
        ((0.3, 0.2, 0.1, 0.1, 0.3), 4, -0.1),  # below every cutoff: background, by 0.1 at the nearest
    ],
)
def test_calls_go_by_the_mean_probability_and_the_cutoffs_of_the_ensemble(
    probabilities: tuple[float, ...], call: int, margin: float
) -> None:
    more, less = (
        tuple(p + d for p, d in zip(probabilities, (s, 0, 0, 0, -s), strict=True)) for s in (0.09, -0.09)
    )
    both = ensemble(Constant(*more), Constant(*less), cutoffs=np.array([0.4, 0.3, 0.9, 0.9, 0.0]))
    found = predict(both, np.zeros((1, WIDTH), np.uint8))
    assert found.call.tolist() == [call]
    np.testing.assert_allclose(found.margin, [margin], rtol=1e-5)


def test_results_have_the_promised_types() -> None:
    found = predict(ensemble(Constant(0.2, 0.2, 0.2, 0.2, 0.2)), np.zeros((2, WIDTH), np.uint8))
    assert (found.mean.dtype, found.sd.dtype, found.margin.dtype) == (np.float32,) * 3
    assert (found.mean.shape, found.sd.shape, found.call.shape, found.margin.shape) == (
        (2, 5),
        (2, 5),
        (2,),
        (2,),
    )


def bits(found: Predictions) -> list[bytes]:
    return [array.tobytes() for array in found]


def in_pieces(of: Ensemble, codes: np.ndarray, cuts: set[int], first: int) -> list[bytes]:
    """Predict the stretches between `cuts` one by one, and join them."""
    edges = [0, *sorted(cuts), len(codes)]
    pieces = [predict(of, codes[a:b], first + a) for a, b in pairwise(edges)]
    return [np.concatenate(arrays).tobytes() for arrays in zip(*pieces, strict=True)]


CUTS = st.sets(st.integers(1, 79), max_size=8)
CODES = np.random.default_rng(0).integers(0, 5, (80, WIDTH), np.uint8)


def test_a_region_lies_in_the_row_of_its_number_modulo_the_batch() -> None:
    found = predict(ensemble(RowNumber()), np.zeros((3, WIDTH), np.uint8), first=10 * BATCH + 30)
    rows = np.array([30, 31, 0])  # the third region opens the next batch
    odds = np.exp(rows[:, None] / 100 * np.arange(5))
    np.testing.assert_allclose(found.mean, odds / odds.sum(1, keepdims=True), rtol=1e-5)


@given(cuts=CUTS, first=st.integers(0, 10_000))
def test_a_region_keeps_its_row_wherever_shards_are_cut(cuts: set[int], first: int) -> None:
    fold = ensemble(RowNumber())
    assert in_pieces(fold, CODES, cuts, first) == bits(predict(fold, CODES, first))


@settings(max_examples=8)
@given(cuts=CUTS, first=st.integers(0, 10_000))
def test_predictions_of_a_real_model_are_bit_equal_however_they_are_cut(cuts: set[int], first: int) -> None:
    torch.manual_seed(0)
    models = [Create(SIZES["tiny"], ("sequence",)).eval() for _ in range(2)]
    folds = ensemble(*models, cutoffs=np.full(5, 0.2, np.float32), n_views=2)
    assert in_pieces(folds, CODES, cuts, first) == bits(predict(folds, CODES, first))


def test_features_are_those_of_the_centred_window_however_regions_are_cut() -> None:
    torch.manual_seed(0)
    models = [Create(SIZES["tiny"], ("sequence",)).eval() for _ in range(2)]
    both = ensemble(*models, n_views=4)
    codes = np.random.default_rng(0).integers(0, 4, (50, WIDTH + 10)).astype(np.uint8)
    whole = both.features(codes, None, None, first=7)
    x = (
        torch.nn.functional.one_hot(torch.from_numpy(codes[:, 5 : 5 + WIDTH]).long(), 4)
        .float()
        .transpose(1, 2)
    )
    with torch.no_grad():
        alone = models[1](x).codes
    assert alone is not None
    assert whole.shape == (2, 50, 26, SIZES["tiny"].splits)
    assert (whole[1] == alone.numpy()).mean() > 0.999  # a near-tie may go the other way in another batch
    cut = [both.features(codes[a:b], None, None, first=7 + a) for a, b in ((0, 3), (3, 41), (41, 50))]
    np.testing.assert_array_equal(np.concatenate(cut, axis=1), whole)
