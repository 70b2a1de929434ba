"""The context swap test, with the numbers of the paper's example."""

from __future__ import annotations

import numpy as np
import pytest

from raycre.creme.perturbation import WT, apply
from raycre.creme.settings import Settings
from raycre.creme.tests.swap import effects, perturbations, wt_of
from raycre.errors import RaycreError

SETTINGS = Settings(60, 10, (), {}, partners=("A", "B"))
KNOWN = {
    "wt": np.array([7.0, 7.0]),
    "tile=25-35/of=A": np.array([10.0, 3.0]),
    "tile=25-35/of=B": np.array([8.0, 0.0]),
    wt_of("A"): np.array([20.0, 0.0]),
    wt_of("B"): np.array([4.0, 5.0]),
}


def test_passes_are_this_genes_with_the_tss_tile_of_each_partner() -> None:
    planned = perturbations(SETTINGS, {})
    assert [p.key for p in planned] == ["wt", "tile=25-35/of=A", "tile=25-35/of=B"]
    wild_types = {"A": np.full(60, 1, dtype=np.uint8), "B": np.full(60, 2, dtype=np.uint8)}
    home = np.zeros(60, dtype=np.uint8)
    for pass_, letter in zip(planned, (0, 1, 2), strict=True):
        codes = apply(home, pass_, "home", 0, None, wild_types.__getitem__)
        assert codes.tolist() == [0] * 25 + [letter] * 10 + [0] * 25


def test_effect_is_over_the_wild_type_of_the_gene_that_the_tss_is_from() -> None:
    table = effects(SETTINGS, KNOWN)
    # Methods: WT 20 in its own context and 10 in the new one give 0.5.
    assert [(r.gene, r.track, r.wt, r.mutant, r.effect) for r in table if r.wt] == [
        ("A", 0, 20.0, 10.0, 0.5),
        ("B", 0, 4.0, 8.0, 2.0),
        ("B", 1, 5.0, 0.0, 0.0),
    ]
    (silent,) = (r for r in table if not r.wt)
    assert (silent.gene, silent.track) == ("A", 1)
    assert np.isnan(silent.effect)
    assert {(r.offset_start, r.offset_end, r.n, r.sd, r.metric, r.call, r.control) for r in table} == {
        (25, 35, 1, 0.0, "mutant/wt", None, None)
    }


def test_gene_alone_has_its_wild_type_and_no_rows() -> None:
    alone = Settings(60, 10, (), {})
    assert perturbations(alone, {}) == [WT]
    assert effects(alone, KNOWN) == []


def test_activity_that_is_not_a_number_stops_the_run() -> None:
    with pytest.raises(RaycreError, match="for pass tile=25-35/of=A"):
        effects(SETTINGS, KNOWN | {"tile=25-35/of=A": np.array([np.nan, 1.0])})
