"""The multiplicity test against golden set A: the authors' function, replayed on stored backgrounds.

The set's elements are given, not called, so they stand in for what the sufficiency test finds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.formulas import MUTANT_OVER_CONTROL, MUTANT_OVER_ORIGINAL
from raycre.creme.perturbation import apply
from raycre.creme.plan import complete
from raycre.creme.rows import Row, gather
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS, multiplicity
from raycre.creme.tests.sufficiency import Element
from raycre.creme.tiles import Interval
from tests.golden.creme_fixture import (
    RTOL,
    Activity,
    Arrays,
    Codes,
    Model,
    analytic_models,
    at_tss,
    intervals,
    read_arrays,
    replay,
    toy_model,
)

COPIED = 4  # index of the tile that the analytic set copies (its README)
KINDS = {"enh": "enhancer", "sil": "silencer"}


@pytest.fixture(scope="module")
def stored(golden: Path) -> Arrays:
    return read_arrays(golden / "toy_A" / "multiplicity.npz")


def settings_of(wt: Codes, tss: NDArray[np.int64], tiles: NDArray[np.int64], n: int, copies: int) -> Settings:
    numbers = {"sufficiency": n, "multiplicity": n}
    return Settings(len(wt), int(tss[1] - tss[0]), tuple(intervals(tiles)), numbers, copies=copies)


def run(wt: Codes, settings: Settings, backgrounds: NDArray[np.uint8], model: Model) -> Activity:
    source = replay({"shared": backgrounds}, np.empty((0, 0, 0), dtype=np.uint8), [])
    return complete(
        ["multiplicity"],
        settings,
        lambda wanted: {p.key: model(apply(wt, p, "toy", 0, source)) for p in wanted},
    )


Toy = tuple[Settings, Activity, dict[str, Element], dict[str, list[Row]]]


@pytest.fixture(scope="module")
def toy(golden: Path, stored: Arrays) -> Toy:
    """Settings, activities, and element and rows of every "{enh,sil}_t{track}"."""
    inputs = read_arrays(golden / "toy_A" / "inputs.npz")
    config: dict[str, Any] = json.loads((golden / "toy_A" / "config.json").read_text())
    wt, tiles = inputs["seqs"][0], intervals(inputs["tiles"])
    settings = settings_of(
        wt, inputs["tss_tile"], inputs["tiles"], len(stored["backgrounds"]), config["copies"]
    )
    names = sorted(name.removesuffix("_best_tss_signal") for name in stored if "_best_tss_signal" in name)
    elements = {
        name: Element(tiles[config["cres"][name[:3]]], int(name[5:]), KINDS[name[:3]]) for name in names
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multiplicity, "elements", lambda settings, known: list(elements.values()))
        known = run(wt, settings, stored["backgrounds"], at_tss(toy_model(config), inputs["tss_bins"]))
        rows = TESTS["multiplicity"].effects(settings, known)
    of = {
        name: [r for r in rows if (r.tile, r.track, r.call) == tuple(element)]
        for name, element in elements.items()
    }
    assert sum(len(found) for found in of.values()) == len(rows)
    return settings, known, elements, of


def in_order(rows: list[Row], metric: str) -> list[Row]:
    """Return the rows of one formula, checked to count copies from 0."""
    found = [r for r in rows if r.metric == metric]
    assert [r.copies for r in found] == [r.round for r in found] == list(range(len(found)))
    return found


def indices(rows: list[Row], settings: Settings) -> list[int]:
    """Return which tile's place each copy took; the row without a copy stands for the TSS tile."""
    offsets: list[Interval] = [(r.offset_start, r.offset_end) for r in rows]
    assert offsets[0] == settings.tss_tile
    return [settings.tiles.index(offset) for offset in offsets[1:]]


@pytest.mark.parametrize("cre", list(KINDS))
def test_multiplicity_of_the_toy_model_on_every_track(toy: Toy, stored: Arrays, cre: str) -> None:
    settings, known, elements, rows = toy
    names = [name for name in elements if name.startswith(cre)]
    assert len(names) == len(known["wt"])
    for name in names:
        expected = {
            array.removeprefix(f"{name}_"): values
            for array, values in stored.items()
            if array.startswith(f"{name}_")
        }
        paper, code = (in_order(rows[name], m) for m in (MUTANT_OVER_CONTROL, MUTANT_OVER_ORIGINAL))
        n_copies, n_shuffles, n_places = expected["all_mutants"].shape
        assert len(paper) == len(code) == n_copies + 1
        assert {r.n for r in rows[name]} == {n_shuffles}
        only_tss, original = (float(expected[f"{n}_pred"]) for n in ("only_tss", "tss_and_cre"))
        for found in (paper, code):
            assert indices(found, settings) == expected["selected_tile_index"].tolist()
            np.testing.assert_allclose(
                [r.mutant for r in found], [only_tss, *expected["best_tss_signal"]], rtol=RTOL
            )
        np.testing.assert_allclose(
            [r.effect for r in paper], expected["normalised_paper_over_control"], rtol=RTOL
        )
        np.testing.assert_allclose(
            [r.effect for r in code], expected["normalised_code_over_original_position"], rtol=RTOL
        )
        np.testing.assert_allclose(np.array([r.control for r in paper]), only_tss, rtol=RTOL)
        np.testing.assert_allclose([r.mutant / r.effect for r in code], original, rtol=RTOL)

        # Every mutant that was tried; places already taken are NaN.
        tried = np.full((n_copies, n_shuffles, n_places), np.nan)
        for n, places in enumerate(multiplicity.rounds(settings, known, elements[name])):
            for place, passes in places.items():
                tried[n, :, settings.tiles.index(place)] = gather(known, passes)[:, elements[name].track]
        np.testing.assert_allclose(tried, expected["all_mutants"], rtol=RTOL)
        chosen = tried[np.arange(n_copies), :, expected["selected_tile_index"]]
        np.testing.assert_allclose([r.sd for r in paper[1:]], chosen.std(axis=1), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["additive", "multiplicative", "or", "and"])
def test_multiplicity_of_the_analytic_set(
    analytic: Arrays, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wt, backgrounds, order = analytic["seq"], analytic["backgrounds"], analytic[f"{name}_multiplicity_order"]
    settings = settings_of(wt, analytic["tss_tile"], analytic["tiles"], len(backgrounds), len(order))
    copied = [Element(settings.tiles[COPIED], 0, "enhancer")]
    monkeypatch.setattr(multiplicity, "elements", lambda settings, known: copied)
    known = run(wt, settings, backgrounds, analytic_models(analytic)[name])
    rows = TESTS["multiplicity"].effects(settings, known)
    paper, code = (in_order(rows, m) for m in (MUTANT_OVER_CONTROL, MUTANT_OVER_ORIGINAL))
    activity = analytic[f"{name}_multiplicity_pred"]
    np.testing.assert_allclose([r.mutant for r in paper], activity, rtol=RTOL)
    np.testing.assert_allclose([r.effect for r in paper], activity / activity[0], rtol=RTOL)
    original = analytic[f"{name}_multiplicity_tss_and_cre"]
    np.testing.assert_allclose([r.effect for r in code], activity / original, rtol=RTOL)
    assert indices(paper, settings) == order.tolist()  # exact ties go to the first
