"""The feature spectrum against golden/create/spectrum.npz, for every case found there (README beside it)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from raycre.create.evaluation.spectrum import Spectrum, count_features, spectrum_of

Arrays = dict[str, np.ndarray]


@pytest.fixture
def cases(shared: Path) -> dict[str, Arrays]:
    path = shared / "golden" / "create" / "spectrum.npz"
    if not path.is_file():
        pytest.skip(f"no golden spectrum at {path}")
    found: dict[str, Arrays] = {}
    with np.load(path) as stored:
        for key in stored.files:
            case, _, name = key.partition("/")
            found.setdefault(case, {})[name] = stored[key]
    return found


def spectrum(arrays: Arrays) -> Spectrum:
    n_classes = len(arrays["count"])
    return spectrum_of(count_features(arrays["codes"], arrays["label"], int(arrays["K"]), n_classes))


def test_every_array_of_every_case_is_the_golden_one(cases: dict[str, Arrays]) -> None:
    assert cases
    for case, arrays in cases.items():
        found = spectrum(arrays)
        for name in ("count", "class_of_feature", "used", "order"):
            np.testing.assert_array_equal(getattr(found, name), arrays[name], err_msg=f"{case}/{name}")
        for name, ours in (("t", found.t), ("p", found.p), ("p_max", found.p_max), ("F", found.matrix)):
            np.testing.assert_allclose(ours, arrays[name], rtol=1e-14, atol=0, err_msg=f"{case}/{name}")


def test_chunks_of_regions_add_up_to_the_same_counts(cases: dict[str, Arrays]) -> None:
    for arrays in cases.values():
        codes, label, count = arrays["codes"], arrays["label"], arrays["count"]
        for size in (1, 7, len(codes)):
            parts = [
                count_features(codes[i : i + size].astype(np.uint16), label[i : i + size], count.shape[1])
                for i in range(0, len(codes), size)
            ]
            np.testing.assert_array_equal(np.sum(parts, axis=0), count)


def test_the_major_feature_is_a_first_of_its_class_in_the_golden_order(cases: dict[str, Arrays]) -> None:
    for arrays in cases.values():
        found, of_class = spectrum(arrays), arrays["class_of_feature"]
        for label in range(len(arrays["count"])):
            own = arrays["order"][of_class[arrays["order"]] == label]
            major = found.major_feature(label)
            if not len(own):
                assert major is None
                continue
            assert major in own
            assert arrays["p_max"][major] == arrays["p_max"][own[0]]
