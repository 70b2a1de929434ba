"""Golden set A's arrays over bins: the passes of the first three tests, predicted in all bins.

A run reads the TSS activity alone. That its passes are the authors' sequences shows in every other bin too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.backgrounds import controls, inserted
from raycre.creme.perturbation import WT, Perturbation, ShuffleSource, apply
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from tests.golden.creme_fixture import RTOL, Arrays, Codes, Model, intervals, read_arrays, replay, toy_model

NO_SHUFFLES = np.empty((0, 0, 0), dtype=np.uint8)
# A deviation of nearly equal numbers keeps fewer digits than they do.
DEVIATION: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-13}


@pytest.fixture(scope="module")
def toy(shared: Path) -> Path:
    return shared / "golden" / "creme" / "toy_A"


@pytest.fixture(scope="module")
def config(toy: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((toy / "config.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def model(config: dict[str, Any]) -> Model:
    return toy_model(config)


@pytest.fixture(scope="module")
def inputs(toy: Path) -> Arrays:
    return read_arrays(toy / "inputs.npz")


@pytest.fixture(scope="module")
def settings(config: dict[str, Any], inputs: Arrays) -> Settings:
    return Settings(
        seq_len=config["L"],
        tile_size=config["window"],
        tiles=tuple(intervals(inputs["tiles"])),
        n_shuffles={"context": config["Nctx"], "necessity": config["N"], "sufficiency": config["Nsuf"]},
        compat="reference",
    )


def in_all_bins(
    model: Model, wt: Codes, passes: Sequence[Perturbation], source: ShuffleSource
) -> NDArray[np.float64]:
    """float64 (passes, bins, tracks)."""
    return np.stack([model(apply(wt, p, "toy", 0, source)) for p in passes])


def test_context_dependence_in_all_bins(toy: Path, model: Model, inputs: Arrays, settings: Settings) -> None:
    expected = read_arrays(toy / "context_dependence.npz")
    wild, *mutants = TESTS["context"].perturbations(settings, {})
    assert wild == WT
    for s, wt in enumerate(inputs["seqs"]):
        source = replay({"shared": expected["shuffles"][s]}, NO_SHUFFLES, [])
        np.testing.assert_allclose(
            in_all_bins(model, wt, [wild], source)[0], expected["pred_wt"][s], rtol=RTOL
        )
        pred = in_all_bins(model, wt, mutants, source)
        np.testing.assert_allclose(pred.mean(axis=0), expected["mean_mut_all_bins"][s], rtol=RTOL)
        np.testing.assert_allclose(pred.std(axis=0), expected["std_mut_all_bins"][s], **DEVIATION)
        at_tss = pred[:, inputs["tss_bins"]].mean(axis=1)
        np.testing.assert_allclose(at_tss, expected["pred_mut_tss"][s], rtol=RTOL)


def test_necessity_per_tss_bin(toy: Path, model: Model, inputs: Arrays, settings: Settings) -> None:
    expected = read_arrays(toy / "necessity.npz")
    source = replay({}, expected["tile_shuffles"], list(settings.tiles))
    for t, tile in enumerate(settings.tiles):
        wild, *mutants = TESTS["necessity"].perturbations(replace(settings, tiles=(tile,)), {})
        assert wild == WT
        pred = in_all_bins(model, inputs["seqs"][0], mutants, source)[:, inputs["tss_bins"]]
        np.testing.assert_allclose(pred.std(axis=0), expected["std_mut_per_bin"][t], **DEVIATION)
        np.testing.assert_allclose(pred.mean(axis=1), expected["pred_mut"][t], rtol=RTOL)


def test_sufficiency_per_tss_bin(toy: Path, model: Model, inputs: Arrays, settings: Settings) -> None:
    expected = read_arrays(toy / "sufficiency.npz")
    source = replay({"own": expected["backgrounds"]}, NO_SHUFFLES, list(settings.tiles))
    for t, tile in enumerate(settings.tiles):
        for name, passes in (("mut", inserted(settings, tile)), ("control", controls(settings, tile))):
            pred = in_all_bins(model, inputs["seqs"][0], passes, source)[:, inputs["tss_bins"]]
            np.testing.assert_allclose(pred.std(axis=0), expected[f"std_{name}_per_bin"][t], **DEVIATION)
            np.testing.assert_allclose(pred.mean(axis=1), expected[f"pred_{name}"][t], rtol=RTOL)
