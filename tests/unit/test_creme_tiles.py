"""Tiles of the model input, and their places on the genome."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.creme.tiles import context_tiles, distance, to_genomic, tss_tile
from raycre.errors import ConfigError, RegionError


def test_enformer_has_38_context_tiles_of_5_kb_from_804() -> None:
    tiles = context_tiles(196_608, 5_000)
    assert tss_tile(196_608, 5_000) == (95_804, 100_804)
    assert tiles.dtype == np.int64
    assert tiles.shape == (38, 2)
    assert tiles[0].tolist() == [804, 5_804]
    assert tiles[18].tolist() == [90_804, 95_804]
    assert tiles[19].tolist() == [100_804, 105_804]
    assert tiles[-1].tolist() == [190_804, 195_804]


def test_borzoi_has_102_context_tiles_of_5_kb() -> None:
    tiles = context_tiles(524_288, 5_000)
    assert tss_tile(524_288, 5_000) == (259_644, 264_644)
    assert len(tiles) == 102
    assert tiles[0].tolist() == [4_644, 9_644]
    assert tiles[-1].tolist() == [514_644, 519_644]


@pytest.mark.parametrize(
    ("seq_len", "size", "n_fixed", "n_reference", "last_reference"),
    [(1_280, 256, 4, 3, [768, 1_024]), (12_800, 512, 24, 23, [11_776, 12_288]), (12_800, 640, 18, 18, None)],
)
def test_reference_drops_a_last_tile_that_ends_at_the_end(
    seq_len: int, size: int, n_fixed: int, n_reference: int, last_reference: list[int] | None
) -> None:
    assert len(context_tiles(seq_len, size)) == n_fixed
    reference = context_tiles(seq_len, size, compat="reference")
    assert len(reference) == n_reference
    assert reference[-1].tolist() == (last_reference or [11_840, 12_480])


@given(seq_len=st.integers(1, 5_000), data=st.data())
def test_tiles_and_tss_tile_lie_edge_to_edge_and_no_further_tile_fits(
    seq_len: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, seq_len))
    start, end = tss_tile(seq_len, size)
    tiles = context_tiles(seq_len, size)
    laid = sorted([*map(tuple, tiles.tolist()), (start, end)])
    assert (tiles[:, 1] - tiles[:, 0] == size).all()
    assert all(left[1] == right[0] for left, right in pairwise(laid))
    assert 0 <= laid[0][0] < size
    assert 0 <= seq_len - laid[-1][1] < size
    assert (tiles[:, 0] != start).all()


def test_tile_that_fills_the_input_leaves_no_context() -> None:
    assert context_tiles(1_000, 1_000).shape == (0, 2)
    assert context_tiles(1_000, 1_000, compat="reference").shape == (0, 2)


@pytest.mark.parametrize("size", [0, -1, 1_001])
def test_tile_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=r"set creme\.tile_size between 1 and 1,000"):
        context_tiles(1_000, size)


def test_plus_strand_window_starts_half_a_length_before_the_tss() -> None:
    assert to_genomic((0, 100), 1_000, "+", 100) == (950, 1_050)
    assert to_genomic((50, 51), 1_000, "+", 100) == (1_000, 1_001)
    assert to_genomic((10, 30), 1_000, "+", 100) == (960, 980)


def test_minus_strand_window_is_mirrored_about_the_tss_base() -> None:
    # Window [1000 + 1 - 50, 1000 + 1 + 50); input base i is genomic 1050 - i.
    assert to_genomic((0, 100), 1_000, "-", 100) == (951, 1_051)
    assert to_genomic((50, 51), 1_000, "-", 100) == (1_000, 1_001)
    assert to_genomic((10, 30), 1_000, "-", 100) == (1_021, 1_041)


@given(
    seq_len=st.integers(2, 300),
    tss=st.integers(300, 1_000),
    strand=st.sampled_from("+-"),
    data=st.data(),
)
def test_genomic_interval_holds_the_same_bases_as_the_tile(
    seq_len: int, tss: int, strand: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, seq_len - 1))
    end = data.draw(st.integers(start + 1, seq_len))
    chrom = np.random.default_rng(0).integers(0, 4, 1_500, dtype=np.uint8)
    low, high = to_genomic((0, seq_len), tss, strand, seq_len)
    window = chrom[low:high] if strand == "+" else 3 - chrom[low:high][::-1]
    tile_low, tile_high = to_genomic((start, end), tss, strand, seq_len)
    tile = chrom[tile_low:tile_high] if strand == "+" else 3 - chrom[tile_low:tile_high][::-1]
    np.testing.assert_array_equal(tile, window[start:end])


def test_unstranded_gene_is_refused() -> None:
    with pytest.raises(RegionError, match=r"'\.': a gene lies on strand"):
        to_genomic((0, 10), 1_000, ".", 100)


def test_distance_is_start_to_start_and_negative_upstream() -> None:
    assert distance((804, 5_804), (95_804, 100_804)) == -95_000
    assert distance((100_804, 105_804), (95_804, 100_804)) == 5_000
