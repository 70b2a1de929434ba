"""The multiplicity test: copies add up with the planted model, and what the search does at the edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation, reference_of
from raycre.creme.plan import complete, passes
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.multiplicity import rounds
from raycre.creme.tests.sufficiency import Element
from tests.planted_gene import GRID, LENGTH, TILE, activities, decay, wild_type

N = {"sufficiency": 2, "multiplicity": 2}
LEFT, TSS, RIGHT, FAR = (15, 25), (25, 35), (35, 45), (45, 55)
HOME = (4_096, 4_608)  # bins 32-35
# Second bins of tiles, the nearest first: 3 and 4 bins from TSS bins 50 and 49, then 4 and 5, 7 and 8 ...
NEAREST = (53, 45, 57, 41, 61, 37)


def planted_rows(motif: str, track: int) -> dict[str, list[Row]]:
    """Rows by formula, of an element of two hits in bin 33."""
    settings = Settings(LENGTH, TILE, GRID, N, copies=len(NEAREST), searched=(track,))
    wt = wild_type(motif, [33])
    wt[128 * 33 + 20 : 128 * 33 + 35] = wt[128 * 33 + 56 : 128 * 33 + 71]
    rows = TESTS["multiplicity"].effects(settings, activities(["multiplicity"], settings, wt))
    assert {(r.tile, r.track) for r in rows} == {(HOME, track)}
    return {m: [r for r in rows if r.metric == m] for m in ("mutant/control", "mutant/original")}


def small(
    compat: str = "fixed", copies: int = 15, tiles: tuple[tuple[int, int], ...] = (LEFT, RIGHT)
) -> Settings:
    return Settings(60, 10, tiles, N, compat, elements="all", copies=copies)


@pytest.mark.parametrize("track", [0, 1])
def test_copies_of_an_enhancer_add_up_from_the_nearest_place_on(track: int) -> None:
    found = planted_rows("enhancer", track)
    each = [40 * (decay(b, 49, track) + decay(b, 50, track)) / 2 for b in NEAREST]
    activity = 1 + np.cumsum([0.0, *each])
    original = 1 + 40 * (decay(33, 49, track) + decay(33, 50, track)) / 2
    for rows in found.values():
        assert [r.copies for r in rows] == [r.round for r in rows] == list(range(len(NEAREST) + 1))
        assert rows[0].offset_start == 6_144  # the TSS tile, of which there is no copy
        assert [r.offset_start // 128 + 1 for r in rows[1:]] == list(NEAREST)
        assert {r.call for r in rows} == {"enhancer"}
        np.testing.assert_allclose([r.mutant for r in rows], activity, rtol=1e-6)
    paper, code = found.values()
    np.testing.assert_allclose([r.effect for r in paper], activity, rtol=1e-6)  # the TSS tile alone has 1
    assert {r.control for r in paper} == {1.0}
    np.testing.assert_allclose([r.effect for r in code], activity / original, rtol=1e-6)


def test_copies_of_a_silencer_add_up_in_the_denominator() -> None:
    for metric, rows in planted_rows("silencer", 0).items():
        assert [r.offset_start // 128 + 1 for r in rows[1:]] == list(NEAREST)
        assert {r.call for r in rows} == {"silencer"}
        bins = [np.cumsum([0.0, *(2 * decay(b, q, 0) for b in NEAREST)]) for q in (49, 50)]
        activity = sum(1 / (1 + s) for s in bins) / 2
        original = sum(1 / (1 + 2 * decay(33, q, 0)) for q in (49, 50)) / 2
        over = {"mutant/control": 1.0, "mutant/original": original}[metric]
        np.testing.assert_allclose([r.effect for r in rows], activity / over, rtol=1e-6)


def steps_of(settings: Settings) -> tuple[list[list[Perturbation]], dict[str, NDArray[np.float64]]]:
    """Return the passes of each step and what is known after the last, where every activity is 10."""
    steps: list[list[Perturbation]] = []

    def predict(wanted: Sequence[Perturbation]) -> dict[str, NDArray[np.float64]]:
        steps.append(list(wanted))
        return {p.key: np.array([10.0]) for p in wanted}

    return steps, complete(["multiplicity"], settings, predict)


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_a_copy_more_is_a_step_more_and_nothing_is_predicted_in_vain(compat: str) -> None:
    settings = small(compat, copies=3, tiles=(LEFT, RIGHT, FAR))
    steps, known = steps_of(settings)
    assert set(steps[0]) == set(TESTS["sufficiency"].perturbations(settings, {}))
    # Three elements in two backgrounds each: two foreign places, then two and one on top of the first.
    assert [len(step) for step in steps[1:]] == [12, 12, 6]
    assert {p.key for p in passes(["multiplicity"], settings, known)} == set(known)
    owners = {p.background[0] for step in steps for p in step if p.background is not None}
    assert owners == ({None} if compat == "fixed" else {LEFT, RIGHT, FAR})
    assert TESTS["multiplicity"].needs == ("sufficiency",)


def test_equal_places_are_taken_in_order_and_each_pass_adds_to_the_last() -> None:
    settings = small(copies=3, tiles=(LEFT, RIGHT, FAR))
    _, known = steps_of(settings)
    first, second, third = rounds(settings, known, Element(RIGHT, 0, "enhancer"))
    assert [list(r) for r in (first, second, third)] == [[LEFT, RIGHT, FAR], [RIGHT, FAR], [FAR]]
    # A first copy at home is the sufficiency test's pass, a later one is placed like any other.
    assert first[RIGHT] == [Perturbation((None, k), kept=(TSS, RIGHT)) for k in range(2)]
    assert second[RIGHT][0].placed == ((*RIGHT, LEFT[0]), (*RIGHT, RIGHT[0]))
    assert [reference_of(p, TSS) for p in third[FAR]] == second[RIGHT]
    assert [reference_of(p, TSS) for p in second[RIGHT]] == first[LEFT]
    assert [reference_of(p, TSS) for p in first[LEFT]] == [
        Perturbation((None, k), kept=(TSS,)) for k in range(2)
    ]


def test_a_first_copy_at_home_is_the_base_of_the_next() -> None:
    settings = small(copies=2)
    _, known = steps_of(settings)
    first, second = rounds(settings, known, Element(LEFT, 0, "silencer"))
    assert [reference_of(p, TSS) for p in second[RIGHT]] == first[LEFT]
    assert second[RIGHT][0] == Perturbation((None, 0), kept=(LEFT, TSS), placed=((*LEFT, RIGHT[0]),))


def test_silencer_takes_the_lowest_mean_over_backgrounds() -> None:
    settings = small(copies=1)
    _, known = steps_of(settings)
    known |= {
        "background=0+tile=25-35+tile=15-25/at=35": np.array([1.0]),  # mean 5.5 at the right place
        "background=0+tile=15-25+tile=25-35": np.array([4.0]),
        "background=1+tile=15-25+tile=25-35": np.array([6.0]),  # mean 5 at home
    }
    rows = TESTS["multiplicity"].effects(settings, known)
    one = [r for r in rows if r.tile == LEFT and r.copies == 1]
    assert [(r.offset_start, r.mutant, r.sd, r.effect, r.call) for r in one] == [
        (15, 5.0, 1.0, 0.5, "silencer"),
        (15, 5.0, 1.0, 1.0, "silencer"),
    ]


def test_fewer_places_than_copies_end_the_search() -> None:
    _, known = steps_of(small())
    rows = TESTS["multiplicity"].effects(small(), known)
    assert [r.copies for r in rows if r.tile == LEFT] == [0, 0, 1, 1, 2, 2]


def test_no_copy_overwrites_part_of_another() -> None:
    # Tiles may overlap each other: what starts at 10 would cut into a copy at 5 or 15.
    settings = small(tiles=((5, 15), (10, 20), LEFT))
    _, known = steps_of(settings)
    rows = TESTS["multiplicity"].effects(settings, known)
    taken = [r.offset_start for r in rows if r.tile == (5, 15) and r.metric == "mutant/control"]
    assert taken == [TSS[0], 5, 15]


@pytest.mark.parametrize("tiles", [(), (LEFT, RIGHT)])
def test_no_elements_no_further_passes_and_no_rows(tiles: tuple[tuple[int, int], ...]) -> None:
    settings = Settings(60, 10, tiles, N)  # elements are called, and equal activities call none
    steps, known = steps_of(settings)
    assert len(steps) == 1
    assert set(known) == {p.key for p in TESTS["sufficiency"].perturbations(settings, {})}
    assert TESTS["multiplicity"].effects(settings, known) == []


def test_effects_over_a_silent_tss_tile_are_null() -> None:
    # Nothing without the enhancer: 0 alone, 50 of 100 with it.
    settings = Settings(60, 10, (LEFT,), N)
    known = {"wt": np.array([100.0])}
    for k in range(2):
        known |= {
            f"background={k}+tile=25-35": np.array([0.0]),
            f"background={k}+tile=15-25+tile=25-35": np.array([50.0]),
        }
    rows = TESTS["multiplicity"].effects(settings, known)
    assert [(r.copies, r.metric, r.call) for r in rows] == [
        (0, "mutant/control", "enhancer"),
        (0, "mutant/original", "enhancer"),
        (1, "mutant/control", "enhancer"),
        (1, "mutant/original", "enhancer"),
    ]
    np.testing.assert_array_equal([r.effect for r in rows], [np.nan, 0.0, np.nan, 1.0])
    silent = {key: np.zeros(1) for key in known}
    assert TESTS["multiplicity"].effects(settings, silent) == []
