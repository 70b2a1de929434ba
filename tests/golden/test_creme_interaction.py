"""The greedy search, its models and the sufficiency of its sets against golden set A.

The search runs as it does in a run, on the stored shuffles; every array of the set is compared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.perturbation import Perturbation, ShuffleSource, apply
from raycre.creme.plan import complete
from raycre.creme.rows import Row
from raycre.creme.settings import SEARCHES, Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.interaction import GreedySearch, follow
from raycre.creme.tiles import Interval
from tests.golden.creme_fixture import (
    Activity,
    Arrays,
    Codes,
    Model,
    analytic_models,
    at_tss,
    intervals,
    read_arrays,
    toy_model,
)

RTOL = 1e-11
CURVES = {
    "trace": "greedy/wt",
    "additive_trace": "additive/wt",
    "multiplicative_fold": "multiplicative/wt",
    "log_trace": "ln(greedy)/ln(wt)",
    "log_multiplicative_trace": "ln(multiplicative)/ln(wt)",
}
SETS = {"set_sufficiency_over_wt": "mutant/wt", "set_sufficiency_over_control": "mutant/control"}


@dataclass(frozen=True)
class Found:
    """What a run of both tests on one stored search has given."""

    settings: Settings
    known: Activity
    chains: list[GreedySearch]
    interaction: list[Row]
    sets: list[Row]
    apply: Any

    def rows(self, metric: str, track: int) -> list[Row]:
        return [r for r in (*self.interaction, *self.sets) if (r.metric, r.track) == (metric, track)]

    def curve(self, metric: str, track: int) -> list[float]:
        """One curve of the interaction test, with the 1 that is before its rows."""
        rows = self.rows(metric, track)
        assert [r.round for r in rows] == list(range(len(rows)))
        return [1.0, *(r.effect for r in rows)]


def replay_rounds(
    shuffles: NDArray[np.uint8], tiles: list[Interval], backgrounds: NDArray[np.uint8]
) -> ShuffleSource:
    """Return stored shuffles: number k of a tile is [k // n][tile][k % n] of (rounds, tiles, n, bp)."""
    n = shuffles.shape[2]

    def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> Codes:
        if (start, end) in tiles:
            return np.asarray(shuffles[k // n, tiles.index((start, end)), k % n], dtype=np.uint8)
        assert owner is None
        return np.asarray(backgrounds[k], dtype=np.uint8)

    return source


def search_for(wt: Codes, settings: Settings, model: Model, source: ShuffleSource) -> Found:
    def sequence(p: Perturbation) -> Codes:
        return apply(wt, p, "toy", 0, source)

    known = complete(
        ("interaction", "sets"), settings, lambda passes: {p.key: model(sequence(p)) for p in passes}
    )
    interaction, sets = (TESTS[test].effects(settings, known) for test in ("interaction", "sets"))
    return Found(settings, known, follow(settings, known)[0], interaction, sets, sequence)


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "golden" / "creme"


@pytest.fixture(scope="module")
def stored(folder: Path) -> Arrays:
    return read_arrays(folder / "toy_A" / "higher_order.npz")


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    config = json.loads((folder / "toy_A" / "config.json").read_text())
    return at_tss(toy_model(config), read_arrays(folder / "toy_A" / "inputs.npz")["tss_bins"])


@pytest.fixture(scope="module", params=SEARCHES)
def found(request: pytest.FixtureRequest, folder: Path, stored: Arrays, model: Model) -> Found:
    """One direction of the search, on every track; the two directions have shuffles of their own."""
    search = request.param
    inputs = read_arrays(folder / "toy_A" / "inputs.npz")
    shuffles, backgrounds = stored[f"{search}_tile_shuffles"], stored["set_sufficiency_backgrounds"]
    tiles = intervals(inputs["tiles"])
    start, end = inputs["tss_tile"].tolist()
    settings = Settings(
        seq_len=inputs["seqs"].shape[1],
        tile_size=end - start,
        tiles=tuple(tiles),
        n_shuffles={"interaction": shuffles.shape[2], "sets": len(backgrounds)},
        compat="reference",
        rounds=len(shuffles),
        searches=(search,),
    )
    return search_for(inputs["seqs"][0], settings, model, replay_rounds(shuffles, tiles, backgrounds))


def of_chain(stored: Arrays, chain: GreedySearch) -> Arrays:
    prefix = f"{chain.search}_t{chain.track}_"
    return {name.removeprefix(prefix): array for name, array in stored.items() if name.startswith(prefix)}


def close(actual: Any, expected: NDArray[np.float64], name: str) -> None:
    np.testing.assert_allclose(actual, expected, rtol=RTOL, atol=1e-13, err_msg=name)


def test_every_track_is_searched(stored: Arrays, found: Found) -> None:
    (search,) = found.settings.searches
    of_tracks = [name for name in stored if name.startswith(f"{search}_t") and "_shuffles" not in name]
    tracks = {name.split("_")[1] for name in of_tracks}
    assert {f"t{chain.track}" for chain in found.chains} == tracks


def test_search_takes_the_stored_tiles_and_shuffles(stored: Arrays, found: Found, model: Model) -> None:
    n = found.settings.n("interaction")
    for chain in found.chains:
        expected, rounds = of_chain(stored, chain), range(len(chain.tiles))
        chosen = [found.settings.tiles.index(tile) for tile in chain.tiles]
        assert chosen == expected["selected_tile_index"].tolist()
        numbers = [r * n + kept for r, kept in enumerate(expected["chosen_shuffle"].tolist())]
        assert chain.state == tuple((*tile, k) for tile, k in zip(chain.tiles, numbers, strict=True))

        preds = np.full(expected["preds"].shape, np.nan)
        for r in rounds:
            for t, tile in enumerate(found.settings.tiles):
                if tile not in chain.tiles[:r]:
                    for i in range(n):
                        edits = (*chain.state[:r], (*tile, r * n + i))
                        preds[r, t, i] = found.known[Perturbation(shuffled=edits).key][chain.track]
        close(preds, expected["preds"], "preds")  # NaN where and only where a tile is taken
        close([m.mean() for m in chain.mutants], expected["selected_mean_pred"], "selected_mean_pred")
        close(chain.levels[:-1], expected["initial_pred"], "initial_pred")
        close(chain.levels[-1], expected["final_state_pred"], "final_state_pred")
        states = [
            model(found.apply(Perturbation(shuffled=chain.state[: r + 1])))[chain.track] for r in rounds
        ]
        close(states, expected["states_crc_pred"], "states_crc_pred")
        close(chain.levels[1:], expected["states_crc_pred"], "levels")


def test_rows_are_the_stored_curves(stored: Arrays, found: Found) -> None:
    for chain in found.chains:
        expected, track = of_chain(stored, chain), chain.track
        for name, metric in CURVES.items():
            close(found.curve(metric, track), expected[name], name)
            rows = found.rows(metric, track)
            assert [(r.offset_start, r.offset_end) for r in rows] == chain.tiles
            assert {(r.search, r.n) for r in rows} == {(chain.search, found.settings.n("interaction"))}
        preds, chosen = expected["preds"], expected["selected_tile_index"]
        of_round = preds[np.arange(len(chosen)), chosen]
        # The search's rows have its own shuffles, the models' those of round 0, which they are made of.
        for metric in CURVES.values():
            rows, shuffles = found.rows(metric, track), of_round if "greedy" in metric else preds[0, chosen]
            close([r.mutant for r in rows], shuffles.mean(axis=1), f"mutant of {metric}")
            close([r.sd for r in rows], shuffles.std(axis=1), f"sd of {metric}")
            close([r.wt for r in rows], np.repeat(expected["initial_pred"][0], len(chosen)), "wt")
        close(
            [(r.mutant - r.wt) / r.wt for r in found.rows("additive/wt", track)],
            expected["sorted_first_round_effect"],
            "sorted_first_round_effect",
        )
        log_curve = found.curve("ln(multiplicative)/ln(wt)", track)
        close(np.diff(log_curve), expected["log_sorted_effect"], "log_sorted_effect")


def test_rows_have_the_stored_comparison_of_two_tiles(stored: Arrays, found: Found) -> None:
    for chain in found.chains:
        expected, track = of_chain(stored, chain), chain.track
        by_round = {m: found.rows(m, track) for m in CURVES.values()}
        first, second = by_round["additive/wt"][:2]
        both = by_round["greedy/wt"][1]
        close(
            [first.wt, first.mutant, second.mutant, both.effect * both.wt],
            expected["second_iteration"],
            "second_iteration",
        )
        close(second.effect, expected["second_additive"], "second_additive")
        close(by_round["multiplicative/wt"][1].effect, expected["second_multiplicative"], "multiplicative")
        close(both.effect, expected["second_greedy"], "second_greedy")


def test_rows_have_the_stored_errors_and_classes(stored: Arrays, found: Found) -> None:
    for chain in found.chains:
        expected = of_chain(stored, chain)
        (mse,) = found.rows("mse(greedy,additive)", chain.track)
        (difference,) = found.rows("mean(greedy)-mean(additive)", chain.track)
        (mse_log,) = found.rows("mse(ln(greedy),ln(multiplicative))", chain.track)
        close(mse.effect, expected["mse_additive"], "mse_additive")
        close(difference.effect, expected["mean_difference"], "mean_difference")
        close(mse_log.effect, expected["mse_log"], "mse_log")
        assert mse.call == str(expected["additive_class"])
        assert mse_log.call == ("multiplicative" if expected["is_multiplicative"] else "nonmultiplicative")
        summary = [mse, difference, mse_log]
        assert [r.round for r in summary] == [None] * 3
        assert {(r.offset_start, r.offset_end) for r in summary} == {found.settings.tss_tile}
    assert {r.call for r in found.interaction if r.round is not None} == {None}


def test_rows_are_the_stored_sets(stored: Arrays, found: Found) -> None:
    for chain in found.chains:
        expected = of_chain(stored, chain)
        for name, metric in SETS.items():
            rows = found.rows(metric, chain.track)
            close([r.effect for r in rows], expected[name], name)
            close([r.mutant for r in rows], expected["set_sufficiency_pred"], "set_sufficiency_pred")
            assert {r.control for r in rows} == {rows[0].mutant}
            assert [r.round for r in rows] == [None, *range(len(chain.tiles))]
            assert [(r.offset_start, r.offset_end) for r in rows] == [
                found.settings.tss_tile,
                *chain.tiles,
            ]


def test_every_stored_array_of_the_search_is_compared(stored: Arrays) -> None:
    compared = {
        *CURVES,
        *SETS,
        *("selected_tile_index", "chosen_shuffle", "preds", "selected_mean_pred", "initial_pred"),
        *("final_state_pred", "states_crc_pred", "sorted_first_round_effect", "log_sorted_effect"),
        *("second_iteration", "second_additive", "second_multiplicative", "second_greedy"),
        *("mse_additive", "mean_difference", "mse_log", "additive_class", "is_multiplicative"),
        "set_sufficiency_pred",
    }
    given = {"set_sufficiency_backgrounds", *(f"{search}_tile_shuffles" for search in SEARCHES)}
    assert {name.split("_", 2)[2] for name in stored if name not in given} == compared


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("name", ["additive", "multiplicative", "or", "and"])
def test_analytic_set(folder: Path, name: str, search: str) -> None:
    analytic = read_arrays(folder / "analytic" / "analytic.npz")
    expected = {
        key.removeprefix(f"{name}_{search}_"): array
        for key, array in analytic.items()
        if key.startswith(f"{name}_{search}_")
    }
    tiles, order = intervals(analytic["tiles"]), expected["order"].tolist()
    start, end = analytic["tss_tile"].tolist()
    shuffles, backgrounds = analytic["tile_shuffles"], analytic["backgrounds"]
    settings = Settings(
        seq_len=len(analytic["seq"]),
        tile_size=end - start,
        tiles=tuple(tiles),
        n_shuffles={"interaction": shuffles.shape[1], "sets": len(backgrounds)},
        rounds=len(order),
        searches=(search,),
    )
    # Shuffle i of a tile is the same one in every round.
    source = replay_rounds(np.repeat(shuffles[None], len(order), axis=0), tiles, backgrounds)
    found = search_for(analytic["seq"], settings, analytic_models(analytic)[name], source)
    (chain,) = found.chains
    assert [tiles.index(tile) for tile in chain.tiles] == order  # equal means: the first tile
    for key in ("trace", "additive_trace", "multiplicative_fold"):
        close(found.curve(CURVES[key], 0), expected[key], key)
    (mse,) = found.rows("mse(greedy,additive)", 0)
    (difference,) = found.rows("mean(greedy)-mean(additive)", 0)
    close(mse.effect, expected["mse_additive"], "mse_additive")
    close(difference.effect, expected["mean_difference"], "mean_difference")
    if name == "additive":
        assert mse.effect < 1e-20
    error, apart = float(expected["mse_additive"]), float(expected["mean_difference"])
    far = "superadditive" if apart > 0 else "subadditive"
    assert mse.call == ("additive" if error < 0.05 else far if error > 0.1 else "ambiguous")
