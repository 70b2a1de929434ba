"""Random windows: where they may lie, and that chance alone says where they do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from raycre.errors import RegionError
from raycre.prepare.background import allowed_intervals, legal_starts, most_windows, sample_background

SIZES = {"chr1": 10_000, "chr2": 3_000, "chrY": 5_000}


def table(*rows: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


EXCLUDED = [table(("chr1", 0, 500), ("chr1", 4_000, 5_000)), table(("chr1", 4_500, 4_800), ("chrY", 0, 9))]


def test_what_nothing_covers_is_allowed_on_the_chromosomes_that_are_asked_for() -> None:
    allowed = allowed_intervals(EXCLUDED, SIZES, ["chr1", "chr2"])
    assert allowed.values.tolist() == [["chr1", 500, 4_000], ["chr1", 5_000, 10_000], ["chr2", 0, 3_000]]
    assert legal_starts(allowed).values.tolist() == [
        ["chr1", 500, 3_001],
        ["chr1", 5_000, 9_001],
        ["chr2", 0, 2_001],
    ]
    assert most_windows(allowed) == 3 + 5 + 3


@pytest.mark.parametrize("n", [1, 4, 6])
def test_windows_lie_in_what_is_allowed_and_share_no_base(n: int) -> None:
    allowed = allowed_intervals(EXCLUDED, SIZES, ["chr1", "chr2"])
    starts = legal_starts(allowed)
    for seed in range(20):
        found = sample_background(allowed, n, seed)
        assert len(found) == n
        for chrom, start, end in found.itertuples(index=False):
            assert end - start == 1_000
            mine = starts[starts["chrom"] == chrom]
            assert ((mine["start"] <= start) & (start < mine["end"])).any()
        gaps = found.groupby("chrom")["start"].diff().dropna()
        assert (gaps >= 1_000).all()


def test_a_seed_gives_its_windows_again_and_another_one_others() -> None:
    allowed = allowed_intervals(EXCLUDED, SIZES, ["chr1", "chr2"])
    once, again = sample_background(allowed, 5, 3), sample_background(allowed, 5, 3)
    pd.testing.assert_frame_equal(once, again)
    others = {tuple(sample_background(allowed, 5, seed)["start"]) for seed in range(10)}
    assert len(others) == 10


def test_every_legal_start_has_the_same_chance() -> None:
    allowed = allowed_intervals([table(("chr1", 1_010, 10_000))], {"chr1": 12_000}, ["chr1"])
    drawn = [int(sample_background(allowed, 1, seed)["start"].iloc[0]) for seed in range(2_000)]
    # 11 starts in the first interval, 1,001 in the second.
    assert 8 <= sum(start < 1_010 for start in drawn) <= 40  # 21.7 expected, s.d. 4.6
    assert abs(np.mean([start for start in drawn if start >= 1_010]) - 10_500) < 4 * 289 / 2_000**0.5


def test_too_many_windows_are_refused_with_how_many_fit() -> None:
    allowed = allowed_intervals(EXCLUDED, SIZES, ["chr1", "chr2"])
    with pytest.raises(RegionError, match=r"could be placed where nothing is known, and 12 are asked for"):
        sample_background(allowed, 12, 0)
