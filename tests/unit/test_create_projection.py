"""Regions on a plane: codes give the components of the embeddings they stand for, and UMAP reads those."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tracemalloc
import types

import numpy as np
import pytest
from sklearn.decomposition import PCA

from raycre.create.evaluation import projection
from raycre.create.evaluation.projection import Concatenated, project, wanted_method


@pytest.fixture
def no_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "umap_version", lambda: None)


def regions(n: int, n_codes: int = 50) -> Concatenated:
    """Regions of five kinds, each with a third of its codes in common."""
    rng = np.random.default_rng(0)
    common = rng.integers(0, n_codes, (5, 26, 4))
    noise = rng.integers(0, n_codes, (n, 26, 4))
    codes = np.where(rng.random((n, 26, 4)) < 1 / 3, common[np.arange(n) % 5], noise)
    kind = np.min_scalar_type(n_codes - 1)
    return Concatenated(codes.astype(kind), rng.normal(size=(n_codes, 8)).astype(np.float32))


@pytest.mark.parametrize("n_codes", [50, 800])  # codes of one byte, and of two
def test_codes_are_multiplied_as_the_concatenation_that_they_stand_for(n_codes: int) -> None:
    found = regions(1500, n_codes)
    whole = found.whole()
    assert whole.shape == found.shape == (1500, 26 * 4 * 8)
    np.testing.assert_array_equal(whole[7, 8:16], found.codebook.astype(np.float32)[found.codes[7, 1]])
    rng = np.random.default_rng(1)
    right, left = rng.normal(size=found.shape[1]), rng.normal(size=1500)
    np.testing.assert_allclose(found.times(right), whole @ right, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.transposed_times(left), whole.T @ left, rtol=1e-4, atol=1e-3)


@pytest.mark.usefixtures("no_umap")
def test_components_of_codes_are_those_of_their_embeddings() -> None:
    found = regions(300)
    plane = project(found, 0)
    assert plane.method == "PCA"
    assert plane.why == "umap-learn is not installed: pip install 'raycre[umap]'"
    exact = PCA(2, svd_solver="full").fit_transform(found.whole().astype(np.float64))
    exact *= np.sign((exact * plane.at).sum(axis=0))  # a component has no sign
    np.testing.assert_allclose(plane.at, exact, atol=0.02 * np.abs(exact).max())
    np.testing.assert_allclose(project(found.whole(), 0).at, plane.at, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(project(found, 0).at, plane.at)
    assert (plane.at[np.abs(plane.at).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.usefixtures("no_umap")
def test_pca_of_codes_needs_no_embeddings() -> None:
    found = regions(6000)
    tracemalloc.start()
    project(found, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.shape[0] * found.shape[1] * 4 / 2  # half of float32 (n, 832)


@pytest.mark.usefixtures("no_umap")
def test_what_cannot_be_mapped_says_why() -> None:
    few = project(regions(15), 0)
    assert (few.method, few.why) == ("none", "15 regions are too few for a map, which needs 16")
    same = project(Concatenated(np.ones((20, 26, 4), np.uint8), np.ones((2, 8))), 0)
    assert (same.method, same.why) == ("none", "all regions have the same embedding")
    assert np.isnan(same.at).all()
    two = np.zeros((20, 26, 4), np.uint8)
    two[:5] = 1
    line = project(Concatenated(two, np.eye(2)), 0).at
    assert len(np.unique(line[:, 0].round(6))) == 2
    np.testing.assert_allclose(line[:, 1], 0, atol=1e-6)


def test_umap_reads_the_concatenation_with_a_seed_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    class Umap:
        def __init__(self, n_components: int, random_state: int, n_jobs: int) -> None:
            assert (n_components, random_state, n_jobs) == (2, 7, 1)

        def fit_transform(self, embedding: np.ndarray) -> np.ndarray:
            read.append(embedding)
            return embedding[:, :2]

    module = types.ModuleType("umap")
    module.UMAP = Umap  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr(projection, "umap_version", lambda: "0.5")
    found = regions(20)
    plane = project(found, 7)
    assert (wanted_method(), plane.method, plane.why) == ("UMAP", "UMAP", "")
    np.testing.assert_array_equal(read[0], found.whole())
    np.testing.assert_array_equal(plane.at, found.whole()[:, :2])


def test_an_umap_that_fails_costs_no_fold_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("umap")  # a package of that name that is not umap-learn
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr(projection, "umap_version", lambda: "0.5")
    plane = project(regions(20), 7)
    assert plane.method == "PCA"
    assert plane.why.startswith("umap-learn failed: AttributeError: module 'umap' has no attribute 'UMAP'")
    assert np.isfinite(plane.at).all()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="umap-learn is not installed")
def test_umap_gives_the_same_places_in_another_process() -> None:
    program = (
        "import hashlib, numpy as np\n"
        "from tests.unit.test_create_projection import regions\n"
        "from raycre.create.evaluation.projection import project\n"
        "print(hashlib.sha256(project(regions(200), 3).at.tobytes()).hexdigest())\n"
    )
    said = [
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1]
