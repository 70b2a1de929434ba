"""Passes by identity: their keys, their sequences, and the plan that runs each once."""

from __future__ import annotations

import pickle
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from raycre.creme.perturbation import WT, Perturbation, apply, seeded_source
from raycre.creme.plan import chunks, n_after, n_before, passes
from raycre.creme.presets import paper_shuffles
from raycre.creme.settings import Settings
from raycre.creme.tests import TESTS
from raycre.creme.tiles import Interval, context_tiles
from raycre.errors import ConfigError, RegionError

ALL = ("context", "necessity", "sufficiency")


def paper(compat: str = "fixed") -> Settings:
    tiles = tuple((start, end) for start, end in context_tiles(196_608, 5_000, compat).tolist())
    return Settings(196_608, 5_000, tiles, paper_shuffles(), compat)


def small(compat: str = "fixed") -> Settings:
    return Settings(60, 10, ((15, 25), (35, 45)), {"context": 3, "necessity": 2, "sufficiency": 2}, compat)


def test_keys_read_as_what_is_done() -> None:
    tss, tile = (95_804, 100_804), (5_804, 10_804)
    assert WT.key == "wt"
    assert Perturbation(shuffled=((*tile, 2),)).key == "tile=5804-10804/shuffle=2"
    assert Perturbation(background=(None, 3), kept=(tss,)).key == "background=3+tile=95804-100804"
    assert Perturbation((None, 3), kept=(tss, tile)).key == "background=3+tile=5804-10804+tile=95804-100804"
    assert Perturbation((tile, 3), kept=(tss,)).key == "background=3/of=5804-10804+tile=95804-100804"


def test_order_of_edits_does_not_matter() -> None:
    assert Perturbation((None, 0), kept=((5, 9), (1, 3))) == Perturbation((None, 0), kept=((1, 3), (5, 9)))


intervals = st.tuples(st.integers(0, 3), st.integers(4, 7))
any_pass = st.builds(
    Perturbation,
    st.none() | st.tuples(st.none() | intervals, st.integers(0, 3)),
    st.lists(st.tuples(st.integers(0, 3), st.integers(4, 7), st.integers(0, 2)), max_size=2).map(tuple),
    st.lists(intervals, max_size=2).map(tuple),
)


@given(any_pass, any_pass)
def test_keys_are_equal_only_for_equal_passes(a: Perturbation, b: Perturbation) -> None:
    assert (a.key == b.key) == (a == b)


def constant_source(gene: str, start: int, end: int, k: int, owner: Interval | None) -> NDArray[np.uint8]:
    return np.full(end - start, 1 + k if owner is None else 3, dtype=np.uint8)


@pytest.mark.parametrize(
    ("pass_", "letters"),
    [
        (WT, "AAAAAAAAAA"),
        (Perturbation(shuffled=((2, 5, 0),)), "AACCCAAAAA"),
        (Perturbation(shuffled=((2, 5, 0), (7, 10, 1))), "AACCCAAGGG"),
        (Perturbation(background=(None, 1)), "GGGGGGGGGG"),
        (Perturbation(background=(None, 1), kept=((4, 6),)), "GGGGAAGGGG"),
        (Perturbation(background=((0, 2), 1), kept=((4, 6), (0, 2))), "AATTAATTTT"),
    ],
)
def test_sequence_of_a_pass(pass_: Perturbation, letters: str) -> None:
    wt = np.zeros(10, dtype=np.uint8)
    codes = apply(wt, pass_, "gene", 0, constant_source)
    assert "".join("ACGT"[c] for c in codes) == letters
    assert not wt.any()


def test_seeded_shuffles_are_fixed_by_identity() -> None:
    wt = np.random.default_rng(0).integers(0, 4, 300, dtype=np.uint8)
    pass_ = Perturbation(shuffled=((100, 200, 1),))
    codes = apply(wt, pass_, "gene", 0)
    np.testing.assert_array_equal(codes, apply(wt, pass_, "gene", 0, seeded_source(wt, 0)))
    np.testing.assert_array_equal(codes[:100], wt[:100])
    np.testing.assert_array_equal(codes[200:], wt[200:])
    assert (codes[100:200] != wt[100:200]).any()
    for other in (apply(wt, pass_, "another", 0), apply(wt, pass_, "gene", 1)):
        assert (codes != other).any()
    backgrounds = [apply(wt, Perturbation((owner, 0)), "gene", 0) for owner in (None, (0, 10), (10, 20))]
    assert all((a != b).any() for a, b in pairwise(backgrounds))


def test_source_draws_as_compat_says() -> None:
    wt = np.full(8, 4, dtype=np.uint8)
    assert seeded_source(wt, 0)("gene", 0, 8, 0, None).tolist() == [4] * 8
    assert seeded_source(wt, 0, "reference")("gene", 0, 8, 0, None).tolist() == [3] * 8


def test_overlapping_windows_of_two_genes_draw_their_own_shuffles() -> None:
    wt = np.random.default_rng(0).integers(0, 4, 200, dtype=np.uint8)
    source = seeded_source(wt, 0)  # of the same bases, so that only the name tells them apart
    assert (source("ENSG01@chr1:500+", 0, 200, 0, None) != source("ENSG02@chr1:500+", 0, 200, 0, None)).any()


def test_what_a_source_returns_is_not_written_to() -> None:
    wt, background = np.zeros(10, dtype=np.uint8), np.ones(10, dtype=np.uint8)
    apply(wt, Perturbation((None, 0), kept=((2, 4),)), "gene", 0, lambda *_: background)
    assert background.all()


@pytest.mark.parametrize("tile", [(5, 11), (-1, 3), (4, 4)])
def test_edit_outside_the_input_is_refused(tile: Interval) -> None:
    with pytest.raises(RegionError, match="inside the 10 bp"):
        apply(np.zeros(10, dtype=np.uint8), Perturbation((None, 0), kept=(tile,)), "gene", 0, constant_source)


def test_paper_needs_861_passes_with_shared_backgrounds_and_1241_without() -> None:
    # 1 wild type + 100 contexts + 38 x 10 necessity + 38 x 10 sufficiency; controls are among the contexts.
    assert (n_before(ALL, paper()), n_after(ALL, paper())) == (101 + 381 + 761, 861)
    # Every tile with backgrounds of its own: another 38 x 10 controls.
    assert (n_before(ALL, paper("reference")), n_after(ALL, paper("reference"))) == (1_243, 1_241)


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_plan_holds_every_pass_of_every_test_once(compat: str) -> None:
    planned = passes(ALL, small(compat))
    assert len(planned) == len(set(planned)) == n_after(ALL, small(compat))
    assert set(planned) == {p for test in ALL for p in TESTS[test].perturbations(small(compat), {})}
    assert passes(ALL[::-1], small(compat)) == planned


def test_plan_keeps_passes_of_one_background_together() -> None:
    assert [p.key for p in passes(ALL, small())] == [
        "wt",
        "tile=15-25/shuffle=0",
        "tile=15-25/shuffle=1",
        "tile=35-45/shuffle=0",
        "tile=35-45/shuffle=1",
        "background=0+tile=25-35",
        "background=0+tile=15-25+tile=25-35",
        "background=0+tile=25-35+tile=35-45",
        "background=1+tile=25-35",
        "background=1+tile=15-25+tile=25-35",
        "background=1+tile=25-35+tile=35-45",
        "background=2+tile=25-35",
    ]


def test_reference_gives_every_tile_its_own_backgrounds() -> None:
    keys = [p.key for p in passes(("sufficiency",), small("reference"))]
    assert keys == ["wt"] + [
        f"background={k}/of={tile}+{kept}"
        for tile, k in product(("15-25", "35-45"), (0, 1))
        for kept in ("tile=25-35", f"tile={min(tile, '25-35')}+tile={max(tile, '25-35')}")
    ]


@given(st.integers(0, 50), st.integers(1, 60))
def test_chunks_cover_the_plan_without_gaps(n: int, size: int) -> None:
    cut = chunks([WT] * n, size)
    assert [i for start, end in cut for i in range(start, end)] == list(range(n))
    assert all(end - start == size for start, end in cut[:-1])


def test_chunks_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 pass or more"):
        chunks([WT], 0)


def test_unknown_test_is_refused_with_its_neighbour() -> None:
    with pytest.raises(ConfigError, match="did you mean necessity"):
        passes(("neccesity",), small())


def test_settings_and_passes_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps((paper(), passes(ALL, small())))) == (paper(), passes(ALL, small()))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"compat": "published"}, "'published': creme.compat is one of fixed, reference"),
        ({"thresholds": "borzoy"}, "did you mean borzoi"),
        ({"n_shuffles": {"context": 0}}, "0: creme.n_shuffles.context must be 1 or more"),
        ({"tiles": ((50, 61),)}, "inside the 60 bp"),
        ({"tiles": ((20, 26),)}, "overlaps the TSS tile 25-35"),
        ({"tiles": ((0, 5), (7, 9), (0, 5))}, r"\(0, 5\): the tile is given twice"),
        ({"tile_size": 61}, "does not fit"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, object], message: str) -> None:
    valid = {"seq_len": 60, "tile_size": 10, "tiles": (), "n_shuffles": {}}
    with pytest.raises(ConfigError, match=message):
        Settings(**{**valid, **changed})  # type: ignore[arg-type]


def test_test_without_a_number_of_shuffles_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"set creme\.n_shuffles\.necessity"):
        passes(("necessity",), Settings(60, 10, ((0, 5),), {"context": 1}))
