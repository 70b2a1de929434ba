"""Sets of the tiles that a search found, and both tests on planted motifs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from raycre.backbones.planted import MOTIFS, load_planted
from raycre.creme.perturbation import WT, Perturbation, apply
from raycre.creme.plan import complete, missing, passes
from raycre.creme.rows import Row
from raycre.creme.settings import SEARCHES, Settings
from raycre.creme.tests import TESTS
from raycre.creme.tiles import Interval
from tests.toy_activity import PAPER, TSS, A, B, C, Predicted, call, effects, levels, run, settings_of


def held(p: Perturbation) -> list[Interval]:
    """The tiles of the wild type that a background holds at their own places."""
    assert all(start == at for start, _, at in p.placed)
    return [*p.kept, *((start, end) for start, end, _ in p.placed)]


def test_sets_add_the_tiles_of_the_search_one_by_one() -> None:
    # TSS tile alone 10; B brings 40 and C 25, A nothing. WT 100.
    gain = {TSS: 0.0, A: 0.0, B: 40.0, C: 25.0}

    def activity(p: Perturbation) -> Sequence[float]:
        return levels(PAPER)(p) if p.background is None else [10.0 + sum(gain[tile] for tile in held(p))]

    _, rows = run(settings_of(n=2), activity, "sets")
    assert effects(rows, "mutant/wt") == [0.1, 0.5, 0.75, 0.75]
    assert effects(rows, "mutant/control") == [1.0, 5.0, 7.5, 7.5]
    over_wt = [r for r in rows if r.metric == "mutant/wt"]
    assert over_wt[0] == Row(
        20, 30, 0, None, None, 100.0, 10.0, 10.0, 0.0, 2, 0.1, "mutant/wt", None, search="min"
    )
    assert [(r.offset_start, r.round) for r in over_wt] == [(20, None), (10, 0), (30, 1), (0, 2)]


def test_sets_need_the_search_and_share_passes_with_context_and_sufficiency() -> None:
    assert TESTS["sets"].needs == ("interaction",)
    settings = Settings(
        50, 10, (A, B, C), {"interaction": 1, "sets": 2, "context": 2, "sufficiency": 2}, searches=("min",)
    )
    known, _ = run(settings, lambda p: [5.0], "interaction", "context", "sufficiency")
    asked = missing(["sets"], settings, known)
    assert {len(held(p)) for p in asked} == {3, 4}  # the TSS tile and two or three others
    assert len(asked) == 2 * 2


def test_searches_side_by_side_share_no_pass_but_those_known_beforehand() -> None:
    settings = settings_of(n=2, searches=SEARCHES)
    beforehand = {p.key for p in passes(["interaction", "sets"], settings)}
    own = [
        run(replace(settings, searches=(way,)), lambda p: levels(PAPER)(replace(p, background=None)), "sets")[
            0
        ]
        for way in SEARCHES
    ]
    assert beforehand < own[0].keys()
    assert own[0].keys() & own[1].keys() == beforehand


@pytest.mark.parametrize("test", ["interaction", "sets"])
def test_no_tiles_no_search(test: str) -> None:
    known, rows = run(settings_of(()), lambda p: [1.0], test)
    assert (list(known), rows) == ([WT.key], [])


@pytest.mark.parametrize("level", [0.0, -2.0])
@pytest.mark.parametrize("test", ["interaction", "sets"])
def test_silent_gene_has_null_effects_and_no_class(test: str, level: float) -> None:
    _, rows = run(settings_of(n=2), lambda p: [level], test)
    assert rows
    for row in rows:
        assert np.isnan(row.effect)
        assert row.call is None


# The planted model at bins 31 and 32 of 64: enhancers add, silencers divide.
PLANTED = Settings(
    8_192,
    1_024,
    ((1_536, 2_560), (2_560, 3_584), (4_608, 5_632), (5_632, 6_656)),
    {"interaction": 2, "sets": 2},
)


def planted(*plants: tuple[str, int], search: str) -> tuple[list[Row], list[float]]:
    """Rows of both tests for motifs in the middle of tiles, by tile; and each motif's weight at the TSS."""
    wt = np.zeros(PLANTED.seq_len, dtype=np.uint8)
    model = load_planted(seq_len=PLANTED.seq_len)
    q = PLANTED.seq_len // 256
    weights = []
    for name, t in plants:
        start = PLANTED.tiles[t][0] + 512
        wt[start : start + 15] = ["ACGT".index(base) for base in MOTIFS[name]]
        away = abs(np.array([q - 1, q]) - (start + 7) // 128)
        weights.append(float({"enhancer": 20, "silencer": 1}[name] * np.exp(-128 * away / 20_000).mean()))

    def source(gene: str, start: int, end: int, k: int, owner: object) -> NDArray[np.uint8]:
        return np.zeros(end - start, dtype=np.uint8)  # a shuffle without a motif

    def predict(asked: Sequence[Perturbation]) -> Predicted:
        codes = torch.from_numpy(np.stack([apply(wt, p, "g", 0, source) for p in asked]))
        read = model.read(codes, [q - 1, q], [0]).mean(dim=1).double().numpy()
        return {p.key: activity for p, activity in zip(asked, read, strict=True)}

    settings = Settings(
        PLANTED.seq_len, PLANTED.tile_size, PLANTED.tiles, PLANTED.n_shuffles, searches=(search,)
    )
    known = complete(["sets"], settings, predict)
    return [r for test in ("interaction", "sets") for r in TESTS[test].effects(settings, known)], weights


def test_two_planted_enhancers_add() -> None:
    rows, (far, near) = planted(("enhancer", 0), ("enhancer", 2), search="min")
    wt = 1 + far + near  # 1 + E1 + E2
    assert near > far
    greedy = [r for r in rows if r.metric == "greedy/wt"]
    assert [(r.offset_start, r.offset_end) for r in greedy[:2]] == [PLANTED.tiles[2], PLANTED.tiles[0]]
    expected = pytest.approx([(1 + far) / wt, 1 / wt, 1 / wt, 1 / wt], rel=1e-5)
    assert [r.effect for r in greedy] == expected
    assert effects(rows, "additive/wt") == expected
    assert call(rows, "mse(greedy,additive)") == "additive"
    # In shuffled backgrounds they bring it back one by one.
    assert effects(rows, "mutant/wt") == pytest.approx([1 / wt, (1 + near) / wt, 1, 1, 1], rel=1e-5)


def test_two_planted_silencers_divide_together() -> None:
    rows, (far, near) = planted(("silencer", 0), ("silencer", 2), search="max")
    wt = 1 / (1 + far + near)
    one, other = (1 / (1 + far)) / wt, (1 / (1 + near)) / wt  # near shuffled, far shuffled
    both = 1 / wt
    assert effects(rows, "greedy/wt", search="max") == pytest.approx([one, both, both, both], rel=1e-5)
    added = one + other - 1
    assert effects(rows, "additive/wt", search="max") == pytest.approx([one, added, added, added], rel=1e-5)
    # Curves of five points that differ in the last three, by what dividing twice has left out.
    apart = both - added
    assert apart > 0
    (mse,) = effects(rows, "mse(greedy,additive)", search="max")
    assert mse == pytest.approx(3 * apart**2 / 5, rel=1e-4)
    assert call(rows, "mse(greedy,additive)") == "superadditive"
    assert effects(rows, "mutant/control", search="max") == pytest.approx(
        [1, 1 / (1 + near), wt, wt, wt], rel=1e-5
    )
