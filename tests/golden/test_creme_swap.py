"""The context swap test against golden set A: every array of context_swap.npz."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from raycre.creme.perturbation import apply
from raycre.creme.plan import complete
from raycre.creme.rows import Predicted
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.swap import wt_of
from tests.golden.creme_fixture import RTOL, at_tss, read_arrays, toy_model


def test_every_tss_in_the_context_of_every_other(shared: Path) -> None:
    folder = shared / "golden" / "creme" / "toy_A"
    config = json.loads((folder / "config.json").read_text())
    inputs, expected = (read_arrays(folder / f"{name}.npz") for name in ("inputs", "context_swap"))
    wild_types = {f"gene_{i}": codes for i, codes in enumerate(inputs["seqs"])}
    genes = list(wild_types)
    model = at_tss(toy_model(config), inputs["tss_bins"])

    settings, known = {}, {}
    for target in genes:
        settings[target] = Settings(
            config["L"],
            config["window"],
            tiles=(),
            n_shuffles={},
            partners=tuple(gene for gene in genes if gene != target),
        )

        def predict(passes: Any, target: str = target) -> Predicted:
            codes = wild_types[target]
            return {p.key: model(apply(codes, p, target, 0, None, wild_types.__getitem__)) for p in passes}

        known[target] = complete(["swap"], settings[target], predict)

    # What a run does between prediction and effects: every gene's own wild type, under its name.
    wild = {wt_of(gene): known[gene]["wt"] for gene in genes}
    pred, normalised = np.full(expected["pred"].shape, np.nan), np.full(expected["pred"].shape, np.nan)
    for j, target in enumerate(genes):
        pred[j, j], normalised[j, j] = known[target]["wt"], 1.0  # at home; no row
        for row in TESTS["swap"].effects(settings[target], {**known[target], **wild}):
            assert row.gene is not None
            i = genes.index(row.gene)
            assert i != j
            pred[i, j, row.track], normalised[i, j, row.track] = row.mutant, row.effect
            np.testing.assert_allclose(row.wt, expected["wt"][i, row.track], rtol=RTOL)
            assert (row.offset_start, row.offset_end) == tuple(inputs["tss_tile"].tolist())
    np.testing.assert_allclose([known[gene]["wt"] for gene in genes], expected["wt"], rtol=RTOL)
    np.testing.assert_allclose(pred, expected["pred"], rtol=RTOL)
    np.testing.assert_allclose(normalised, expected["normalised"], rtol=RTOL)
