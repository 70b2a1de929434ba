"""Higher-order interactions: a greedy search for the tiles that together change TSS activity most.

CREME Methods, "Higher-order tile interaction test". Round r, counted from 0, shuffles every tile that is left
in the sequence that the round before has left. Knows other tests only in that its round 0 is the necessity
test: equal numbers of shuffles make equal passes. A tile has the same shuffles in every round, so that rounds
differ in what is left alone, and what a model computes of them can be used again; `reference` draws new ones
for each, as the authors' code does: shuffle i of round r has the number r n + i.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raycre.creme import expectation
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
from raycre.creme.perturbation import WT, Pass
from raycre.creme.rows import Known, Row, gather, row
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval

State: TypeAlias = tuple[tuple[int, int, int], ...]
"""The shuffles that were kept, (start, end, k), in the order of the rounds."""

PICK = {"min": np.argmin, "max": np.argmax}  # both take the first of equals


@dataclass
class Chain:
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
    passes: list[Pass]
    activity: NDArray[np.float64] | None


def expand(settings: Settings, known: Known) -> list[Pass]:
    """Return the wild type, and of every search the passes of its rounds, the first unknown one included."""
    return [WT, *follow(settings, known)[1]]


def effects(settings: Settings, known: Known) -> list[Row]:
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
        settings: those of `expand`.
        known: TSS activity of every pass of `expand`.
    """
    return [r for chain in follow(settings, known)[0] for r in _rows(settings, chain)]


def follow(settings: Settings, known: Known) -> tuple[list[Chain], list[Pass]]:
    """Replay every search as far as `known` lets it come.

    Returns:
        One search per track searched and direction, none where there are no tiles; and the passes that they
        read, the wild type's aside, one search after another.
    """
    n_rounds = min(settings.rounds, len(settings.tiles))
    if not n_rounds:
        return [], []
    rounds: dict[State, _Round] = {
        (): _round(settings, known, ())
    }  # searches that are in one state share its round
    if WT.key not in known:
        return [], rounds[()].passes
    wt = gather(known, [WT])[0]
    found: list[Chain] = []
    asked: list[Pass] = []
    for track in settings.tracks(len(wt)):
        for search in settings.searches:
            chain = Chain(track, search, [float(wt[track])])
            found.append(chain)
            while len(chain.tiles) < n_rounds:
                if chain.state not in rounds:
                    rounds[chain.state] = _round(settings, known, chain.state)
                asked += rounds[chain.state].passes
                if rounds[chain.state].activity is None:
                    break
                _choose(chain, rounds[chain.state], rounds[()], _numbers(settings, len(chain.tiles)))
    return found, asked


def _round(settings: Settings, known: Known, state: State) -> _Round:
    n = settings.n("interaction")
    taken = {(start, end) for start, end, _ in state}
    tiles = [tile for tile in settings.tiles if tile not in taken]
    numbers = _numbers(settings, len(state))
    passes = [Pass(shuffled=(*state, (*tile, k))) for tile in tiles for k in numbers]
    if any(p.key not in known for p in passes):
        return _Round(tiles, passes, None)
    return _Round(tiles, passes, gather(known, passes).reshape(len(tiles), n, -1))


def _numbers(settings: Settings, r: int) -> range:
    """The shuffles of a tile in round `r`."""
    n = settings.n("interaction")
    return range(r * n, (r + 1) * n) if settings.compat == "reference" else range(n)


def _choose(chain: Chain, this: _Round, first: _Round, numbers: range) -> None:
    """Take the tile with the lowest or highest mean, and of its shuffles the one nearest to that mean."""
    assert this.activity is not None
    assert first.activity is not None
    activity = this.activity[..., chain.track]  # (tiles, shuffles)
    means = activity.mean(axis=1)
    t = int(PICK[chain.search](means))
    kept = int(np.argmin(np.abs(activity[t] - means[t])))
    tile = this.tiles[t]
    chain.state = (*chain.state, (*tile, numbers[kept]))
    chain.tiles.append(tile)
    chain.levels.append(float(activity[t, kept]))
    chain.mutants.append(activity[t])
    chain.first.append(first.activity[first.tiles.index(tile), :, chain.track])


def _rows(settings: Settings, chain: Chain) -> list[Row]:
    starts, mutants, first = np.array(chain.levels[:-1]), np.stack(chain.mutants), np.stack(chain.first)
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
            row(tile, chain.track, wt, of[r], curve[r + 1], metric, round=r, search=chain.search)
            for r, tile in enumerate(chain.tiles)
        ]
    mse = float(expectation.mean_squared_error(greedy, added))
    difference = float(expectation.mean_difference(greedy, added))
    mse_log = float(expectation.mean_squared_error(log_greedy, log_multiplied))
    for metric, value, call in (
        (MSE_ADDITIVE, mse, expectation.additive_class(mse, difference)),
        (MEAN_DIFFERENCE, difference, None),
        (MSE_LOG, mse_log, expectation.multiplicative_class(mse_log, chain.search)),
    ):
        table.append(
            row(settings.tss_tile, chain.track, wt, mutants[-1], value, metric, call, search=chain.search)
        )
    return table
