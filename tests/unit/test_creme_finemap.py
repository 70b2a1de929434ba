"""The fine-tile search on sequences with planted motifs, where what must survive is known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest
import torch

from raycre.backbones.planted import MOTIFS, load_planted
from raycre.creme.backgrounds import controls, inserted
from raycre.creme.perturbation import Perturbation, apply
from raycre.creme.plan import complete, passes
from raycre.creme.rows import Predicted, Row
from raycre.creme.settings import FineStage, Settings
from raycre.creme.tests import TESTS
from raycre.creme.tests.finemap import cut, embedded, merged, rows_of, search
from raycre.creme.tests.sufficiency import Element
from raycre.errors import ConfigError

SEQ_LEN, TSS = 8_192, (3_596, 4_596)
TILE = (5_000, 6_000)
STAGES = (FineStage(500, 0.9, 1), FineStage(50, 0.7, 1))
MOTIF_AT = 5_760  # inside sub-tiles 5500-6000 and 5750-5800; its centre lies in bin 45
HOME = (5_750, 5_800)
N = {"sufficiency": 2, "finemap": 2}


def settings_of(**of: Any) -> Settings:
    values: dict[str, Any] = {"tiles": (TILE,), "n_shuffles": N, "fine": STAGES, "elements": "all"}
    return Settings(SEQ_LEN, 1_000, **(values | {"searched": (0,)} | of))


def planted(motif: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A random sequence, which has no 15-bp motif by chance, with one planted in the tile."""
    codes = np.random.default_rng(0).integers(0, 4, SEQ_LEN, dtype=np.uint8)
    codes[MOTIF_AT : MOTIF_AT + 15] = ["ACGT".index(base) for base in MOTIFS[motif]]
    return codes


def run(motif: str, settings: Settings) -> tuple[Predicted, list[Row]]:
    model, wt = load_planted(seq_len=SEQ_LEN), planted(motif)

    def predict(needed: Sequence[Perturbation]) -> Predicted:
        codes = torch.from_numpy(np.stack([apply(wt, p, "gene", 7) for p in needed]))
        return dict(
            zip(
                (p.key for p in needed),
                model.read(codes, [31, 32], [0, 1]).mean(1).double().numpy(),
                strict=True,
            )
        )

    known = complete(["finemap"], settings, predict)
    return known, TESTS["finemap"].effects(settings, known)


def constant(value: float) -> Any:
    return lambda needed: {p.key: np.array([value, value]) for p in needed}


def places(rows: list[Row]) -> list[tuple[int, int]]:
    return [(row.offset_start, row.offset_end) for row in rows]


def test_a_silencer_stops_at_its_own_threshold_and_by_default_at_the_mirrored_one() -> None:
    def scores(*fine: FineStage) -> list[float]:
        _, rows = run("silencer", settings_of(fine=fine))
        assert {row.call for row in rows if row.round == 0} == {"silencer"}
        return [row.effect for row in rows if row.round]

    # Bin 45 is 14 and 13 bins from the two at the TSS. Without the motif the activity is 1 and not
    # 1 / (1 + S), so the score of the step that loses it is 1.92: above 1.1, and below 1.95.
    strengths = [exp(-128 * n / 20_000) for n in (14, 13)]
    lost = 1 / np.mean([1 / (1 + strength) for strength in strengths])
    assert lost == pytest.approx(1.92, abs=0.005)
    mirrored = [1.0, lost]  # one half of the tile goes; the one with the motif comes back
    assert FineStage(500, 0.9, 1).threshold_of("silencer") == pytest.approx(1.1)
    assert scores(FineStage(500, 0.9, 1)) == pytest.approx(mirrored)
    assert scores(FineStage(500, 0.9, 1, 1.9)) == pytest.approx(mirrored)
    (kept,) = {row.call for row in run("silencer", settings_of(fine=(FineStage(500, 0.9, 1, 1.9),)))[1][-1:]}
    assert kept == "kept"
    # With a threshold that the score never reaches all goes, and nothing is kept.
    _, rows = run("silencer", settings_of(fine=(FineStage(500, 0.9, 1, 1.95),)))
    assert [row.call for row in rows] == ["silencer", "removed", "removed"]
    # An enhancer's threshold is its own.
    assert FineStage(500, 0.9, 1, 1.95).threshold_of("enhancer") == 0.9


def test_one_motif_in_one_sub_tile_survives_and_all_else_goes() -> None:
    _, rows = run("enhancer", settings_of())
    # Bin 45 is 14 and 13 bins of 128 bp from the two at the TSS, and the reach is 20,000 bp.
    whole = 1 + 10 * (exp(-128 * 14 / 20_000) + exp(-128 * 13 / 20_000))
    assert rows[0].mutant == pytest.approx(whole, rel=1e-6)
    assert (rows[0].control, rows[0].effect, rows[0].call) == (1.0, 1.0, "enhancer")

    steps = [row for row in rows if row.round]
    assert [(row.round, row.call) for row in steps] == [
        (1, "removed"),
        (2, "reverted"),
        *((i, "removed") for i in range(3, 12)),
        (12, "reverted"),
    ]
    # 500 bp first; of sub-tiles that are missed alike the first one goes.
    others = [(s, s + 50) for s in range(5_500, 6_000, 50) if s != HOME[0]]
    assert places(steps) == [(5_000, 5_500), (5_500, 6_000), *others, HOME]
    assert {row.effect for row in steps if row.call == "removed"} == {1.0}
    assert [row.effect for row in steps if row.call == "reverted"] == pytest.approx([1 / whole] * 2)

    kept = [row for row in rows if row.call == "kept"]
    assert [(*places([row])[0], row.metric, row.effect, row.round) for row in kept] == [
        (*HOME, "mutant/whole", 1.0, None),
        (*HOME, "(mutant-control)/(whole-control)", 1.0, None),
    ]
    assert {row.tile for row in rows} == {TILE}


def test_silencer_is_searched_the_other_way() -> None:
    _, rows = run("silencer", settings_of())
    # 1 / (1 + exp(...)) at 14 and 13 bins, and 1 without the motif: the score rises past 1.1 and 1.3.
    whole = (1 / (1 + exp(-128 * 14 / 20_000)) + 1 / (1 + exp(-128 * 13 / 20_000))) / 2
    assert rows[0].call == "silencer"
    reverted = [row for row in rows if row.call == "reverted"]
    assert places(reverted) == [(5_500, 6_000), HOME]
    assert [row.effect for row in reverted] == pytest.approx([1 / whole] * 2, rel=1e-6)
    assert places([row for row in rows if row.call == "kept"]) == [HOME, HOME]


def test_batch_of_all_sub_tiles_removes_nothing() -> None:
    _, rows = run("enhancer", settings_of(fine=(STAGES[0], FineStage(50, 0.7, 10))))
    last = [row for row in rows if row.round == 3]
    assert len(last) == 10
    assert {row.call for row in last} == {"reverted"}
    kept = [row for row in rows if row.call == "kept" and row.metric == "mutant/whole"]
    assert places(kept) == [(s, s + 50) for s in range(5_500, 6_000, 50)]


def test_each_searched_track_has_a_search_of_its_own() -> None:
    _, both = run("enhancer", settings_of(searched=None))
    _, first = run("enhancer", settings_of(searched=(0,)))
    assert {row.track for row in both} == {0, 1}
    assert [row for row in both if row.track == 0] == first


@pytest.mark.parametrize("compat", ["fixed", "reference"])
def test_whole_and_nothing_are_the_passes_of_the_sufficiency_test(compat: str) -> None:
    settings, element = settings_of(compat=compat), Element(TILE, 0, "enhancer")
    assert embedded(settings, element, cut([TILE], 50)) == inserted(settings, TILE)
    assert embedded(settings, element, []) == controls(settings, TILE)
    assert TESTS["finemap"].needs == ("sufficiency",)


def test_sub_tile_as_long_as_the_tile_needs_no_pass_beyond_sufficiency() -> None:
    settings = settings_of(fine=(FineStage(1_000, 0.9, 1),))
    known, rows = run("enhancer", settings)
    assert set(known) == {p.key for p in passes(["sufficiency"], settings)}
    assert [(*places([row])[0], row.round, row.call) for row in rows] == [
        (*TILE, 0, "enhancer"),
        (*TILE, 1, "reverted"),
        (*TILE, None, "kept"),
        (*TILE, None, "kept"),
    ]


def test_neighbours_are_one_interval_but_never_with_the_tss_tile() -> None:
    beside = Element((TSS[1], TSS[1] + 100), 0, "enhancer")
    kept = embedded(settings_of(), beside, cut([beside.tile], 30))[0].kept
    assert kept == (TSS, beside.tile)
    assert merged([(0, 5), (5, 9), (12, 13)]) == [(0, 9), (12, 13)]


def test_last_sub_tile_is_shorter_where_the_window_does_not_divide() -> None:
    assert cut([(0, 10), (20, 24)], 4) == ((0, 4), (4, 8), (8, 10), (20, 24))


def test_later_stage_cuts_each_sub_tile_from_its_own_start() -> None:
    # Every sub-tile is needed for the activity of 2, so both of 500 bp survive, and all that they are cut to.
    settings = settings_of(fine=(FineStage(500, 0.9, 1), FineStage(300, 0.7, 1)))
    whole = {p.key: np.full(2, 2.0) for p in inserted(settings, TILE)}
    known = complete(["finemap"], settings, constant(1.0), predictions=whole)
    rows = [row for row in TESTS["finemap"].effects(settings, known) if row.metric == "mutant/whole"]
    kept = [(5_000, 5_300), (5_300, 5_500), (5_500, 5_800), (5_800, 6_000)]
    assert places([row for row in rows if row.call == "kept"]) == kept


def test_expand_returns_for_more_what_it_returned_for_less() -> None:
    settings = settings_of()
    known, _ = run("enhancer", settings)
    seen: dict[str, Any] = {}
    returned: list[set[Perturbation]] = [set()]
    while missing := [p for p in passes(["finemap"], settings, seen) if p.key not in seen]:
        returned.append(set(passes(["finemap"], settings, seen)))
        assert returned[-2] < returned[-1]
        seen |= {p.key: known[p.key] for p in missing}
    assert set(seen) == set(known)
    # Sufficiency; two steps of the first stage; ten of the second, the last of which needs TSS alone.
    assert len(returned) - 1 == 1 + 1 + 9


def test_no_elements_no_search() -> None:
    # The context of one enhancer is "other" (0.95 is not exceeded), so nothing is called.
    settings = settings_of(elements="called")
    known, rows = run("enhancer", settings)
    assert rows == []
    assert set(known) == {p.key for p in passes(["sufficiency"], settings)}
    assert run("enhancer", settings_of(tiles=()))[1] == []


def test_silent_gene_has_no_elements() -> None:
    settings = settings_of()
    known = complete(["finemap"], settings, constant(0.0))
    assert TESTS["finemap"].effects(settings, known) == []


def test_element_without_activity_has_no_score_and_no_steps() -> None:
    settings, element = settings_of(), Element(TILE, 0, "enhancer")
    known = {"wt": np.ones(1)}
    known |= {p.key: np.ones(1) for p in controls(settings, TILE)}
    known |= {p.key: np.zeros(1) for p in inserted(settings, TILE)}
    assert search(settings, element, known).survivors == ()
    (row,) = rows_of(settings, element, known)
    assert (row.round, row.call, row.mutant, row.control) == (0, "enhancer", 0.0, 1.0)
    assert np.isnan(row.effect)


@pytest.mark.parametrize(("kind", "rest"), [("enhancer", 1.0), ("silencer", 3.0)])
def test_score_at_the_threshold_itself_is_taken_back(kind: str, rest: float) -> None:
    # Half of the element's activity is lost, or half as much gained: 0.5 and its mirror 1.5.
    settings = settings_of(fine=(FineStage(500, 0.5, 1),))
    known = constant(rest)(passes(["finemap"], settings))
    known |= {p.key: np.full(2, 2.0) for p in inserted(settings, TILE)}
    for sub in cut([TILE], 500):
        known |= {p.key: np.full(2, rest) for p in embedded(settings, Element(TILE, 0, kind), [sub])}
    found = search(settings, Element(TILE, 0, kind), known)
    assert [(step.score, step.reverted) for step in found.steps] == [(rest / 2, True)]
    assert found.survivors == ((5_000, 5_500), (5_500, 6_000))


def test_search_that_never_falls_ends_with_nothing() -> None:
    settings = settings_of(fine=(FineStage(300, 0.9, 3), STAGES[1]))
    known = complete(["finemap"], settings, constant(5.0))
    rows = TESTS["finemap"].effects(settings, known)
    # Four sub-tiles, the last of 100 bp: three go, and then the one that is left.
    assert [(row.round, row.call) for row in rows] == [
        (0, "enhancer"),
        *[(1, "removed")] * 3,
        (2, "removed"),
    ]
    assert {row.effect for row in rows} == {1.0}


@pytest.mark.parametrize("stage", [(0, 0.9, 1), (50, 0.9, 0), (50, 1.1, 1), (50, float("nan"), 1)])
def test_stage_that_cannot_be_is_refused(stage: tuple[int, float, int]) -> None:
    with pytest.raises(ConfigError, match=r"a stage of creme\.fine"):
        replace(settings_of(), fine=(FineStage(*stage),))
