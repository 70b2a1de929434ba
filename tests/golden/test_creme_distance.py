"""The TSS-CRE distance test against golden set A: the authors' function, replayed on stored backgrounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.backgrounds import controls, inserted
from raycre.creme.formulas import MUTANT_OVER_MAX, insertion_effect
from raycre.creme.perturbation import apply
from raycre.creme.plan import complete
from raycre.creme.rows import Row, gather
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.distance import moved
from raycre.creme.tiles import distance
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

MOVED = 4  # index of the tile that the analytic set moves (its README)
NO_TILE_SHUFFLES = np.empty((0, 0, 0), dtype=np.uint8)


@pytest.fixture(scope="module")
def stored(golden: Path) -> Arrays:
    return read_arrays(golden / "toy_A" / "distance.npz")


def settings_of(wt: Codes, tss: NDArray[np.int64], tiles: NDArray[np.int64], n: int) -> Settings:
    """Every tile is an element, since the set moves tiles that are given, not called."""
    numbers = {"sufficiency": n, "distance": n}
    return Settings(len(wt), int(tss[1] - tss[0]), tuple(intervals(tiles)), numbers, elements="all")


def run(wt: Codes, settings: Settings, backgrounds: NDArray[np.uint8], model: Model) -> Activity:
    source = replay({"shared": backgrounds}, NO_TILE_SHUFFLES, [])
    return complete(
        ["distance"], settings, lambda wanted: {p.key: model(apply(wt, p, "toy", 0, source)) for p in wanted}
    )


@pytest.fixture(scope="module")
def toy(golden: Path, stored: Arrays) -> tuple[Settings, Activity, list[Row]]:
    inputs = read_arrays(golden / "toy_A" / "inputs.npz")
    config: dict[str, Any] = json.loads((golden / "toy_A" / "config.json").read_text())
    wt = inputs["seqs"][0]
    settings = settings_of(wt, inputs["tss_tile"], inputs["tiles"], config["Ndist"])
    model = at_tss(toy_model(config), inputs["tss_bins"])
    known = run(wt, settings, stored["backgrounds"], model)
    return settings, known, TESTS["distance"].effects(settings, known)


def test_positions_and_their_distances_are_the_stored_ones(
    toy: tuple[Settings, Activity, list[Row]], stored: Arrays
) -> None:
    settings, _, rows = toy
    tile = tuple(stored["enh_tile"].tolist())
    mine = [r for r in rows if (r.tile, r.track, r.metric) == (tile, 0, MUTANT_OVER_MAX)]
    assert [r.offset_start for r in mine] == stored["test_positions"].tolist()
    assert {r.offset_end - r.offset_start for r in mine} == {tile[1] - tile[0]}
    apart = np.array([distance((r.offset_start, r.offset_end), settings.tss_tile) for r in mine])
    np.testing.assert_array_equal(apart, stored["distance_bp"])
    np.testing.assert_array_equal(apart // 1000, stored["distance_kb_floor"])


@pytest.mark.parametrize("cre", ["enh", "sil"])
def test_distance_of_the_toy_model(
    toy: tuple[Settings, Activity, list[Row]], stored: Arrays, cre: str
) -> None:
    settings, known, rows = toy
    expected = {name.removeprefix(f"{cre}_"): array for name, array in stored.items()}
    (tile,) = intervals(expected["tile"][None])
    n_places, n_shuffles, n_tracks = expected["pred_mut"].shape

    # The passes behind the rows, one by one.
    at = [(start, start + tile[1] - tile[0]) for start in stored["test_positions"].tolist()]
    mutants = np.stack([gather(known, moved(settings, tile, place)) for place in at])
    np.testing.assert_allclose(mutants, expected["pred_mut"], rtol=RTOL)
    control = gather(known, controls(settings, tile, "distance"))
    np.testing.assert_allclose(control, expected["tss_only"], rtol=RTOL)
    original = gather(known, inserted(settings, tile, "distance"))
    np.testing.assert_allclose(original, expected["pred_original_position"], rtol=RTOL)
    np.testing.assert_allclose(original.mean(axis=0), expected["mean_at_original"], rtol=RTOL)

    for t in range(n_tracks):
        mine = [r for r in rows if (r.tile, r.track) == (tile, t)]
        fold = [r for r in mine if r.metric == MUTANT_OVER_MAX]
        effect = [r for r in mine if r.metric != MUTANT_OVER_MAX]
        assert len(fold) == len(effect) == n_places
        assert {r.n for r in mine} == {n_shuffles}
        for pair in (fold, effect):
            np.testing.assert_allclose([r.mutant for r in pair], expected["mean_mut"][:, t], rtol=RTOL)
            np.testing.assert_allclose(
                [r.sd for r in pair], expected["pred_mut"].std(axis=1)[:, t], rtol=1e-9, atol=1e-14
            )
        np.testing.assert_allclose([r.effect for r in fold], expected["fold_over_max"][:, t], rtol=RTOL)
        controls_of = np.array([r.control for r in effect])
        np.testing.assert_allclose(controls_of, expected["tss_only"].mean(axis=0)[t], rtol=RTOL)
        (metric,) = {r.metric for r in effect}
        name = "effect_over_wt" if metric == "(mutant-control)/wt" else "effect_over_control"
        np.testing.assert_allclose([r.effect for r in effect], expected[name][:, t], rtol=1e-9, atol=1e-14)

    # The formula of either context, on the same activities.
    for context, name in (("enhancing", "effect_over_wt"), ("other", "effect_over_control")):
        value, _ = insertion_effect(
            mutants.mean(axis=1), control.mean(axis=0), known["wt"], [context] * n_tracks
        )
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["additive", "multiplicative", "or", "and"])
def test_distance_of_the_analytic_set(analytic: Arrays, name: str) -> None:
    wt, backgrounds = analytic["seq"], analytic["backgrounds"]
    settings = settings_of(wt, analytic["tss_tile"], analytic["tiles"], len(backgrounds))
    known = run(wt, settings, backgrounds, analytic_models(analytic)[name])
    tile = settings.tiles[MOVED]
    rows = [
        r
        for r in TESTS["distance"].effects(settings, known)
        if r.tile == tile and r.metric == MUTANT_OVER_MAX
    ]
    assert [r.offset_start for r in rows] == analytic["tiles"][:, 0].tolist()
    np.testing.assert_allclose([r.mutant for r in rows], analytic[f"{name}_distance_mean_mut"], rtol=RTOL)
    np.testing.assert_allclose(
        [r.effect for r in rows], analytic[f"{name}_distance_fold_over_max"], rtol=1e-9, atol=1e-14
    )
