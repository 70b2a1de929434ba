"""CREME against golden set A: the authors' functions, replayed on stored shuffles.

The models are those of the set's README; sizes, sequences and shuffles come from the fixture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme.formulas import THRESHOLDS, cre_calls, insertion_effect
from raycre.creme.perturbation import ShuffleSource, apply
from raycre.creme.plan import passes
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tiles import context_tiles, tss_tile
from tests.golden.creme_fixture import (
    RTOL,
    Activity,
    Arrays,
    Codes,
    Model,
    analytic_models,
    at_tss,
    intervals,
    motif_counts,
    read_arrays,
    replay,
    toy_model,
)

THREE = ("context", "necessity", "sufficiency")


@pytest.fixture(scope="module")
def stored(golden: Path) -> dict[str, Arrays]:
    names = ("inputs", "model_check", "context_dependence", "necessity", "sufficiency")
    return {name: read_arrays(golden / "toy_A" / f"{name}.npz") for name in names}


def run(
    wt: Codes, settings: Settings, tests: tuple[str, ...], model: Model, source: ShuffleSource
) -> Activity:
    return {p.key: model(apply(wt, p, "toy", 0, source)) for p in passes(tests, settings)}


def column(rows: list[Row], name: str, n_tracks: int) -> NDArray[Any]:
    """Return one field of rows in order of tile and track: (tiles, tracks)."""
    return np.array([getattr(row, name) for row in rows]).reshape(-1, n_tracks)


@pytest.fixture(scope="module")
def toy_settings(config: dict[str, Any], stored: dict[str, Arrays]) -> Settings:
    return Settings(
        seq_len=config["L"],
        tile_size=config["window"],
        tiles=tuple(intervals(stored["inputs"]["tiles"])),
        n_shuffles={"context": config["Nctx"], "necessity": config["N"], "sufficiency": config["Nsuf"]},
        compat="reference",
    )


@pytest.fixture(scope="module")
def toy_rows(
    config: dict[str, Any], stored: dict[str, Arrays], toy_settings: Settings
) -> dict[str, list[Row]]:
    """Rows of all three tests of sequence 0, from one de-duplicated plan."""
    backgrounds = {
        "shared": stored["context_dependence"]["shuffles"][0],
        "own": stored["sufficiency"]["backgrounds"],
    }
    source = replay(backgrounds, stored["necessity"]["tile_shuffles"], list(toy_settings.tiles))
    model = at_tss(toy_model(config), stored["inputs"]["tss_bins"])
    activity = run(stored["inputs"]["seqs"][0], toy_settings, THREE, model, source)
    return {name: test.effects(toy_settings, activity) for name, test in ((n, TESTS[n]) for n in THREE)}


def test_toy_model_is_the_stored_one(config: dict[str, Any], stored: dict[str, Arrays]) -> None:
    model = toy_model(config)
    for codes, counts, pred in zip(
        stored["inputs"]["seqs"], stored["model_check"]["counts"], stored["model_check"]["pred"], strict=True
    ):
        np.testing.assert_array_equal(motif_counts(codes), counts)
        np.testing.assert_allclose(model(codes), pred, rtol=RTOL)


def test_tiles_are_the_stored_ones(
    config: dict[str, Any], stored: dict[str, Arrays], analytic: Arrays
) -> None:
    tiles = context_tiles(config["L"], config["window"], "reference")
    np.testing.assert_array_equal(tiles, stored["inputs"]["tiles"])
    np.testing.assert_array_equal(tss_tile(config["L"], config["window"]), stored["inputs"]["tss_tile"])
    seq_len, (start, end) = len(analytic["seq"]), analytic["tss_tile"]
    assert tss_tile(seq_len, int(end - start)) == (start, end)


def test_context_dependence_of_every_sequence(
    config: dict[str, Any], stored: dict[str, Arrays], toy_settings: Settings
) -> None:
    expected, inputs = stored["context_dependence"], stored["inputs"]
    model = at_tss(toy_model(config), inputs["tss_bins"])
    n_tracks = expected["wt"].shape[1]
    for s, wt in enumerate(inputs["seqs"]):
        source = replay({"shared": expected["shuffles"][s]}, np.empty((0, 0, 0), dtype=np.uint8), [])
        activity = run(wt, toy_settings, ("context",), model, source)
        rows = TESTS["context"].effects(toy_settings, activity)
        assert {(row.offset_start, row.offset_end) for row in rows} == {tuple(inputs["tss_tile"].tolist())}
        assert {row.n for row in rows} == {config["Nctx"]}
        for name, values in (
            ("wt", expected["wt"][s]),
            ("mutant", expected["mut"][s]),
            ("sd", expected["pred_mut_tss"][s].std(axis=0)),
            ("effect", expected["effect"][s]),
        ):
            np.testing.assert_allclose(column(rows, name, n_tracks)[0], values, rtol=1e-9, err_msg=name)
        assert [row.call for row in rows] == expected["label_paper_thresholds"][s].tolist()


def test_necessity_of_every_tile(
    config: dict[str, Any], stored: dict[str, Arrays], toy_rows: dict[str, list[Row]]
) -> None:
    expected, rows = stored["necessity"], toy_rows["necessity"]
    n_tracks = len(expected["wt"])
    tiles = [tile for tile in intervals(stored["inputs"]["tiles"]) for _ in range(n_tracks)]
    assert [(row.offset_start, row.offset_end) for row in rows] == tiles
    assert {row.n for row in rows} == {config["N"]}
    np.testing.assert_allclose(column(rows, "wt", n_tracks)[0], expected["wt"], rtol=RTOL)
    np.testing.assert_allclose(column(rows, "mutant", n_tracks), expected["mean_mut"], rtol=RTOL)
    np.testing.assert_allclose(
        column(rows, "sd", n_tracks), expected["pred_mut"].std(axis=1), rtol=1e-9, atol=1e-14
    )
    effect = column(rows, "effect", n_tracks)
    np.testing.assert_allclose(effect, expected["effect"], rtol=1e-9, atol=1e-14)

    # What the calls would be if the context matched (the fixture's own condition).
    for context, call in (("enhancing", "enhancer"), ("silencing", "silencer")):
        calls = cre_calls(effect.ravel(), [context] * effect.size, THRESHOLDS["enformer"])
        called = np.array([c == call for c in calls]).reshape(effect.shape)
        np.testing.assert_array_equal(called, expected["class_if_context_matched"] == call.capitalize())
    # And what they are, with the stored context of sequence 0 on each track.
    contexts = stored["context_dependence"]["label_paper_thresholds"][0]
    matched = expected["class_if_context_matched"]
    for kind, context in (("Enhancer", "enhancing"), ("Silencer", "silencing")):
        calls = column(rows, "call", n_tracks) == kind.lower()
        np.testing.assert_array_equal(calls, (matched == kind) & (contexts == context))


def test_sufficiency_of_every_tile(
    config: dict[str, Any], stored: dict[str, Arrays], toy_rows: dict[str, list[Row]]
) -> None:
    expected, rows = stored["sufficiency"], toy_rows["sufficiency"]
    n_tracks = len(expected["wt"])
    assert {row.n for row in rows} == {config["Nsuf"]}
    wt, mutant, control, effect = (column(rows, f, n_tracks) for f in ("wt", "mutant", "control", "effect"))
    np.testing.assert_allclose(mutant, expected["mean_mut"], rtol=RTOL)
    np.testing.assert_allclose(control, expected["mean_control"], rtol=RTOL)
    np.testing.assert_allclose(
        column(rows, "sd", n_tracks), expected["pred_mut"].std(axis=1), rtol=1e-9, atol=1e-14
    )
    # By the stored context of sequence 0 on each track, rows divide by the wild type or by the control.
    enhancing = stored["context_dependence"]["label_paper_thresholds"][0] == "enhancing"
    metric = np.where(enhancing, "(mutant-control)/wt", "(mutant-control)/control")
    np.testing.assert_array_equal(column(rows, "metric", n_tracks), np.tile(metric, (len(effect), 1)))
    stored_effect = np.where(enhancing, expected["effect_over_wt"], expected["effect_over_control"])
    np.testing.assert_allclose(effect, stored_effect, rtol=1e-9, atol=1e-14)

    # The formula and the calls of the other contexts, on the same activities.
    mutant, control, wt = mutant.ravel(), control.ravel(), wt.ravel()
    for context, name, call in (
        ("enhancing", "effect_over_wt", "enhancer"),
        ("silencing", "effect_over_control", "silencer"),
    ):
        contexts = [context] * mutant.size
        value, _ = insertion_effect(mutant, control, wt, contexts)
        np.testing.assert_allclose(value, expected[name].ravel(), rtol=1e-9, atol=1e-14)
        called = np.array([c == call for c in cre_calls(value, contexts, THRESHOLDS["enformer"])])
        np.testing.assert_array_equal(called, expected[call].ravel())


@pytest.mark.parametrize("name", ["additive", "multiplicative", "or", "and"])
def test_analytic_set_of_all_three_tests(analytic: Arrays, name: str) -> None:
    tiles = intervals(analytic["tiles"])
    start, end = analytic["tss_tile"].tolist()
    settings = Settings(
        seq_len=len(analytic["seq"]),
        tile_size=end - start,
        tiles=tuple(tiles),
        n_shuffles={
            "context": len(analytic["context_shuffles"]),
            "necessity": analytic["tile_shuffles"].shape[1],
            "sufficiency": len(analytic["backgrounds"]),
        },
        compat="reference",  # keeps the context's shuffles and the sufficiency test's backgrounds apart
    )
    own = np.repeat(analytic["backgrounds"][None], len(tiles), axis=0)
    source = replay({"shared": analytic["context_shuffles"], "own": own}, analytic["tile_shuffles"], tiles)
    activity = run(analytic["seq"], settings, THREE, analytic_models(analytic)[name], source)
    rows = {test: TESTS[test].effects(settings, activity) for test in THREE}

    (context,) = rows["context"]
    assert context.wt == pytest.approx(float(analytic[f"{name}_wt"]))
    assert context.mutant == pytest.approx(float(analytic[f"{name}_context_mut"]))
    assert context.effect == pytest.approx(float(analytic[f"{name}_context_effect"]))
    # Effects of set A: 0.903, 0.988, 0.78 and 0.889, so that only the multiplicative context is enhancing.
    assert context.call == ("enhancing" if analytic[f"{name}_context_effect"] > 0.95 else "other")

    mutants = analytic[f"{name}_necessity_pred"]
    for row, pred, effect in zip(
        rows["necessity"], mutants, analytic[f"{name}_necessity_effect"], strict=True
    ):
        assert (row.mutant, row.sd) == pytest.approx((pred.mean(), pred.std()))
        assert row.effect == pytest.approx(effect, abs=1e-12)
    over = "over_wt" if context.call == "enhancing" else "over_control"
    for t, row in enumerate(rows["sufficiency"]):
        assert row.mutant == pytest.approx(analytic[f"{name}_sufficiency_mut"][t])
        assert row.control == pytest.approx(analytic[f"{name}_sufficiency_control"][t])
        assert row.effect == pytest.approx(analytic[f"{name}_sufficiency_{over}"][t], abs=1e-12)
