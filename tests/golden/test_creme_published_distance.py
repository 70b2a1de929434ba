"""The formulas of the TSS-CRE distance test on the authors' own results, K562.

The table has no activities. Its effect is (mutant - control) / wt for enhancers and / control for silencers,
and wt and control stand in the table of CREs, so the mutants follow; they have 7 digits.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.creme.backgrounds import places
from raycre.creme.formulas import fold_over_max, insertion_effect
from raycre.creme.settings import Settings
from raycre.creme.tiles import distance

DIGITS = 2e-6  # of float32 activities, some steps later
ENFORMER = 196_608  # bp (Methods)
OF_CLASS = {"Enhancer": "enhancing", "Silencer": "silencing"}


@pytest.fixture(scope="module")
def published(shared: Path) -> Path:
    return shared / "golden" / "creme_published"


@pytest.fixture(scope="module")
def settings(published: Path) -> Settings:
    table = pd.read_csv(published / "tile_coordinates.csv.gz", index_col=0)
    tss = table.pop("tss")
    tiles = tuple((int(start), int(end)) for start, end in table.to_numpy().T)
    return Settings(ENFORMER, int(tss.iloc[1] - tss.iloc[0]), tiles, {})


@pytest.fixture(scope="module")
def moved(published: Path) -> pd.DataFrame:
    """Every CRE at every position, with wt and control of the CRE."""
    table = pd.read_csv(published / "distance_test.csv.gz")
    cres = pd.read_csv(published / "sufficient_CREs.csv.gz")
    cres["enf_data_id"] = (
        cres["seq_id"] + "_" + cres["tile_start"].astype(str) + "_" + cres["tile_end"].astype(str)
    )
    columns = ["enf_data_id", "wt", "control", "tile class", "tile_start", "tile_end"]
    merged = table.merge(
        cres[columns], on=["enf_data_id", "tile class"], validate="m:1", suffixes=("", "_of_cre")
    )
    assert len(merged) == len(table)
    assert merged["enf_data_id"].nunique() == len(cres)
    return merged


def mutants(rows: pd.DataFrame) -> pd.Series:
    over = rows["wt"].where(rows["tile class"] == "Enhancer", rows["control"])
    return rows["CRE sufficiency effect"] * over + rows["control"]


def test_every_cre_is_tried_at_our_places(settings: Settings, moved: pd.DataFrame) -> None:
    for _, cre in moved.groupby("enf_data_id"):
        cre = cre.sort_values("position_index")
        tile = (int(cre["tile_start"].iloc[0]), int(cre["tile_end"].iloc[0]))
        kb = [distance(place, settings.tss_tile) // 1000 for place in places(settings, tile)]
        assert cre["Binned distance (Kb)"].tolist() == kb
        assert cre["position_index"].tolist() == list(range(len(kb)))


@pytest.mark.parametrize("kind", list(OF_CLASS))
def test_folds_follow_from_the_published_effects(moved: pd.DataFrame, kind: str) -> None:
    rows = moved[moved["tile class"] == kind].sort_values(["enf_data_id", "position_index"])
    assert len(rows)
    assert set(rows["context"]) == {OF_CLASS[kind]}
    np.testing.assert_allclose(rows["control"], rows["control_of_cre"], rtol=DIGITS)  # DIVERGENCES 24
    rows = rows.assign(mutant=mutants(rows))
    mutant, fold = (
        rows.pivot(index="position_index", columns="enf_data_id", values=name).to_numpy()
        for name in ("mutant", "Fold change over control")
    )
    ours = fold_over_max(mutant)
    np.testing.assert_allclose(ours, fold, rtol=DIGITS * 10)
    assert (fold.max(axis=0) == 1).all()
    assert (ours.max(axis=0) == 1).all()
    np.testing.assert_array_equal(ours.argmax(axis=0), fold.argmax(axis=0))


def test_counts_and_means_are_those_of_the_set(
    published: Path, settings: Settings, moved: pd.DataFrame
) -> None:
    readme = (published / "README.md").read_text()
    number = r"(-?[\d.,]*\d)"
    pairs = rf"enhancers {number} / {number}, silencers {number} / {number}"
    stated = re.search(
        rf"{number} \+ {number} = .*mean fold at -5 / \+5 kb: {pairs}; mean effect {pairs}", readme
    )
    assert stated is not None
    counts, folds, effects = np.split(np.array([float(n.replace(",", "")) for n in stated.groups()]), [2, 6])
    for kind, count, fold, effect in zip(
        OF_CLASS, counts, folds.reshape(2, 2), effects.reshape(2, 2), strict=True
    ):
        rows = moved[moved["tile class"] == kind].sort_values(["enf_data_id", "position_index"])
        assert len(rows) == count
        mutant = mutants(rows).to_numpy().reshape(-1, len(settings.tiles))
        ours = fold_over_max(mutant.T).T.ravel()
        for i, kb in enumerate((-5, 5)):
            near = (rows["Binned distance (Kb)"] == kb).to_numpy()
            assert ours[near].mean() == pytest.approx(fold[i], abs=6e-6)
            assert rows["CRE sufficiency effect"][near].mean() == pytest.approx(effect[i], abs=6e-6)


@pytest.mark.parametrize("kind", list(OF_CLASS))
def test_effects_follow_from_the_published_folds(moved: pd.DataFrame, kind: str) -> None:
    for _, rows in moved[moved["tile class"] == kind].groupby("enf_data_id"):
        # The place of fold 1 gives the scale, and so the activity at all others.
        wt, control = (float(rows[name].iloc[0]) for name in ("wt", "control"))
        over = wt if kind == "Enhancer" else control
        fold = rows["Fold change over control"].to_numpy()
        top = float(rows["CRE sufficiency effect"].to_numpy()[fold.argmax()]) * over + control
        mutant = fold * top
        effect, metric = insertion_effect(
            mutant[:, None], np.array([control]), np.array([wt]), [OF_CLASS[kind]]
        )
        assert metric == [f"(mutant-control)/{'wt' if kind == 'Enhancer' else 'control'}"]
        np.testing.assert_allclose(effect[:, 0], rows["CRE sufficiency effect"], rtol=0, atol=DIGITS * 10)
