"""The greedy search on models whose answers follow by hand: its order, its curves, its passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from raycre.creme.perturbation import WT, Perturbation, reference_of
from raycre.creme.plan import complete, missing, n_after, n_before, passes
from raycre.creme.rows import Row
from raycre.creme.settings import SEARCHES, Settings
from raycre.creme.tests.interaction import follow
from raycre.errors import RaycreError
from tests.toy_activity import PAPER, TSS, A, B, C, Predicted, call, effects, levels, run, settings_of


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


def test_one_tile_has_one_round() -> None:
    _, rows = run(settings_of((B,), n=2), lambda p: [8.0 if p == WT else 4.0], "interaction")
    assert effects(rows, "greedy/wt") == effects(rows, "additive/wt") == [0.5]
    assert call(rows, "mse(greedy,additive)") == "additive"


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


def test_activity_that_is_not_a_number_stops_the_search() -> None:
    with pytest.raises(RaycreError, match=r"nan\] for pass tile=10-20/shuffle=0"):
        run(settings_of(), lambda p: [np.nan if (*B, 0) in p.shuffled else 1.0], "interaction")
