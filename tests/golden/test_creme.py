"""CREME against golden set A: the authors' functions, replayed on stored shuffles.

The models are those of the set's README; sizes, sequences and shuffles come from the fixture.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from raycre.creme import TESTS
from raycre.creme.edits import Source, build
from raycre.creme.effects import THRESHOLDS, cre_calls, insertion_effect
from raycre.creme.plan import passes
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tiles import Interval, context_tiles, tss_tile

Codes = NDArray[np.uint8]
Activity = dict[str, NDArray[np.float64]]
Model = Callable[[Codes], NDArray[np.float64]]
Arrays = dict[str, NDArray[Any]]

THREE = ("context", "necessity", "sufficiency")
MOTIFS = ("GATAA", "CAGGT", "TATAA")
BIN = 128
RTOL = 1e-12


def read_arrays(path: Path) -> Arrays:
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "creme"


@pytest.fixture(scope="module")
def config(golden: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((golden / "toy_A" / "config.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def stored(golden: Path) -> dict[str, Arrays]:
    names = ("inputs", "model_check", "context_dependence", "necessity", "sufficiency")
    return {name: read_arrays(golden / "toy_A" / f"{name}.npz") for name in names}


@pytest.fixture(scope="module")
def analytic(golden: Path) -> Arrays:
    return read_arrays(golden / "analytic" / "analytic.npz")


def toy_model(config: dict[str, Any]) -> Model:
    """Return the README's toy model: uint8 (L,) -> float64 (L / 128, tracks), as it is written."""
    P = config["P"]
    n_bins = config["L"] // BIN
    b = np.arange(n_bins)
    away = np.abs(b[:, None] - b[None, :])  # |q - b|: rows b, columns q
    downstream = np.where(b[None, :] > b[:, None], P["asym"], 1.0)
    ripple = P["eps"] * np.sin(0.37 * (np.arange(BIN) + 1)[None, :] + 0.11 * b[:, None])

    def predict(codes: Codes) -> NDArray[np.float64]:
        counts = motif_counts(codes)
        a, r = np.tanh(counts[:, 0] / P["satA"]), np.tanh(counts[:, 1] / P["satR"])
        h = (ripple * np.isin(codes.reshape(n_bins, BIN), (1, 2))).sum(axis=1)
        columns = []
        for t in range(len(P["lamE"])):
            W = np.exp(-away / P["lamE"][t]) * downstream
            E, R, H = W @ a, np.exp(-away / P["lamR"][t]) @ r, W @ h
            g = P["base"] + (E, E + P["coop"] * E**2, P["vmax"] * E / (P["km"] + E))[t]
            columns.append((1 + counts[:, 2]) ** P["gam"][t] * g / (1 + P["rho"][t] * R) * np.exp(H))
        return np.stack(columns, axis=1)

    return predict


def motif_counts(codes: Codes) -> NDArray[np.int64]:
    """Count motif starts per bin, overlaps included: int64 (L / 128, 3)."""
    counts = []
    for motif in MOTIFS:
        wanted = np.array(["ACGT".index(c) for c in motif], dtype=np.uint8)
        starts = (np.lib.stride_tricks.sliding_window_view(codes, len(wanted)) == wanted).all(axis=1)
        padded = np.append(starts, np.zeros(len(wanted) - 1, dtype=bool))
        counts.append(padded.reshape(-1, BIN).sum(axis=1))
    return np.stack(counts, axis=1)


def at_tss(model: Model, tss_bins: NDArray[np.int64]) -> Model:
    return lambda codes: model(codes)[tss_bins].mean(axis=0)


def run(wt: Codes, settings: Settings, tests: tuple[str, ...], model: Model, source: Source) -> Activity:
    return {p.key: model(build(wt, p, "toy", 0, source)) for p in passes(tests, settings)}


def replay(backgrounds: Arrays, tile_shuffles: NDArray[np.uint8], tiles: list[Interval]) -> Source:
    """Return stored shuffles: "shared" (k, L), "own" (tile, k, L), `tile_shuffles` (tile, k, bp)."""

    def source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> Codes:
        if owner is not None:
            return np.asarray(backgrounds["own"][tiles.index(owner), k], dtype=np.uint8)
        if (start, end) in tiles:
            return np.asarray(tile_shuffles[tiles.index((start, end)), k], dtype=np.uint8)
        return np.asarray(backgrounds["shared"][k], dtype=np.uint8)

    return source


def column(rows: list[Row], name: str, n_tracks: int) -> NDArray[Any]:
    """Return one field of rows in order of tile and track: (tiles, tracks)."""
    return np.array([getattr(row, name) for row in rows]).reshape(-1, n_tracks)


def intervals(array: NDArray[np.int64]) -> list[Interval]:
    return [(start, end) for start, end in array.tolist()]


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
    assert {row.call for row in rows} == {"neither"}  # every context of sequence 0 is "other"


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
    # Every context of sequence 0 is "other", so the rows divide by the control.
    assert {row.metric for row in rows} == {"(mutant-control)/control"}
    np.testing.assert_allclose(effect, expected["effect_over_control"], rtol=1e-9, atol=1e-14)

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


def analytic_models(arrays: Arrays) -> dict[str, Model]:
    """Return the README's four models of C counts per CRE tile: uint8 (L,) -> float64 (1,)."""
    w, c = arrays["weights"], float(arrays["scale"])

    def counts(codes: Codes) -> NDArray[np.int64]:
        return np.array([(codes[start:end] == 1).sum() for start, end in arrays["tiles"]])

    def model(y: Callable[[NDArray[np.int64]], float]) -> Model:
        return lambda codes: np.array([y(counts(codes))], dtype=np.float64)

    return {
        "additive": model(lambda n: float(1 + (w * n).sum())),
        "multiplicative": model(lambda n: float(np.prod(1 + np.abs(w) * n))),
        "or": model(lambda n: float(1 + c * max(n[3], n[4]))),
        "and": model(lambda n: float(1 + c**2 * n[3] * n[4])),
    }


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
    # Effects 0.903, 0.988, 0.78 and 0.889: only the multiplicative model's context is enhancing.
    assert context.call == ("enhancing" if name == "multiplicative" else "other")

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
