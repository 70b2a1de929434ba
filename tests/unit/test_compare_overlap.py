"""Overlaps base by base, coordinates on both strands, and Fisher's test by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.compare.overlap import overlaps, place_tiles
from raycre.creme.tiles import to_genomic
from raycre.errors import ConfigError


def frame(rows: list[tuple[str, int, int]]) -> pd.DataFrame:
    """Rows of (chrom, start, length)."""
    return pd.DataFrame([(c, s, s + n) for c, s, n in rows], columns=["chrom", "start", "end"])


@given(tss=st.integers(5_000, 9_000), start=st.integers(0, 3_000), length=st.integers(1, 90))
def test_reference_reads_offsets_as_if_every_gene_were_on_plus(tss: int, start: int, length: int) -> None:
    places = [to_genomic((start, start + length), tss, strand, 4_096) for strand in "+-"]
    tiles = pd.DataFrame(places, columns=["start", "end"]).assign(strand=["+", "-"], tss=tss)
    assert place_tiles(tiles).equals(tiles)
    mirrored = place_tiles(tiles, "reference")
    pd.testing.assert_series_equal(mirrored.iloc[0], tiles.iloc[0])
    # The authors' TSS of a - gene is one past its base (DIVERGENCES 9).
    assert mirrored.loc[1, ["start", "end"]].tolist() == [
        tss + 1 - 2_048 + start,
        tss + 1 - 2_048 + start + length,
    ]
    with pytest.raises(ConfigError, match="compat is fixed or reference"):
        place_tiles(tiles, "paper")


def test_groups_are_compared_with_all_other_tiles() -> None:
    tiles = frame([("chr1", 10 * i, 10) for i in range(8)]).assign(group=["enhancer"] * 3 + ["neither"] * 5)
    annotation = frame([("chr1", 0, 5), ("chr1", 3, 4), ("chr1", 12, 8), ("chr1", 75, 100)])
    (row,) = overlaps(tiles, {"exons": annotation}, ["enhancer"]).to_dict("records")
    assert (row["n"], row["n_overlapping"], row["n_others"], row["n_others_overlapping"]) == (3, 2, 5, 1)
    assert row["percent"] == pytest.approx(200 / 3)
    assert (row["bases"], row["bases_covered"], row["percent_bases"]) == (30, 15, 50.0)
    assert row["odds_ratio"] == pytest.approx((2 * 4) / (1 * 1))
    # Of 8 tiles 3 overlap: at least 2 of the 3 chosen do in (C(3,2) C(5,1) + 1) of C(8,3) ways; the only
    # other tables as unlikely as this one (15/56) have none: 10/56.
    assert row["p_value"] == pytest.approx((15 + 1 + 10) / 56)


def test_touching_is_no_overlap_and_a_missing_group_is_named() -> None:
    tiles = frame([("chr1", 0, 10), ("chr1", 20, 10)]).assign(group=["enhancer", "neither"])
    (row,) = overlaps(tiles, {"a": frame([("chr1", 10, 10)])}, ["enhancer"]).to_dict("records")
    assert row["n_overlapping"] == row["n_others_overlapping"] == 0
    with pytest.raises(
        ConfigError, match="'silencer': no tile is of this group; there are enhancer, neither"
    ):
        overlaps(tiles, {"a": frame([("chr1", 0, 5)])}, ["silencer"])
