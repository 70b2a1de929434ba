"""Higher-order interactions: a greedy search for the tiles that together change TSS activity most.

CREME Methods, "Higher-order tile interaction test". Round r, counted from 0, shuffles every tile that is left
in the sequence that the round before has left. Round 0 is the necessity test: equal numbers of shuffles make
equal sequences. A tile has the same shuffles in every round, so that rounds differ in what is left alone, and
what a model computes of them can be used again; `reference` draws new ones for each, as the authors' code
does: shuffle i of round r has the number r n + i.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.creme import expectation
from raycre.creme.declaration import Adaptive, Test
from raycre.creme.formulas import (
    ADDITIVE,
    GREEDY,
    LOG_GREEDY,
    LOG_MULTIPLICATIVE,
    MEAN_DIFFERENCE,
    MSE_ADDITIVE,
    MSE_LOG,
    MULTIPLICATIVE,
)
from raycre.creme.perturbation import WT, Perturbation
from raycre.creme.rows import Predicted, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval

State: TypeAlias = tuple[tuple[int, int, int], ...]
"""The shuffles that were kept, (start, end, k), in the order of the rounds."""

PICK = {"min": np.argmin, "max": np.argmax}  # both take the first of equals


@dataclass
class GreedySearch:
    """One search as far as it has come.

    Attributes:
        track: position among the queried tracks of the one that it looks at.
        search: "min" or "max".
        levels: TSS activity of the wild type, then of the sequence left after every round.
        tiles: the tile chosen in each round.
        state: with the shuffle of it that was kept: the one whose activity is nearest to the mean.
        mutants: float64 (shuffles,) per round, activity of the chosen tile's shuffles.
        first: likewise of the same tile's shuffles in round 0.
    """

    track: int
    search: str
    levels: list[float]
    tiles: list[Interval] = field(default_factory=list)
    state: State = ()
    mutants: list[NDArray[np.float64]] = field(default_factory=list)
    first: list[NDArray[np.float64]] = field(default_factory=list)


@dataclass(frozen=True)
class _Round:
    """One state's round.

    Attributes:
        tiles: those that are left.
        passes: every one of them times every shuffle.
        activity: float64 (tiles, shuffles, tracks), None while any of it is not known.
    """

    tiles: list[Interval]
    passes: list[Perturbation]
    activity: NDArray[np.float64] | None


def perturbations(settings: Settings, predictions: Predicted) -> list[Perturbation]:
    """Return the wild type, and of every search the passes of its rounds, the first unknown one included."""
    return [WT, *follow(settings, predictions)[1]]


def effects(settings: Settings, predictions: Predicted) -> list[Row]:
    """Return the curves of every search, and what they come to.

    A curve has a row per round, with the round and the tile chosen in it, whose effect is the curve's point
    after that round; every curve is 1 before round 0. The rows of the search itself ("greedy/wt",
    "ln(greedy)/ln(wt)") have the mean, deviation and number of that round's shuffles, those of the models
    that of the same tile in round 0, which they are made of. The comparison of two tiles is that of the
    curves' points at round 1; p1 and p2 are the mutants of "additive/wt" at rounds 0 and 1.

    Three more rows are about the search as a whole: no round, the TSS tile, the mutants of the last round.
    "mse(greedy,additive)" has the call superadditive, subadditive, additive or ambiguous,
    "mse(ln(greedy),ln(multiplicative))" the call multiplicative or nonmultiplicative. Calls, like effects,
    are null where an activity that is divided by or whose logarithm is taken is not above 0.

    Args:
        settings: those of `perturbations`.
        predictions: TSS activity of every pass of `perturbations`.
    """
    return [r for course in follow(settings, predictions)[0] for r in _rows(settings, course)]


def follow(settings: Settings, predictions: Predicted) -> tuple[list[GreedySearch], list[Perturbation]]:
    """Replay every search as far as `predictions` lets it come.

    Returns:
        One search per track searched and direction, none where there are no tiles; and the passes that they
        read, the wild type's aside, one search after another.
    """
    n_rounds = min(settings.rounds, len(settings.tiles))
    if not n_rounds:
        return [], []
    rounds: dict[State, _Round] = {
        (): _round(settings, predictions, ())
    }  # searches that are in one state share its round
    if WT.key not in predictions:
        return [], rounds[()].passes
    wt = gather(predictions, [WT])[0]
    courses: list[GreedySearch] = []
    asked: list[Perturbation] = []
    for track in settings.tracks(len(wt)):
        for search in settings.searches:
            course = GreedySearch(track, search, [float(wt[track])])
            courses.append(course)
            while len(course.tiles) < n_rounds:
                if course.state not in rounds:
                    rounds[course.state] = _round(settings, predictions, course.state)
                asked += rounds[course.state].passes
                if rounds[course.state].activity is None:
                    break
                _choose(course, rounds[course.state], rounds[()], _numbers(settings, len(course.tiles)))
    return courses, asked


def _round(settings: Settings, predictions: Predicted, state: State) -> _Round:
    n = settings.n("interaction")
    taken = {(start, end) for start, end, _ in state}
    tiles = [tile for tile in settings.tiles if tile not in taken]
    numbers = _numbers(settings, len(state))
    passes = [Perturbation(shuffled=(*state, (*tile, k))) for tile in tiles for k in numbers]
    if any(p.key not in predictions for p in passes):
        return _Round(tiles, passes, None)
    return _Round(tiles, passes, gather(predictions, passes).reshape(len(tiles), n, -1))


def _numbers(settings: Settings, r: int) -> range:
    """The shuffles of a tile in round `r`."""
    n = settings.n("interaction")
    return range(r * n, (r + 1) * n) if settings.compat == "reference" else range(n)


def _choose(course: GreedySearch, this: _Round, first: _Round, numbers: range) -> None:
    """Take the tile with the lowest or highest mean, and of its shuffles the one nearest to that mean."""
    assert this.activity is not None
    assert first.activity is not None
    activity = this.activity[..., course.track]  # (tiles, shuffles)
    means = activity.mean(axis=1)
    t = int(PICK[course.search](means))
    kept = int(np.argmin(np.abs(activity[t] - means[t])))
    tile = this.tiles[t]
    course.state = (*course.state, (*tile, numbers[kept]))
    course.tiles.append(tile)
    course.levels.append(float(activity[t, kept]))
    course.mutants.append(activity[t])
    course.first.append(first.activity[first.tiles.index(tile), :, course.track])


def _rows(settings: Settings, course: GreedySearch) -> list[Row]:
    starts, mutants, first = np.array(course.levels[:-1]), np.stack(course.mutants), np.stack(course.first)
    wt = starts[0]
    greedy = expectation.trace(starts, mutants[-1].mean())
    log_greedy = expectation.log_trace(starts, mutants[-1])
    added = expectation.additive(wt, first.mean(axis=1))
    log_multiplied = expectation.log_multiplicative(wt, first)
    table = []
    for metric, curve, of in (
        (GREEDY, greedy, mutants),
        (ADDITIVE, added, first),
        (MULTIPLICATIVE, expectation.multiplicative(wt, first.mean(axis=1)), first),
        (LOG_GREEDY, log_greedy, mutants),
        (LOG_MULTIPLICATIVE, log_multiplied, first),
    ):
        table += [
            row(tile, course.track, wt, of[r], curve[r + 1], metric, round=r, search=course.search)
            for r, tile in enumerate(course.tiles)
        ]
    mse = float(expectation.mean_squared_error(greedy, added))
    difference = float(expectation.mean_difference(greedy, added))
    mse_log = float(expectation.mean_squared_error(log_greedy, log_multiplied))
    for metric, value, call in (
        (MSE_ADDITIVE, mse, expectation.additive_class(mse, difference)),
        (MEAN_DIFFERENCE, difference, None),
        (MSE_LOG, mse_log, expectation.multiplicative_class(mse_log, course.search)),
    ):
        table.append(
            row(settings.tss_tile, course.track, wt, mutants[-1], value, metric, call, search=course.search)
        )
    return table


TEST = Test(
    name="interaction",
    summary="which tiles change activity most together, in a greedy search?",
    perturbations=perturbations,
    effects=effects,
    shuffles=10,
    adaptive=Adaptive("greedy search", each_way=True),
    figure="searches",
    row="a round of a search",
    metrics="`greedy/wt`, `additive/wt`, `multiplicative/wt`, and both of logarithms",
    calls="of the three rows without a round: superadditive, subadditive, additive, ambiguous; "
    "multiplicative or not",
    columns="`search`, `round`; tile: the one chosen",
)
