"""The three tests from activities to rows, with activities that give round numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.errors import RaycreError

LEFT, TSS, RIGHT = (15, 25), (25, 35), (35, 45)
N = {"context": 2, "necessity": 2, "sufficiency": 2}


def settings_of(compat: str = "fixed", tiles: tuple[tuple[int, int], ...] = (LEFT, RIGHT)) -> Settings:
    return Settings(60, 10, tiles, N, compat)


def activity(**of: tuple[float, ...]) -> dict[str, NDArray[np.float64]]:
    """Two tracks: an enhancing context (100 -> 4) and a silencing one (10 -> 20), under readable names."""
    names = {
        "wt": "wt",
        "control_0": "background=0+tile=25-35",
        "control_1": "background=1+tile=25-35",
        "left_shuffled_0": "tile=15-25/shuffle=0",
        "left_shuffled_1": "tile=15-25/shuffle=1",
        "right_shuffled_0": "tile=35-45/shuffle=0",
        "right_shuffled_1": "tile=35-45/shuffle=1",
        "left_kept_0": "background=0+tile=15-25+tile=25-35",
        "left_kept_1": "background=1+tile=15-25+tile=25-35",
        "right_kept_0": "background=0+tile=25-35+tile=35-45",
        "right_kept_1": "background=1+tile=25-35+tile=35-45",
    }
    return {names[name]: np.array(values, dtype=np.float64) for name, values in of.items()}


WILD_TYPE = activity(wt=(100, 10))
CONTEXTS = WILD_TYPE | activity(control_0=(3, 18), control_1=(5, 22))
SHUFFLED = WILD_TYPE | activity(
    left_shuffled_0=(60, 10), left_shuffled_1=(40, 12), right_shuffled_0=(100, 13), right_shuffled_1=(100, 15)
)
KEPT = CONTEXTS | activity(
    left_kept_0=(54, 20), left_kept_1=(54, 20), right_kept_0=(4, 9), right_kept_1=(4, 11)
)


def find(table: list[Row], tile: tuple[int, int], track: int) -> Row:
    (row,) = (r for r in table if (r.offset_start, r.offset_end, r.track) == (*tile, track))
    return row


def test_context_gives_one_row_per_track_for_the_tss_tile() -> None:
    table = TESTS["context"].effects(settings_of(), CONTEXTS)
    assert table == [
        Row(25, 35, 0, None, None, 100.0, None, 4.0, 1.0, 2, 0.96, "(wt-mutant)/wt", "enhancing"),
        Row(25, 35, 1, None, None, 10.0, None, 20.0, 2.0, 2, -1.0, "(wt-mutant)/wt", "silencing"),
    ]


def test_necessity_calls_tiles_by_the_context_of_the_gene() -> None:
    table = TESTS["necessity"].effects(settings_of(), CONTEXTS | SHUFFLED)
    assert len(table) == 4
    assert find(table, LEFT, 0) == Row(
        15, 25, 0, None, None, 100.0, None, 50.0, 10.0, 2, 0.5, "(wt-mutant)/wt", "enhancer"
    )
    silencer = find(table, RIGHT, 1)
    assert (silencer.mutant, silencer.effect, silencer.call) == (14.0, -0.4, "silencer")
    assert find(table, LEFT, 1).call == find(table, RIGHT, 0).call == "neither"


def test_necessity_alone_has_effects_but_no_calls() -> None:
    table = TESTS["necessity"].effects(settings_of(), SHUFFLED)
    assert find(table, LEFT, 0).effect == 0.5
    assert {r.call for r in table} == {None}


def test_sufficiency_divides_as_the_context_asks() -> None:
    table = TESTS["sufficiency"].effects(settings_of(), KEPT)
    assert find(table, LEFT, 0) == Row(
        15, 25, 0, None, None, 100.0, 4.0, 54.0, 0.0, 2, 0.5, "(mutant-control)/wt", "enhancer"
    )
    assert find(table, RIGHT, 1) == Row(
        35, 45, 1, None, None, 10.0, 20.0, 10.0, 1.0, 2, -0.5, "(mutant-control)/control", "silencer"
    )
    assert find(table, RIGHT, 0).call == "neither"


def test_sufficiency_controls_stand_in_for_a_context_test_that_was_not_run() -> None:
    # 3 contexts are asked for and only the 2 that sufficiency needs were predicted.
    more = Settings(60, 10, (LEFT, RIGHT), N | {"context": 3})
    table = TESTS["sufficiency"].effects(more, KEPT)
    assert find(table, LEFT, 0).call == "enhancer"
    # With the third, the mean context of track 0 is 24 and its effect 0.76: no longer enhancing.
    third = {"background=2+tile=25-35": np.array([64.0, 20.0])}
    again = find(TESTS["sufficiency"].effects(more, KEPT | third), LEFT, 0)
    assert (again.effect, again.metric, again.call) == (12.5, "(mutant-control)/control", "neither")


def test_reference_controls_are_those_of_the_tile_and_the_class_that_of_all() -> None:
    own = {
        f"background={k}/of={start}-{end}+{kept}": np.array([value])
        for (start, end), control, mutant in ((LEFT, 2.0, 42.0), (RIGHT, 6.0, 6.0))
        for k in range(2)
        for kept, value in (
            ("tile=25-35", control),
            ("+".join(f"tile={s}-{e}" for s, e in sorted([TSS, (start, end)])), mutant),
        )
    }
    table = TESTS["sufficiency"].effects(settings_of("reference"), {"wt": np.array([100.0])} | own)
    # Mean control 4 of 100 makes the context enhancing, though the right tile's own 6 would not.
    assert [(r.control, r.effect, r.call) for r in table] == [(2.0, 0.4, "enhancer"), (6.0, 0.0, "neither")]


def test_silent_gene_has_null_effects_and_no_class() -> None:
    silent = {key: np.zeros(2) for key in (CONTEXTS | SHUFFLED | KEPT)}
    for name in N:
        for row in TESTS[name].effects(settings_of(), silent):
            assert np.isnan(row.effect)
            assert row.call is None


def test_activity_that_is_not_a_number_stops_the_run() -> None:
    broken = CONTEXTS | activity(control_1=(np.nan, 1))
    with pytest.raises(RaycreError, match=r"nan, 1\.0\] for pass background=1"):
        TESTS["context"].effects(settings_of(), broken)


def test_no_tiles_no_rows() -> None:
    for name in ("necessity", "sufficiency"):
        assert TESTS[name].effects(settings_of(tiles=()), CONTEXTS) == []
