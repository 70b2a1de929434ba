"""A backbone and a test that Python hands over as objects, with classes that no module has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from raycre import packages
from raycre.api.handed import hand_over
from raycre.api.verbs import as_written
from raycre.backbones.contract import Backbone, check_read
from raycre.backbones.handed import digest_of
from raycre.backbones.loading import load
from raycre.backbones.registry import backbone_names
from raycre.backbones.spec import BackboneSpec
from raycre.backbones.tracks import plain_table
from raycre.creme.declaration import Test
from raycre.creme.tests import find_test, names_of_tests
from raycre.errors import ConfigError


class Counter(Backbone):
    """Predicts its gain times the number of A in the input."""

    def __init__(self, gain: float = 2.0, name: str = "counter") -> None:
        super().__init__()
        self.name, self.seq_len, self.bin_size, self.n_bins = name, 512, 128, 4
        self.tracks, self.trained, self.weights_sha256 = plain_table(1), True, "none"
        self.gain, self.offset = torch.nn.Parameter(torch.tensor([gain])), 0.0

    def read(self, codes: Any, bins: Any, tracks: Any) -> torch.Tensor:
        check_read(self, codes, bins, tracks)
        n = (codes == 0).sum(1).float()
        return (self.offset + self.gain * n[:, None, None]).expand(-1, len(bins), len(tracks))


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(packages, "_HANDED_OVER", {})
    find_test.cache_clear()
    yield
    find_test.cache_clear()


def own_test(name: str = "mine") -> Test:
    return Test(name, "what?", lambda settings, predictions: [], lambda settings, predictions: [])


def test_an_object_stands_as_its_name_and_is_loaded_as_it_was_handed_over() -> None:
    model = Counter()
    assert as_written({"model": {"backbone": model}, "tests": [own_test()]}) == {
        "model": {"backbone": "counter"},
        "tests": ["mine"],
    }
    assert "counter" in backbone_names()
    assert names_of_tests()[-1] == "mine"
    with torch.no_grad():
        model.gain.add_(1)  # trained further; the run has the model that it was given
    loaded = load(BackboneSpec("counter"))
    codes = torch.zeros((1, 512), dtype=torch.uint8)
    assert loaded.read(codes, [0], [0]).item() == 2 * 512
    assert model.gain.requires_grad  # what the user goes on with is untouched
    assert not loaded.gain.requires_grad


def test_a_run_is_known_by_the_tensors_plain_attributes_and_classes_of_its_model() -> None:
    same, other, shifted = Counter(), Counter(2.5), Counter()
    shifted.offset = 1.0

    class Twice(Counter):
        def read(self, codes: Any, bins: Any, tracks: Any) -> torch.Tensor:
            return 2 * super().read(codes, bins, tracks)

    digests = [digest_of(model) for model in (Counter(), same, other, shifted, Twice())]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4
    hand_over(Counter())
    assert load(BackboneSpec("counter")).weights_sha256 == digests[0]


def test_a_worker_takes_over_what_the_run_names_and_no_more() -> None:
    for name in ("counter", "unused"):
        hand_over(Counter(name=name))
    hand_over(own_test())
    sent = packages.handed_over({"counter", "mine"})
    packages._HANDED_OVER.clear()
    packages.take_over(sent)
    assert load(BackboneSpec("counter")).name == "counter"
    assert find_test("mine").summary == "what?"
    assert "unused" not in backbone_names()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (Counter(name="enformer"), "raycre has a backbone of this name; give yours another"),
        (Counter(name="two words"), "an object of .* cannot have this name"),
        (own_test("necessity"), "raycre has a test of this name"),
        (own_test("pipeline"), "cannot have this name"),
        (Counter, "is a class; give a model, made of it"),
        (torch.nn.Linear(1, 1), "put it into a Backbone of ten lines"),
    ],
)
def test_what_cannot_be_handed_over_is_refused_by_name(value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        hand_over(value)


def test_a_model_of_regions_is_refused_with_what_to_do() -> None:
    from raycre.create.baselines.danq import MODEL

    with pytest.raises(ConfigError, match=r"register it as an entry point of the group raycre\.models"):
        as_written({"model": MODEL})


def test_weights_of_a_model_that_is_there_are_refused() -> None:
    hand_over(Counter())
    with pytest.raises(ConfigError, match=r"is an object that has its own; set model\.weights to null"):
        load(BackboneSpec("counter", weights="random:1"))


def test_what_is_no_such_object_is_left_alone() -> None:
    values = ["text", 1, None, np.float64(2), {"a": 1}]
    assert [hand_over(value) for value in values] == [None] * 5
