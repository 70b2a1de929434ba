"""Reuse of activations: the answers of a full pass, from the smallest crops that can give them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from raycre.backbones.crops import Crop, Field, compute_whole
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.incremental import SHARE_OF_CROPS, Incremental
from raycre.backbones.weights import load_into, random_state
from raycre.errors import InputError, TrackError
from raycre.events import CACHE, heard_by

SEQ_LEN = 8192
LIMIT = 1e-5  # of the output's scale (DESIGN, invariant 3)


def small(**other: int) -> Enformer:
    sizes: dict[str, Any] = {
        "n_bins": 32,
        "channels": 48,
        "n_blocks": 3,
        "n_heads": 2,
        "key_size": 8,
        "channel_step": 8,
    }
    model = Enformer(seq_len=SEQ_LEN, n_human=6, n_mouse=3, **{**sizes, **other})
    load_into(model, random_state(model, 3), Path("random:3"))
    return model.eval().requires_grad_(False)


MODEL = small()
MODEL.precompute()
FIELD = Field(MODEL.seq_len, MODEL.strides, MODEL.reaches)
BASE = torch.randint(0, 4, (SEQ_LEN,), generator=torch.Generator().manual_seed(5)).to(torch.uint8)
SCALE = float(MODEL.read(BASE[None], range(32), range(6)).std())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def edit(intervals: list[tuple[int, int]], seed: int = 0) -> Tensor:
    """The base with every base of the intervals replaced by another, N among them."""
    edited = BASE.clone()
    generator = torch.Generator().manual_seed(seed)
    for start, end in intervals:
        other = torch.randint(1, 5, (end - start,), generator=generator).to(torch.uint8)
        edited[start:end] = (BASE[start:end] + other) % 5
    return edited


def off(model: Enformer, edited: Tensor, reader: Incremental | None = None) -> float:
    """Largest difference between the incremental and the full prediction of all bins, in scales."""
    reader = reader or Incremental(model)
    bins, tracks = range(model.n_bins), range(6)
    incremental = reader.read("wt", BASE, edited[None], bins, tracks)
    return float((incremental - model.read(edited[None], bins, tracks)).abs().max()) / SCALE


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[int, int]]:
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, SEQ_LEN - 1))
        found.append((start, min(SEQ_LEN, start + draw(st.sampled_from([1, 7, 50, 500, 3000])))))
    return found


@given(intervals=edits(), seed=st.integers(0, 1000))
@settings(max_examples=40)
def test_any_edits_give_the_full_prediction(intervals: list[tuple[int, int]], seed: int) -> None:
    assert off(MODEL, edit(intervals, seed)) <= LIMIT


@pytest.mark.parametrize(
    "intervals",
    [
        [(0, 1)],
        [(SEQ_LEN - 1, SEQ_LEN)],
        [(0, SEQ_LEN)],
        [(127, 129)],
        [(128, 256)],
        [(0, 300), (SEQ_LEN - 300, SEQ_LEN)],
        [(1000, 1500), (2500, 3000), (4000, 4500)],  # copies of a tile
        [],
    ],
)
def test_edges_borders_copies_and_nothing_at_all(intervals: list[tuple[int, int]]) -> None:
    assert off(MODEL, edit(intervals)) <= LIMIT


def test_an_edit_moves_the_prediction_by_far_more_than_the_limit() -> None:
    bins, tracks = MODEL.tss_bins, range(6)
    moved = MODEL.read(edit([(3000, 3050)])[None], bins, tracks) - MODEL.read(BASE[None], bins, tracks)
    assert float(moved.abs().max()) / SCALE > 100 * LIMIT


def test_rows_to_recompute_by_hand() -> None:
    # Reach 259: bases 1000-1099 change rows (1000 - 259) // 128 = 5 … (1099 + 259) // 128 = 10; row 5 begins
    # at 640 and sees 259 bp more, row 10 ends at 1,408: [381, 1667) is [256, 1792) in steps of 128.
    assert FIELD.crop(1000, 1100) == Crop(256, 1792, ((5, 11),) * 4)


def test_crops_stop_where_the_sequence_does() -> None:
    assert FIELD.crop(0, 10) == Crop(0, 768, ((0, 3),) * 4)  # (9 + 259) // 128 = 2; 3 · 128 + 259 = 643
    assert FIELD.crop(8190, 8192) == Crop(7424, 8192, ((61, 64),) * 4)


@given(intervals=edits())
@settings(max_examples=60)
def test_crops_hold_every_change_and_never_touch(intervals: list[tuple[int, int]]) -> None:
    changed = torch.nonzero(edit(intervals) != BASE).flatten()
    crops = FIELD.crops(changed)
    rows = torch.zeros(SEQ_LEN // 128, dtype=torch.bool)
    for crop in crops:
        rows[slice(*crop.rows[0])] = True
    for position in changed.tolist():
        assert rows[max(0, (position - 259) // 128) : (position + 259) // 128 + 1].all()
    assert all(a.end < b.start for a, b in itertools.pairwise(crops))


@pytest.mark.parametrize("model", [MODEL, small(channels=24, key_size=4, n_heads=1)])
def test_one_row_less_is_wrong(model: Enformer) -> None:
    """Neither the rows that are replaced nor the bases computed round them are more than is needed."""
    field = Field(model.seq_len, model.strides, model.reaches)
    start, end = 24 * 128 - 125, 30 * 128 + 125  # rows 21 and 32 see 3 of these bases
    edited = edit([(start, end)])
    base, wanted = (model.trunk(codes[None])[0][0] for codes in (BASE, edited))
    crop = field.crop(start, end)
    first, last = crop.rows[0]
    assert (first, last) == (21, 33)
    assert bool((wanted[first] != base[first]).any())
    assert bool((wanted[last - 1] != base[last - 1]).any())

    def error(low: int, high: int, row: int) -> float:
        part = model.trunk(edited[None, low:high])[0][0]
        return float((part[row - low // 128] - wanted[row]).abs().max() / wanted.std())

    for row in (first, last - 1):
        assert error(crop.start, crop.end, row) <= 2e-6
    assert error(crop.start + 128, crop.end, first) > 2e-5
    assert error(crop.start, crop.end - 128, last - 1) > 2e-5


@given(size=st.sampled_from([128, 384, 1024, 4096, SEQ_LEN, 2 * SEQ_LEN]))
@settings(max_examples=6)
def test_pieces_give_the_trunk_of_the_whole(size: int) -> None:
    whole = MODEL.trunk(BASE[None])
    for level, expected in zip(compute_whole(FIELD, MODEL.trunk, BASE[None], size), whole, strict=True):
        torch.testing.assert_close(level, expected, rtol=0, atol=2e-6 * float(expected.std()) + 1e-6)


def test_pieces_fit_any_stride() -> None:
    """A trunk of 100-bp rows that each add up their bases and 3 bp on either side."""

    def local(codes: Tensor) -> tuple[Tensor, ...]:
        padded = torch.nn.functional.pad(codes.float(), (3, 3))
        return (padded.unfold(1, 106, 100).sum(2, keepdim=True),)

    codes = torch.randint(0, 4, (1, 60_000), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    (whole,), (pieces,) = local(codes), compute_whole(Field(60_000, (100,), (3,)), local, codes)
    assert torch.equal(whole, pieces)


def test_views_of_one_sequence_are_held_whatever_their_size() -> None:
    reader = Incremental(MODEL, cache_bytes=1, at_least=2)
    for key in ("a", "b", "c"):
        reader.read(key, BASE, BASE[None], [0], [0])
    assert list(reader._kept) == ["b", "c"]


def test_bits_depend_neither_on_the_cache_nor_on_what_came_before() -> None:
    sequences = [edit([(start, start + 500)], start) for start in (0, 1000, 5000, 7500)]
    other = edit([(0, SEQ_LEN)], 9)
    alone = [Incremental(MODEL).read("wt", BASE, s[None], [15, 16], [0, 1]) for s in sequences]
    reader = Incremental(MODEL, cache_bytes=1)  # every change of base throws the other out
    for i in (3, 0, 2, 1, 0):
        reader.read("other", other, other[None], [15], [2])
        found = reader.read("wt", BASE, sequences[i][None], [15, 16], [0, 1])
        assert torch.equal(found, alone[i])


def test_the_cache_keeps_what_fits_and_drops_the_longest_unused() -> None:
    one = sum(level.nbytes for level in MODEL.whole_trunk(BASE[None]))
    reader = Incremental(MODEL, cache_bytes=round(2 * one / (1 - SHARE_OF_CROPS)) + 8)
    for key in ("a", "b", "a", "c"):
        reader.read(key, BASE, BASE[None], [0], [0])
    assert list(reader._kept) == ["a", "c"]
    assert reader.bytes_kept() == 2 * one


def test_a_crop_is_computed_once_for_all_bases_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_tile(base: Tensor) -> Tensor:
        changed = base.clone()
        changed[1000:1100] = tile[1000:1100]
        return changed

    tile, state, beside = edit([(1000, 1100)]), edit([(4000, 4200)]), edit([(1110, 1120)])
    fresh = Incremental(MODEL).read("state", state, with_tile(state)[None], [5], [1])
    reader = Incremental(MODEL)
    reader.read("wt", BASE, tile[None], [0], [0])
    reader.read("state", state, state[None], [0], [0])  # its whole trunk, of which no crop is kept
    monkeypatch.setattr(MODEL, "trunk", None)  # whatever would be computed now fails
    found = reader.read("state", state, with_tile(state)[None], [5], [1])
    monkeypatch.undo()
    torch.testing.assert_close(found, fresh, rtol=0, atol=0)
    assert len(reader._crops) == 1
    reader.read("beside", beside, with_tile(beside)[None], [0], [0])  # other bases within reach: another crop
    assert len(reader._crops) == 2


def test_crops_that_do_not_fit_are_dropped() -> None:
    reader = Incremental(MODEL, cache_bytes=1)
    reader.read("wt", BASE, edit([(1000, 1100)])[None], [0], [0])
    assert (len(reader._crops), reader._bytes_of_crops) == (0, 0)


def test_one_name_for_two_bases_is_refused() -> None:
    reader = Incremental(MODEL)
    reader.read("wt", BASE, BASE[None], [0], [0])
    with pytest.raises(InputError, match="one name"):
        reader.read("wt", edit([(5, 6)]), BASE[None], [0], [0])


def test_several_edited_sequences_at_once() -> None:
    sequences = torch.stack([edit([(100, 200)]), BASE, edit([(4000, 4500)])])
    found = Incremental(MODEL).read("wt", BASE, sequences, [3, 9], [1, 4])
    expected = MODEL.read(sequences, [3, 9], [1, 4])
    assert found.shape == (3, 2, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=LIMIT * SCALE)


def test_bad_calls_are_named() -> None:
    reader = Incremental(MODEL)
    with pytest.raises(InputError, match="8,192 bp"):
        reader.read("wt", BASE[:-1], BASE[None], [0], [0])
    with pytest.raises(InputError, match="codes 0-4"):
        reader.read("wt", BASE, torch.full_like(BASE, 5)[None], [0], [0])
    with pytest.raises(InputError, match="bins 0-31"):
        reader.read("wt", BASE, BASE[None], [32], [0])
    with pytest.raises(TrackError, match="tracks 0-5"):
        reader.read("wt", BASE, BASE[None], [0], [6])


@pytest.mark.parametrize("bins", [[15, 16], list(range(32))])
def test_keys_of_distances_kept_or_not_give_the_same(bins: list[int]) -> None:
    kept, made = small(), small()
    for block in kept.blocks:
        block.norm_and_attention[1].precompute(kept.distance_features)
    assert torch.equal(kept.read(BASE[None], bins, [0]), made.read(BASE[None], bins, [0]))


def test_few_rows_of_the_last_block_are_those_of_all() -> None:
    few, many = MODEL.read(BASE[None], [4, 30], range(6)), small(n_bins=64)
    everything = many.read(BASE[None], range(64), range(6))  # 64 rows: still the short way
    torch.testing.assert_close(few, everything[:, [20, 46]], rtol=0, atol=LIMIT * SCALE)
    x = MODEL.whole_trunk(BASE[None])[0]
    last = MODEL.blocks[-1]
    wanted = last(x, MODEL.distance_features)[:, [4, 30]]
    torch.testing.assert_close(
        last.read_rows(x, [4, 30], MODEL.distance_features), wanted, rtol=1e-4, atol=1e-5
    )


def test_what_is_kept_is_told_as_a_hit_and_what_is_computed_as_a_miss() -> None:
    told: list[bool] = []
    reader, edited = Incremental(MODEL), edit([(4000, 4010)])
    with heard_by(lambda kind, facts: told.append(bool(facts["hit"])) if kind == CACHE else None):
        for _ in range(2):
            off(MODEL, edited, reader)
    assert told == [False, False, True, True]  # its reference and its one crop, then both again
