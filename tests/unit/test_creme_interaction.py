"""The greedy search and its sets on models whose answers follow by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from raycre.backbones.planted import MOTIFS, load_planted
from raycre.creme import expectation
from raycre.creme.perturbation import WT, Perturbation, apply, reference_of
from raycre.creme.plan import complete, missing, n_after, n_before, passes
from raycre.creme.rows import Row
from raycre.creme.settings import SEARCHES, Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.interaction import follow
from raycre.creme.tiles import Interval
from raycre.errors import RaycreError

A, B, C, TSS = (0, 10), (10, 20), (30, 40), (20, 30)
Activity = Callable[[Perturbation], Sequence[float]]
Predicted = dict[str, NDArray[np.float64]]


def settings_of(
    tiles: tuple[tuple[int, int], ...] = (A, B, C),
    n: int = 1,
    searches: tuple[str, ...] = ("min",),
    **other: Any,
) -> Settings:
    return Settings(50, 10, tiles, {"interaction": n, "sets": n, "necessity": n}, searches=searches, **other)


def run(settings: Settings, activity: Activity, *tests: str) -> tuple[Predicted, list[Row]]:
    """Predict and read `tests`; return what is known and the rows of the last."""
    known = complete(
        tests, settings, lambda asked: {p.key: np.array(activity(p), dtype=np.float64) for p in asked}
    )
    return known, TESTS[tests[-1]].effects(settings, known)


def levels(table: dict[frozenset[tuple[int, int]], float]) -> Activity:
    """Activity by which tiles are shuffled, whatever the shuffle."""
    return lambda p: [table[frozenset((start, end) for start, end, _ in p.shuffled)]]


def effects(rows: list[Row], metric: str, track: int = 0, search: str = "min") -> list[float]:
    return [r.effect for r in rows if (r.metric, r.track, r.search) == (metric, track, search)]


def call(rows: list[Row], metric: str) -> str | None:
    (row,) = (r for r in rows if r.metric == metric)
    return row.call


# The two enhancers of the Methods: 100, E1 (tile B) alone leaves 50, E2 (tile C) 70; tile A does nothing.
PAPER = {
    frozenset(()): 100.0,
    frozenset((A,)): 100.0,
    frozenset((B,)): 50.0,
    frozenset((C,)): 70.0,
    frozenset((A, B)): 50.0,
    frozenset((A, C)): 70.0,
    frozenset((B, C)): 20.0,
    frozenset((A, B, C)): 20.0,
}


def test_search_takes_the_sharpest_drop_first_then_searches_what_is_left() -> None:
    _, rows = run(settings_of(), levels(PAPER), "interaction")
    greedy = [r for r in rows if r.metric == "greedy/wt"]
    assert greedy[0] == Row(
        10, 20, 0, 0, None, 100.0, None, 50.0, 0.0, 1, 0.5, "greedy/wt", None, search="min"
    )
    assert [(r.offset_start, r.round, r.mutant) for r in greedy] == [
        (10, 0, 50.0),
        (30, 1, 20.0),
        (0, 2, 20.0),
    ]


def test_additive_enhancers_follow_the_additive_curve() -> None:
    _, rows = run(settings_of(), levels(PAPER), "interaction")
    # 1, then -50, -30 and 0 of 100 added up; multiplied 0.5, 0.5 x 0.7 and again.
    assert effects(rows, "greedy/wt") == effects(rows, "additive/wt") == [0.5, 0.2, 0.2]
    assert effects(rows, "multiplicative/wt") == [0.5, 0.35, 0.35]
    assert effects(rows, "mse(greedy,additive)") == [0.0]
    assert call(rows, "mse(greedy,additive)") == "additive"
    # p1 and p2 are the mutants of the additive rows: each tile alone, in round 0.
    assert [r.mutant for r in rows if r.metric == "additive/wt"] == [50.0, 70.0, 100.0]


@pytest.mark.parametrize(
    ("alone", "both", "curve", "mse", "difference", "expected"),
    [
        # Each alone takes 0.99, both no more: the third point is -0.98 against 0.01.
        (1.0, 1.0, [0.01, -0.98], 0.9801 / 3, 0.33, "superadditive"),
        # Redundant: one takes nothing, both take 0.9, so the third point is 1 against 0.1.
        (100.0, 10.0, [1.0, 1.0], 0.81 / 3, -0.3, "subadditive"),
        # The third point is 1 - 0.5 - 0.5 against 0.5: an MSE of 0.083, between the cuts.
        (50.0, 50.0, [0.5, 0.0], 0.25 / 3, 0.5 / 3, "ambiguous"),
    ],
)
def test_classes_of_two_tiles_that_do_not_add(
    alone: float, both: float, curve: list[float], mse: float, difference: float, expected: str
) -> None:
    table = {frozenset(()): 100.0, frozenset((A,)): alone, frozenset((B,)): alone, frozenset((A, B)): both}
    _, rows = run(settings_of((A, B)), levels(table), "interaction")
    assert effects(rows, "additive/wt") == pytest.approx(curve)
    assert effects(rows, "mse(greedy,additive)") == pytest.approx([mse])
    assert effects(rows, "mean(greedy)-mean(additive)") == pytest.approx([difference])
    assert call(rows, "mse(greedy,additive)") == expected


def test_fold_changes_that_multiply_are_multiplicative() -> None:
    # 64 x 1/2 x 1/4: over ln 64 the curve falls from 1 by 2/6, then by 1/6.
    table = {frozenset(()): 64.0, frozenset((A,)): 32.0, frozenset((B,)): 16.0, frozenset((A, B)): 8.0}
    _, rows = run(settings_of((A, B)), levels(table), "interaction")
    assert effects(rows, "greedy/wt") == effects(rows, "multiplicative/wt") == [0.25, 0.125]
    assert effects(rows, "additive/wt") == [0.25, -0.25]
    assert effects(rows, "ln(greedy)/ln(wt)") == pytest.approx([4 / 6, 3 / 6])
    assert effects(rows, "ln(multiplicative)/ln(wt)") == pytest.approx([4 / 6, 3 / 6])
    assert call(rows, "mse(ln(greedy),ln(multiplicative))") == "multiplicative"


def test_logarithms_are_taken_before_the_mean_over_shuffles() -> None:
    # Shuffles 2 and 8 have the mean 5, their logarithms that of 4: ln 4 / ln 16 is a half.
    _, rows = run(
        settings_of((A,), n=2), lambda p: [16.0 if p == WT else (2.0, 8.0)[p.shuffled[0][2]]], "interaction"
    )
    assert effects(rows, "ln(greedy)/ln(wt)") == pytest.approx([0.5])
    assert effects(rows, "ln(multiplicative)/ln(wt)") == pytest.approx([0.5])
    assert effects(rows, "greedy/wt") == effects(rows, "multiplicative/wt") == [5 / 16]


@pytest.mark.parametrize(
    ("mse", "difference", "expected"),
    [
        (0.0499, 1.0, "additive"),
        (0.05, 1.0, "ambiguous"),
        (0.1, 1.0, "ambiguous"),
        (0.1001, 1.0, "superadditive"),
        (0.1001, -1.0, "subadditive"),
        (np.nan, np.nan, None),
    ],
)
def test_cuts_of_the_additive_classes_are_exclusive(
    mse: float, difference: float, expected: str | None
) -> None:
    assert expectation.additive_class(mse, difference) == expected


def test_curves_of_many_searches_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    wt, first, last = rng.uniform(2, 9, 3), rng.uniform(2, 9, (3, 4, 5)), rng.uniform(2, 9, (3, 5))
    starts = np.concatenate([wt[:, None], first[:, 1:, 0]], axis=1)
    mean, tiles = last.mean(axis=-1), first[..., 0]
    for together, each in (
        (expectation.trace(starts, mean), lambda i: expectation.trace(starts[i], mean[i])),
        (expectation.log_trace(starts, last), lambda i: expectation.log_trace(starts[i], last[i])),
        (expectation.additive(wt, tiles), lambda i: expectation.additive(wt[i], tiles[i])),
        (expectation.multiplicative(wt, tiles), lambda i: expectation.multiplicative(wt[i], tiles[i])),
        (
            expectation.log_multiplicative(wt, first),
            lambda i: expectation.log_multiplicative(wt[i], first[i]),
        ),
    ):
        assert together.shape == (3, 5)
        np.testing.assert_array_equal(together, [each(i) for i in range(3)])
    curves = expectation.trace(starts, mean), expectation.additive(wt, tiles)
    for distance in (expectation.mean_squared_error, expectation.mean_difference):
        each_alone = [distance(curve, expected) for curve, expected in zip(*curves, strict=True)]
        np.testing.assert_allclose(distance(*curves), each_alone, rtol=1e-12)


def test_silencers_have_a_stricter_cut_of_their_own() -> None:
    classes = {
        search: [expectation.multiplicative_class(mse, search) for mse in (0.009, 0.02, 0.04)]
        for search in SEARCHES
    }
    assert classes == {
        "min": ["multiplicative", "multiplicative", "nonmultiplicative"],
        "max": ["multiplicative", "nonmultiplicative", "nonmultiplicative"],
    }
    assert expectation.multiplicative_class(np.nan, "min") is None


def test_the_shuffle_nearest_to_the_mean_starts_the_next_round() -> None:
    # Shuffles 0-2 of tile A give 10, 40, 70 (mean 40): shuffle 1 is kept. Tile B changes nothing in round 0
    # and takes 0, 5 and 1 off in round 1: mean 38, nearest shuffle 2 with 39.
    def activity(p: Perturbation) -> list[float]:
        level = 100.0
        for start, _, k in p.shuffled:
            later = len(p.shuffled) > 1
            level = [10.0, 40.0, 70.0][k] if start == 0 else level - later * [0, 5, 1][k]
        return [level]

    known, rows = run(settings_of((A, B), n=3), activity, "interaction")
    (chain,) = follow(settings_of((A, B), n=3), known)[0]
    assert chain.state == ((0, 10, 1), (10, 20, 2))
    assert chain.levels == [100.0, 40.0, 39.0]
    # The curve's last point is the mean of the last round, not what was kept (DIVERGENCES 25).
    assert effects(rows, "greedy/wt") == [0.4, 0.38]
    assert [(r.mutant, r.n) for r in rows if r.metric == "greedy/wt"] == [(40.0, 3), (38.0, 3)]


def test_equal_tiles_and_shuffles_go_to_the_first() -> None:
    settings = settings_of(n=2, searches=SEARCHES)
    known, _ = run(settings, lambda p: [7.0], "interaction")
    for chain in follow(settings, known)[0]:
        assert chain.state == ((*A, 0), (*B, 0), (*C, 0))


def test_reference_draws_new_shuffles_in_every_round() -> None:
    settings = settings_of(n=2, compat="reference")
    known, _ = run(settings, lambda p: [7.0], "interaction")
    assert follow(settings, known)[0][0].state == ((*A, 0), (*B, 2), (*C, 4))


def test_every_track_and_direction_has_a_search_of_its_own() -> None:
    # Track 0 loses most by tile A, track 1 by tile C; upwards each takes the other two first.
    weights = {0: (3.0, 1.0), 10: (2.0, 2.0), 30: (1.0, 3.0)}

    def activity(p: Perturbation) -> list[float]:
        return [10 - sum(weights[start][t] for start, _, _ in p.shuffled) for t in range(2)]

    settings = settings_of(searches=SEARCHES)
    known, rows = run(settings, activity, "interaction")
    orders = {(c.track, c.search): c.tiles for c in follow(settings, known)[0]}
    assert orders == {
        (0, "min"): [A, B, C],
        (0, "max"): [C, B, A],
        (1, "min"): [C, B, A],
        (1, "max"): [A, B, C],
    }
    assert effects(rows, "greedy/wt", 1, "max") == [0.9, 0.7, 0.4]
    one = Settings(50, 10, (A, B, C), {"interaction": 1}, searches=("max",), searched=(1,))
    _, rows = run(one, activity, "interaction")
    assert {(r.track, r.search) for r in rows} == {(1, "max")}


def test_round_zero_is_the_necessity_test() -> None:
    settings = settings_of(n=2)
    asked = missing(["interaction"], settings, {})
    assert asked == missing(["necessity"], settings, {}) == passes(["necessity"], settings)


def test_passes_of_a_search_start_from_what_the_round_before_left() -> None:
    settings = settings_of(n=3)
    known, _ = run(settings, levels(PAPER), "interaction")
    (chain,) = follow(settings, known)[0]
    for p in passes(["interaction"], settings, known):
        assert reference_of(p, TSS) == Perturbation(shuffled=chain.state[: max(len(p.shuffled) - 1, 0)])


def test_passes_asked_for_once_are_asked_for_again() -> None:
    settings = settings_of(n=2, searches=SEARCHES)
    seen: list[set[str]] = []

    def predict(asked: Sequence[Perturbation]) -> Predicted:
        seen.append({p.key for p in asked})
        return {p.key: np.array(levels(PAPER | {frozenset((A, C)): 70.0})(p)) for p in asked}

    known = complete(["interaction"], settings, predict)
    assert len(seen) == 3  # one step per round: the first has the wild type too
    assert {p.key for p in passes(["interaction"], settings, known)} == set().union(*seen) == set(known)


def test_searches_that_go_the_same_way_share_their_passes() -> None:
    settings = settings_of(searches=SEARCHES)
    known, _ = run(settings, lambda p: [7.0], "interaction")
    assert n_after(["interaction"], settings, known) == 1 + 3 + 2 + 1
    assert n_before(["interaction"], settings, known) == 1 + 2 * (3 + 2 + 1)


def test_search_stops_after_its_rounds() -> None:
    known, rows = run(settings_of(rounds=2), levels(PAPER), "interaction")
    assert effects(rows, "greedy/wt") == [0.5, 0.2]
    assert len(known) == 1 + 3 + 2


def held(p: Perturbation) -> list[Interval]:
    """The tiles of the wild type that a background holds at their own places."""
    assert all(start == at for start, _, at in p.placed)
    return [*p.kept, *((start, end) for start, end, _ in p.placed)]


def test_sets_add_the_tiles_of_the_search_one_by_one() -> None:
    # TSS tile alone 10; B brings 40 and C 25, A nothing. WT 100.
    gain = {TSS: 0.0, A: 0.0, B: 40.0, C: 25.0}

    def activity(p: Perturbation) -> Sequence[float]:
        return levels(PAPER)(p) if p.background is None else [10.0 + sum(gain[tile] for tile in held(p))]

    _, rows = run(settings_of(n=2), activity, "sets")
    assert effects(rows, "mutant/wt") == [0.1, 0.5, 0.75, 0.75]
    assert effects(rows, "mutant/control") == [1.0, 5.0, 7.5, 7.5]
    over_wt = [r for r in rows if r.metric == "mutant/wt"]
    assert over_wt[0] == Row(
        20, 30, 0, None, None, 100.0, 10.0, 10.0, 0.0, 2, 0.1, "mutant/wt", None, search="min"
    )
    assert [(r.offset_start, r.round) for r in over_wt] == [(20, None), (10, 0), (30, 1), (0, 2)]


def test_sets_need_the_search_and_share_passes_with_context_and_sufficiency() -> None:
    assert TESTS["sets"].needs == ("interaction",)
    settings = Settings(
        50, 10, (A, B, C), {"interaction": 1, "sets": 2, "context": 2, "sufficiency": 2}, searches=("min",)
    )
    known, _ = run(settings, lambda p: [5.0], "interaction", "context", "sufficiency")
    asked = missing(["sets"], settings, known)
    assert {len(held(p)) for p in asked} == {3, 4}  # the TSS tile and two or three others
    assert len(asked) == 2 * 2


def test_searches_side_by_side_share_no_pass_but_those_known_beforehand() -> None:
    settings = settings_of(n=2, searches=SEARCHES)
    beforehand = {p.key for p in passes(["interaction", "sets"], settings)}
    own = [
        run(replace(settings, searches=(way,)), lambda p: levels(PAPER)(replace(p, background=None)), "sets")[
            0
        ]
        for way in SEARCHES
    ]
    assert beforehand < own[0].keys()
    assert own[0].keys() & own[1].keys() == beforehand


@pytest.mark.parametrize("test", ["interaction", "sets"])
def test_no_tiles_no_search(test: str) -> None:
    known, rows = run(settings_of(()), lambda p: [1.0], test)
    assert (list(known), rows) == ([WT.key], [])


def test_one_tile_has_one_round() -> None:
    _, rows = run(settings_of((B,), n=2), lambda p: [8.0 if p == WT else 4.0], "interaction")
    assert effects(rows, "greedy/wt") == effects(rows, "additive/wt") == [0.5]
    assert call(rows, "mse(greedy,additive)") == "additive"


@pytest.mark.parametrize("level", [0.0, -2.0])
@pytest.mark.parametrize("test", ["interaction", "sets"])
def test_silent_gene_has_null_effects_and_no_class(test: str, level: float) -> None:
    _, rows = run(settings_of(n=2), lambda p: [level], test)
    assert rows
    for row in rows:
        assert np.isnan(row.effect)
        assert row.call is None


def test_activity_not_above_zero_has_no_logarithm() -> None:
    # Tile B leaves nothing: its point and all after it have no logarithm; tile A's, chosen last, neither.
    table = {frozenset(()): 8.0, frozenset((A,)): 4.0, frozenset((B,)): 0.0, frozenset((A, B)): 2.0}
    _, rows = run(settings_of((A, B)), levels(table), "interaction")
    np.testing.assert_allclose(effects(rows, "ln(greedy)/ln(wt)"), [np.nan, 1 / 3])
    np.testing.assert_array_equal(effects(rows, "ln(multiplicative)/ln(wt)"), [np.nan, np.nan])
    assert effects(rows, "greedy/wt") == [0.0, 0.25]
    assert call(rows, "mse(ln(greedy),ln(multiplicative))") is None
    assert call(rows, "mse(greedy,additive)") is not None


def test_wild_type_of_one_has_no_ratio_of_logarithms() -> None:
    table = {frozenset(()): 1.0, frozenset((A,)): 0.5}
    _, rows = run(settings_of((A,)), levels(table), "interaction")
    assert np.isnan(effects(rows, "ln(greedy)/ln(wt)")).all()
    assert effects(rows, "greedy/wt") == [0.5]


def test_curves_past_float64_are_null() -> None:
    wt, first = np.array(1e-200), np.array([1e90, 1e90])
    assert np.isfinite(expectation.multiplicative(wt, first)[:2]).all()
    assert np.isnan(expectation.multiplicative(wt, first)[2])
    curve = expectation.additive(wt, first)
    assert np.isnan(expectation.mean_squared_error(curve, np.zeros(3)))


def test_activity_that_is_not_a_number_stops_the_search() -> None:
    with pytest.raises(RaycreError, match=r"nan\] for pass tile=10-20/shuffle=0"):
        run(settings_of(), lambda p: [np.nan if (*B, 0) in p.shuffled else 1.0], "interaction")


# The planted model at bins 31 and 32 of 64: enhancers add, silencers divide.
PLANTED = Settings(
    8_192,
    1_024,
    ((1_536, 2_560), (2_560, 3_584), (4_608, 5_632), (5_632, 6_656)),
    {"interaction": 2, "sets": 2},
)


def planted(*plants: tuple[str, int], search: str) -> tuple[list[Row], list[float]]:
    """Rows of both tests for motifs in the middle of tiles, by tile; and each motif's weight at the TSS."""
    wt = np.zeros(PLANTED.seq_len, dtype=np.uint8)
    model = load_planted(seq_len=PLANTED.seq_len)
    q = PLANTED.seq_len // 256
    weights = []
    for name, t in plants:
        start = PLANTED.tiles[t][0] + 512
        wt[start : start + 15] = ["ACGT".index(base) for base in MOTIFS[name]]
        away = abs(np.array([q - 1, q]) - (start + 7) // 128)
        weights.append(float({"enhancer": 20, "silencer": 1}[name] * np.exp(-128 * away / 20_000).mean()))

    def source(gene: str, start: int, end: int, k: int, owner: object) -> NDArray[np.uint8]:
        return np.zeros(end - start, dtype=np.uint8)  # a shuffle without a motif

    def predict(asked: Sequence[Perturbation]) -> Predicted:
        codes = torch.from_numpy(np.stack([apply(wt, p, "g", 0, source) for p in asked]))
        read = model.read(codes, [q - 1, q], [0]).mean(dim=1).double().numpy()
        return {p.key: activity for p, activity in zip(asked, read, strict=True)}

    settings = Settings(
        PLANTED.seq_len, PLANTED.tile_size, PLANTED.tiles, PLANTED.n_shuffles, searches=(search,)
    )
    known = complete(["sets"], settings, predict)
    return [r for test in ("interaction", "sets") for r in TESTS[test].effects(settings, known)], weights


def test_two_planted_enhancers_add() -> None:
    rows, (far, near) = planted(("enhancer", 0), ("enhancer", 2), search="min")
    wt = 1 + far + near  # 1 + E1 + E2
    assert near > far
    greedy = [r for r in rows if r.metric == "greedy/wt"]
    assert [(r.offset_start, r.offset_end) for r in greedy[:2]] == [PLANTED.tiles[2], PLANTED.tiles[0]]
    expected = pytest.approx([(1 + far) / wt, 1 / wt, 1 / wt, 1 / wt], rel=1e-5)
    assert [r.effect for r in greedy] == expected
    assert effects(rows, "additive/wt") == expected
    assert call(rows, "mse(greedy,additive)") == "additive"
    # In shuffled backgrounds they bring it back one by one.
    assert effects(rows, "mutant/wt") == pytest.approx([1 / wt, (1 + near) / wt, 1, 1, 1], rel=1e-5)


def test_two_planted_silencers_divide_together() -> None:
    rows, (far, near) = planted(("silencer", 0), ("silencer", 2), search="max")
    wt = 1 / (1 + far + near)
    one, other = (1 / (1 + far)) / wt, (1 / (1 + near)) / wt  # near shuffled, far shuffled
    both = 1 / wt
    assert effects(rows, "greedy/wt", search="max") == pytest.approx([one, both, both, both], rel=1e-5)
    added = one + other - 1
    assert effects(rows, "additive/wt", search="max") == pytest.approx([one, added, added, added], rel=1e-5)
    # Curves of five points that differ in the last three, by what dividing twice has left out.
    apart = both - added
    assert apart > 0
    (mse,) = effects(rows, "mse(greedy,additive)", search="max")
    assert mse == pytest.approx(3 * apart**2 / 5, rel=1e-4)
    assert call(rows, "mse(greedy,additive)") == "superadditive"
    assert effects(rows, "mutant/control", search="max") == pytest.approx(
        [1, 1 / (1 + near), wt, wt, wt], rel=1e-5
    )
