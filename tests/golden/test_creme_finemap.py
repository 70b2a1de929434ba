"""The fine-tile search against golden set A: all of fine_tile.npz, and fine_* of analytic.npz.

The set's elements are given, not called: with `elements="all"` they are what the sign of their sufficiency
effect makes them, so the search runs as in a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raycre.creme.perturbation import ShuffleSource, apply
from raycre.creme.plan import complete
from raycre.creme.rows import Predicted, Row
from raycre.creme.settings import FineStage, Settings
from raycre.creme.tests import TESTS
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

NO_SHUFFLES = np.empty((0, 0, 0), dtype=np.uint8)
KINDS = {"enh": "enhancer", "sil": "silencer"}


@pytest.fixture(scope="module")
def inputs(golden: Path) -> Arrays:
    return read_arrays(golden / "toy_A" / "inputs.npz")


@pytest.fixture(scope="module")
def expected(golden: Path) -> Arrays:
    return read_arrays(golden / "toy_A" / "fine_tile.npz")


def settings_for(tss: Interval, length: int, tiles: list[Interval], n: int, **of: Any) -> Settings:
    """Settings of a search on track 0 of given tiles, whichever way their effect goes."""
    n_shuffles = {"sufficiency": n, "finemap": n}
    return Settings(length, tss[1] - tss[0], tuple(tiles), n_shuffles, elements="all", searched=(0,), **of)


def run(settings: Settings, wt: Codes, model: Model, source: ShuffleSource) -> tuple[Activity, list[Row]]:
    def predict(passes: Any) -> Predicted:
        return {p.key: model(apply(wt, p, "toy", 0, source)) for p in passes}

    known = complete(["finemap"], settings, predict)
    return known, TESTS["finemap"].effects(settings, known)


def source_of(backgrounds: Codes, tiles: list[Interval]) -> ShuffleSource:
    own = np.repeat(backgrounds[None], len(tiles), axis=0)
    return replay({"shared": backgrounds, "own": own}, NO_SHUFFLES, tiles)


def stages_of(rows: list[Row]) -> list[dict[str, list[Any]]]:
    """Rebuild each stage of one search from its rows alone, as a reader of the table would."""
    (whole,) = (row for row in rows if row.round == 0)
    left = set(range(whole.offset_start, whole.offset_end))  # bases still embedded
    stages: list[dict[str, list[Any]]] = []
    in_stage = False
    for number in range(1, 1 + max(row.round for row in rows if row.round is not None)):
        gone = [row for row in rows if row.round == number]
        if not in_stage:
            stages.append({"scores": [], "bps": [], "removed": []})
        (score,), (call,) = {row.effect for row in gone}, {row.call for row in gone}
        places = [(row.offset_start, row.offset_end) for row in gone]
        after = left - {base for start, end in places for base in range(start, end)}
        stages[-1]["scores"].append(score)
        stages[-1]["bps"].append(len(after))
        stages[-1]["removed"] += places
        in_stage = call == "removed"
        if in_stage:
            left = after
        window = places[0][1] - places[0][0]
        starts = range(whole.offset_start, whole.offset_end, window)
        stages[-1]["surviving"] = [(s, s + window) for s in starts if s in left]
    return stages


@pytest.mark.parametrize("compat", ["fixed", "reference"])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_fine_tile_search_of_an_enhancer_and_a_silencer(
    config: dict[str, Any], inputs: Arrays, expected: Arrays, name: str, compat: str
) -> None:
    tiles = [(start, end) for start, end in (expected[f"{kind}_tile"].tolist() for kind in KINDS)]
    (tss,) = intervals(inputs["tss_tile"][None])
    # Each kind has thresholds of its own; a set need not mirror one at the other.
    stages = tuple(
        FineStage(window, float(threshold), batch, float(of_silencers))
        for window, threshold, batch, of_silencers in zip(
            config["scales"],
            expected["enh_thresholds"],
            config["batches"],
            expected["sil_thresholds"],
            strict=True,
        )
    )
    settings = settings_for(tss, config["L"], tiles, len(expected["backgrounds"]), compat=compat, fine=stages)
    model = at_tss(toy_model(config), inputs["tss_bins"])
    known, table = run(settings, inputs["seqs"][0], model, source_of(expected["backgrounds"], tiles))

    tile = tuple(expected[f"{name}_tile"].tolist())
    rows = [row for row in table if row.tile == tile]
    assert {row.n for row in rows} == {len(expected["backgrounds"])}
    (whole,) = (row for row in rows if row.round == 0)
    assert whole.call == KINDS[name]
    assert (whole.offset_start, whole.offset_end, whole.effect) == (*tile, 1.0)
    for value, key in ((whole.mutant, "mut"), (whole.control, "control"), (whole.wt, "wt")):
        assert value is not None
        np.testing.assert_allclose(value, expected[f"{name}_{key}"], rtol=RTOL, err_msg=key)

    rebuilt = stages_of(rows)
    assert len(rebuilt) == len(stages)
    for stage, threshold, found in zip(stages, expected[f"{name}_thresholds"], rebuilt, strict=True):
        stored = {part: expected[f"{name}_{stage.window}_{part}"] for part in found}
        assert set(stored) == {"scores", "bps", "removed", "surviving"}
        np.testing.assert_allclose(found["scores"], stored["scores"], rtol=RTOL)
        for part in ("bps", "removed", "surviving"):
            np.testing.assert_array_equal(found[part], stored[part], err_msg=part)
        side = found["scores"][-1] <= threshold, found["scores"][-1] >= threshold
        assert side == ((True, False) if name == "enh" else (False, True))
        assert threshold == stage.threshold_of(KINDS[name])

    kept = [row for row in rows if row.call == "kept"]
    for metric, key in (
        ("mutant/whole", "final_score"),
        ("(mutant-control)/(whole-control)", "final_score_effect"),
    ):
        survivors = [row for row in kept if row.metric == metric]
        np.testing.assert_array_equal(
            [(row.offset_start, row.offset_end) for row in survivors], rebuilt[-1]["surviving"]
        )
        for row in survivors:
            np.testing.assert_allclose(row.effect, expected[f"{name}_{key}"], rtol=RTOL)
            np.testing.assert_allclose(row.mutant, expected[f"{name}_final_pred"], rtol=RTOL)
    assert len(kept) == 2 * len(rebuilt[-1]["surviving"])
    assert "wt" in known


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_analytic_fine_tile_search(analytic: Arrays, compat: str) -> None:
    (tss,) = intervals(analytic["tss_tile"][None])
    # README: tile 4, which its counts name: the one that "fine_surviving" lies in.
    first = analytic["fine_surviving"][0, 0]
    (tile,) = (t for t in intervals(analytic["tiles"]) if t[0] <= first < t[1])
    scores, bps = analytic["fine_scores"], analytic["fine_bps"]
    # One sub-tile a step; the threshold lies between the last two scores (README: 0.9).
    stage = FineStage(int(tile[1] - tile[0] - bps[0]), float(scores[-2:].mean()), 1)
    settings = settings_for(
        tss, len(analytic["seq"]), [tile], len(analytic["backgrounds"]), compat=compat, fine=(stage,)
    )
    source = source_of(analytic["backgrounds"], [tile])
    _, rows = run(settings, analytic["seq"], analytic_models(analytic)["additive"], source)
    (found,) = stages_of(rows)
    np.testing.assert_allclose(found["scores"], scores, rtol=RTOL)
    np.testing.assert_array_equal(found["bps"], bps)
    np.testing.assert_array_equal(found["surviving"], analytic["fine_surviving"])
    kept = [(r.offset_start, r.offset_end) for r in rows if r.call == "kept" and r.metric == "mutant/whole"]
    np.testing.assert_array_equal(kept, analytic["fine_surviving"])
