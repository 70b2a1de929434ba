"""The feature spectrum on counts small enough to do by hand, and what zeroing a feature leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raycre.create.evaluation.spectrum import count_features, embed, spectrum_of, zero_feature
from raycre.create.layers.quantizer import SplitQuantizer
from raycre.create.layout import CLASSES
from raycre.create.model.create import Create
from raycre.create.model.sizes import Sizes
from raycre.errors import CheckpointError, LabelError

SMALL = Sizes(sequence=8, signal=4, encoder2=8, encoder3=8, embedding=8, decoder3=4, decoder2=4, codes=6,
              splits=2, classifier=(8, 8), initial_count=1.0)  # fmt: skip


def test_a_spectrum_of_two_classes_by_hand() -> None:
    # Class 0 has 8 codes, class 1 has 4: t = (.25 .75 0 0), (.25 .25 .5 0); code 3 is unused.
    found = spectrum_of(np.array([[2, 6, 0, 0], [1, 1, 2, 0]]))
    np.testing.assert_array_equal(found.t, [[0.25, 0.75, 0, 0], [0.25, 0.25, 0.5, 0]])
    np.testing.assert_array_equal(found.p, [[0.5, 0.75, 0, np.nan], [0.5, 0.25, 1, np.nan]])
    np.testing.assert_array_equal(found.p_max, [0.5, 0.75, 1, np.nan])
    assert found.class_of_feature.tolist() == [0, 0, 1, -1]  # the tie goes to the first class
    assert found.order.tolist() == [1, 0, 2]
    np.testing.assert_array_equal(found.matrix, [[0.75, 0.5, 0], [0.25, 0.5, 1]])
    assert [found.major_feature(0), found.major_feature(1)] == [1, 2]


def test_a_class_without_regions_has_no_share_and_takes_none_from_the_others() -> None:
    found = spectrum_of(np.array([[3, 1], [0, 0], [1, 3]]))
    np.testing.assert_array_equal(found.p, [[0.75, 0.25], [np.nan] * 2, [0.25, 0.75]])
    assert found.class_of_feature.tolist() == [0, 2]
    assert found.major_feature(1) is None


def test_no_regions_at_all_give_an_empty_spectrum() -> None:
    found = spectrum_of(count_features(np.zeros((0, 26, 2), np.uint8), np.zeros(0, np.int64), 4))
    assert found.order.tolist() == []
    assert found.matrix.shape == (len(CLASSES), 0)
    assert not found.used.any()


def test_of_codes_that_one_class_alone_uses_the_most_used_is_major() -> None:
    found = spectrum_of(np.array([[1, 9, 9, 5], [0, 0, 0, 5]]))
    assert found.order.tolist()[:3] == [0, 1, 2]  # p_max is 1 for all three
    assert found.major_feature(0) == 1


@given(
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.integers(0, 5), min_size=4, max_size=4)), min_size=1)
)
def test_shares_add_up_to_one_whatever_the_codes(regions: list[tuple[int, list[int]]]) -> None:
    labels = np.array([label for label, _ in regions])
    codes = np.array([c for _, c in regions]).reshape(-1, 2, 2)
    count = count_features(codes, labels, 6, 3)
    assert count.sum() == codes.size
    found = spectrum_of(count)
    present = count.sum(axis=1) > 0
    np.testing.assert_allclose(found.t[present].sum(axis=1), 1)
    np.testing.assert_allclose(np.nansum(found.p[:, found.used], axis=0), 1)
    assert sorted(found.order) == np.flatnonzero(found.used).tolist()
    steps = np.diff(found.class_of_feature[found.order])
    assert (steps >= 0).all()
    assert (np.diff(found.p_max[found.order])[steps == 0] <= 0).all()


def test_codes_and_labels_that_cannot_be_are_refused() -> None:
    codes = np.zeros((2, 26, 4), np.int64)
    with pytest.raises(LabelError, match="1 labels for codes of 2 regions"):
        count_features(codes, np.array([0]), 4)
    with pytest.raises(LabelError, match="5: labels must be 0 to 4"):
        count_features(codes, np.array([0, 5]), 4)
    with pytest.raises(CheckpointError, match="7: no such code: the codebook has 0 to 3"):
        count_features(codes + 7, np.array([0, 1]), 4)


def test_a_zeroed_feature_takes_its_own_pieces_and_no_other() -> None:
    codes = torch.tensor([[[0, 1], [2, 0]]])
    z_q = torch.arange(1.0, 13.0).view(1, 2, 6)
    assert zero_feature(z_q, codes, 0).tolist() == [[[0, 0, 0, 4, 5, 6], [7, 8, 9, 0, 0, 0]]]
    assert zero_feature(z_q, codes, 5).equal(z_q)
    assert z_q.min() == 1  # the embedding given is left alone


def test_codes_and_codebook_are_the_whole_embedding() -> None:
    torch.manual_seed(0)
    model = Create(SMALL).eval()
    with torch.no_grad():
        output = model(torch.rand(3, 6, 1000))
    assert isinstance(model.quantizer, SplitQuantizer)
    rebuilt = embed(output.codes, model.quantizer.codebook)
    torch.testing.assert_close(rebuilt, output.z_q, rtol=0, atol=0)
    unused = sorted(set(range(SMALL.codes)) - set(output.codes.unique().tolist()))
    for code in unused:
        assert zero_feature(rebuilt, output.codes, code).equal(rebuilt)
