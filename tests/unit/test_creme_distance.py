"""The TSS-CRE distance test: known decays with the planted model, and what it asks for at the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation, reference_of
from raycre.creme.plan import complete, n_after, passes
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.distance import moved
from tests.planted_gene import GRID, LENGTH, TILE, activities, decay, wild_type

N = {"sufficiency": 2, "distance": 2}
LEFT, TSS, RIGHT = (15, 25), (25, 35), (35, 45)
HOME = GRID.index((4_096, 4_608))  # bins 32-35


def planted_rows(motif: str) -> list[Row]:
    """Two hits in bin 33, the second of their tile: a called element on both tracks."""
    settings = Settings(LENGTH, TILE, GRID, N)
    # Two in one bin: each of them copied with the tile.
    wt = wild_type(motif, [33])
    wt[128 * 33 + 20 : 128 * 33 + 35] = wt[128 * 33 + 56 : 128 * 33 + 71]
    return TESTS["distance"].effects(settings, activities(["distance"], settings, wt))


def small(compat: str = "fixed", **n: int) -> Settings:
    return Settings(60, 10, (LEFT, RIGHT), N | n, compat, elements="all")


def constant(known: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    return {key: np.array([value]) for key, value in known.items()}


@pytest.mark.parametrize("track", [0, 1])
def test_fold_and_effect_of_a_moved_enhancer_follow_its_decay(track: int) -> None:
    rows = [r for r in planted_rows("enhancer") if r.track == track]
    assert {(r.tile, r.call, r.n, r.sd) for r in rows} == {(GRID[HOME], "enhancer", 2, 0.0)}
    # 1 + 40 times the decay from bin 1 of where the tile stands, mean of bins 49 and 50.
    bins = [start // 128 + 1 for start, _ in GRID]
    added = np.array([40 * (decay(b, 49, track) + decay(b, 50, track)) / 2 for b in bins])
    fold, effect = ([r for r in rows if r.metric == m] for m in ("mutant/max", "(mutant-control)/wt"))
    for pair in (fold, effect):
        assert [(r.offset_start, r.offset_end) for r in pair] == list(GRID)
        np.testing.assert_allclose([r.mutant for r in pair], 1 + added, rtol=1e-6)
    # Bin 53, right of the TSS tile, is 3 and 4 bins away; bin 45, left of it, 4 and 5.
    assert bins[int(np.argmax(added))] == 53
    np.testing.assert_allclose([r.effect for r in fold], (1 + added) / (1 + added[bins.index(53)]), rtol=1e-6)
    assert max(r.effect for r in fold) == 1.0
    assert {r.control for r in fold} == {None}
    np.testing.assert_allclose([r.effect for r in effect], added / (1 + added[HOME]), rtol=1e-6)
    assert {r.control for r in effect} == {1.0}


def test_fold_of_a_moved_silencer_is_one_where_it_silences_least() -> None:
    rows = [r for r in planted_rows("silencer") if r.track == 0]
    assert {(r.tile, r.call) for r in rows} == {(GRID[HOME], "silencer")}
    bins = [start // 128 + 1 for start, _ in GRID]
    left = np.array([sum(1 / (1 + 2 * decay(b, q, 0)) for q in (49, 50)) / 2 for b in bins])
    fold, effect = ([r for r in rows if r.metric == m] for m in ("mutant/max", "(mutant-control)/control"))
    # Bin 1, the farthest, is 48 and 49 bins away; the last tile's bin 97 is 48 and 47.
    np.testing.assert_allclose([r.effect for r in fold], left / left[0], rtol=1e-6)
    assert fold[0].effect == 1.0
    np.testing.assert_allclose([r.effect for r in effect], left - 1, rtol=1e-5)


def test_the_place_of_the_element_itself_is_the_sufficiency_tests() -> None:
    for compat, owner in (("fixed", None), ("reference", LEFT)):
        own = moved(small(compat), LEFT, LEFT)
        assert own == [Perturbation((owner, k), kept=(TSS, LEFT)) for k in range(2)]
        assert set(own) <= set(TESTS["sufficiency"].perturbations(small(compat), {}))
    assert TESTS["distance"].needs == ("sufficiency",)


def test_a_moved_copy_starts_from_the_tss_tile_in_its_background() -> None:
    there = moved(small(), LEFT, RIGHT)
    assert there == [Perturbation((None, k), kept=(TSS,), placed=((15, 25, 35),)) for k in range(2)]
    assert reference_of(there[1], TSS) == Perturbation((None, 1), kept=(TSS,))


def test_reference_takes_a_new_first_background_for_every_place() -> None:
    there = moved(small("reference", distance=3), LEFT, RIGHT)
    assert [p.background for p in there] == [(RIGHT, 0), (LEFT, 1), (LEFT, 2)]


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_two_steps_ask_for_all_that_is_read_and_no_more(compat: str) -> None:
    settings = small(compat)
    steps: list[list[Perturbation]] = []

    def predict(wanted: Sequence[Perturbation]) -> dict[str, NDArray[np.float64]]:
        steps.append(list(wanted))
        return {p.key: np.array([10.0 + len(p.edited)]) for p in wanted}

    known = complete(["distance"], settings, predict)
    assert set(steps[0]) == set(TESTS["sufficiency"].perturbations(settings, {}))
    # Either element at the other's place, in two backgrounds; all else is known from sufficiency.
    assert len(steps) == 2
    assert len(steps[1]) == 4
    assert {p.key for p in passes(["distance"], settings, known)} == set(known)
    assert n_after(["sufficiency", "distance"], settings, known) == len(known)
    rows = TESTS["distance"].effects(settings, known)
    assert len(rows) == 2 * 2 * 2  # elements, places, formulas


def test_more_backgrounds_than_sufficiency_has_bring_their_own_controls() -> None:
    settings = small(distance=3)
    known = complete(["distance"], settings, lambda wanted: {p.key: np.array([10.0]) for p in wanted})
    known["background=2+tile=25-35"] = np.array([40.0])
    rows = TESTS["distance"].effects(settings, known)
    assert {r.n for r in rows} == {3}
    assert {r.control for r in rows if r.metric != "mutant/max"} == {20.0}  # of 10, 10 and 40
    assert {r.effect for r in rows if r.metric != "mutant/max"} == {-0.5}


def test_a_place_where_two_tiles_start_is_tried_once() -> None:
    settings = Settings(60, 10, ((0, 20), (0, 10), LEFT), N, elements="all")
    known = complete(["distance"], settings, lambda wanted: {p.key: np.array([10.0]) for p in wanted})
    rows = TESTS["distance"].effects(settings, known)
    stood = [r.offset_start for r in rows if r.tile == LEFT and r.metric == "mutant/max"]
    assert stood == [0, 15]


def test_an_element_longer_than_the_tiles_stays_off_the_tss_tile_and_inside() -> None:
    # 20 bp from 15 on would reach into the TSS tile, from 45 on past the end.
    settings = Settings(60, 10, ((0, 20), LEFT, (40, 50), (45, 55)), N, elements="all")
    known = complete(["distance"], settings, lambda wanted: {p.key: np.array([10.0]) for p in wanted})
    rows = TESTS["distance"].effects(settings, known)
    stood = {(r.offset_start, r.offset_end) for r in rows if r.tile == (0, 20)}
    assert stood == {(0, 20), (40, 60)}
    assert {(r.offset_start, r.offset_end) for r in rows if r.tile == LEFT} == {
        (0, 10),
        LEFT,
        (40, 50),
        (45, 55),
    }


@pytest.mark.parametrize("tiles", [(), (LEFT, RIGHT)])
def test_no_elements_no_further_passes_and_no_rows(tiles: tuple[tuple[int, int], ...]) -> None:
    settings = Settings(60, 10, tiles, N)  # elements are called, and equal activities call none
    known = complete(["distance"], settings, lambda wanted: {p.key: np.array([10.0]) for p in wanted})
    assert set(known) == {p.key for p in TESTS["sufficiency"].perturbations(settings, {})}
    assert TESTS["distance"].effects(settings, known) == []


def test_silent_gene_has_no_elements() -> None:
    known = complete(["distance"], small(), lambda wanted: {p.key: np.zeros(1) for p in wanted})
    assert TESTS["distance"].effects(small(), known) == []


def test_fold_is_null_where_no_place_has_activity() -> None:
    known = constant(
        {
            "wt": 1.0,
            **{f"background={k}+tile=25-35": 2.0 for k in range(2)},
            **{f"background={k}+tile=15-25+tile=25-35": -1.0 for k in range(2)},
            **{f"background={k}+tile=25-35+tile=35-45": -2.0 for k in range(2)},
            **{f"background={k}+tile=25-35+tile=15-25/at=35": 0.0 for k in range(2)},
            **{f"background={k}+tile=25-35+tile=35-45/at=15": 0.0 for k in range(2)},
        }
    )
    rows = TESTS["distance"].effects(small(), known)
    assert len(rows) == 8
    for r in rows:
        assert np.isnan(r.effect) == (r.metric == "mutant/max")
