"""Coverage of tiles by hand, and the tests of groups against arithmetic on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from raycre.annotate import marks
from raycre.annotate.marks import coverage
from raycre.compare.marks import compare_groups, coverage_of_marks, rank_test, tiles_without
from raycre.errors import AssemblyError, ChromosomeError, ConfigError, FormatError
from raycre.genome.tracks import Track

SIZES = {"chr1": 10_000, "chr2": 5_000}


def write_bigwig(path: Path, sizes: dict[str, int], chrom: str = "chr1", scale: float = 1.0) -> Path:
    """0-99: nothing; 100-199: 2; 200-249: 8; nothing after, all times `scale`."""
    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(sizes.items()))
    file.addEntries([chrom] * 2, [100, 200], ends=[200, 250], values=[2.0 * scale, 8.0 * scale])
    file.close()
    return path


def tiles(*places: tuple[str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(places, columns=["chrom", "start", "end"])


def test_mean_and_max_count_bases_without_data_as_0_in_the_order_asked_for(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "m.bw", {"chr1": SIZES["chr1"]})
    wanted = tiles(("chr1", 150, 250), ("chr1", 0, 200), ("chr1", 9_000, 9_100), ("chr1", 199, 201))
    with Track(path, {"chr1": SIZES["chr1"]}) as track:
        found = coverage(wanted, track)
    # (50 * 2 + 50 * 8) / 100; 100 * 2 / 200; nothing; (2 + 8) / 2
    assert found["mean"].tolist() == [5.0, 1.0, 0.0, 5.0]
    assert found["max"].tolist() == [8.0, 2.0, 0.0, 8.0]


def test_tiles_of_a_chromosome_that_the_file_lacks_are_null(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "m.bw", {"chr1": SIZES["chr1"]})
    rows = coverage_of_marks(
        tiles(("chr2", 100, 200), ("chr1", 100, 200)).assign(group=["a", "b"]),
        {"H3K27ac": path},
        SIZES,
        sizes_from="genome.fa",
    )
    assert rows["mark"].tolist() == ["H3K27ac"] * 2
    assert np.isnan(rows["mean"][0])
    assert rows["max"].tolist()[1] == 2.0
    tested = compare_groups(rows, "a", "b")
    assert tested["n"].tolist() == [0, 0]
    assert tested["p_value"].isna().all()


def test_reading_in_pieces_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_bigwig(tmp_path / "m.bw", SIZES)
    random = np.random.default_rng(0)
    wanted = tiles(*(("chr1", int(s), int(s) + 37) for s in random.integers(0, 400, 50)))
    with Track(path, SIZES) as track:
        whole = coverage(wanted, track)
        monkeypatch.setattr(marks, "_AT_ONCE", 80)
        pd.testing.assert_frame_equal(coverage(wanted, track), whole)
    assert whole["max"].nunique() == 3


def test_another_assembly_is_refused(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "m.bw", {"chr1": 9_999})
    with pytest.raises(AssemblyError, match=r"chr1 has 9,999 bp here and 10,000 bp in hg38\.fa"):
        coverage_of_marks(tiles(("chr1", 0, 10)), {"m": path}, SIZES, sizes_from="hg38.fa")
    (tmp_path / "t.bw").write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FormatError, match="truncated"):
        coverage_of_marks(tiles(("chr1", 0, 10)), {"m": tmp_path / "t.bw"}, SIZES, sizes_from="x")


def rows_of(first: list[float], second: list[float], mark: str = "m") -> pd.DataFrame:
    values = [*first, *second]
    groups = ["enhancer"] * len(first) + ["silencer"] * len(second)
    return pd.DataFrame({"mark": mark, "group": groups, "mean": values, "max": np.multiply(values, 10)})


def test_groups_are_compared_by_ranks_on_both_sides() -> None:
    tested = compare_groups(rows_of([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]), "enhancer", "silencer")
    first = tested.iloc[0]
    assert tested["statistic"].tolist() == ["mean", "max"]
    assert (first["n"], first["n_other"], first["sign"]) == (3, 3, 1)
    assert first["u"] == 9
    assert first["p_value"] == pytest.approx(2 / 20)  # of the 20 ways to choose 3 of 6, one on each side
    assert first["log_ratio"] == pytest.approx(np.log(5 / 2))
    turned = compare_groups(rows_of([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]), "silencer", "enhancer").iloc[0]
    assert (turned["u"], turned["sign"], turned["p_value"]) == (0, -1, first["p_value"])


def test_p_is_multiplied_by_the_number_of_marks_and_at_most_1() -> None:
    marks = [rows_of([4.0, 5.0, 6.0], [1.0, 2.0, 3.0], f"m{i}") for i in range(4)]
    marks.append(rows_of([1.0, 2.0, 3.0], [2.0, 3.0, 1.0], "same"))
    tested = compare_groups(pd.concat(marks), "enhancer", "silencer")
    assert tested["p_adjusted"].tolist() == pytest.approx([5 * 0.1] * 8 + [1, 1])


def test_groups_without_signal_are_counted_and_no_difference() -> None:
    row = compare_groups(rows_of([0.0, 0.0], [0.0, 0.0, 0.0]), "enhancer", "silencer").iloc[0]
    assert (row["n_without_signal"], row["n_other_without_signal"], row["p_value"]) == (2, 3, 1.0)
    assert np.isnan(row["log_ratio"])
    assert rank_test(np.ones(2), np.ones(3)) == (3.0, 1.0)


def test_a_group_against_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="two different groups"):
        compare_groups(rows_of([1.0], [2.0]), "enhancer", "enhancer")


def test_tiles_on_chromosomes_that_a_file_lacks_are_counted_or_refused_by_style(tmp_path: Path) -> None:
    wanted = tiles(("chr1", 0, 10), ("chr2", 0, 10), ("chr2", 50, 60))
    paths = {}
    for mark, text in (("part", "chr1\t0\t10\t1\n"), ("whole", "chr1\t0\t10\t1\nchr2\t0\t10\t1\n")):
        paths[mark] = tmp_path / f"{mark}.bedGraph"
        paths[mark].write_text(text)
    sizes = {"chr1": 1_000, "chr2": 1_000}
    rows = coverage_of_marks(wanted, paths, sizes, sizes_from="g.fa")
    assert tiles_without(rows) == {"part": 2}
    paths["whole"].write_text("chr1\t0\t10\t1\n2\t0\t10\t1\n")
    with pytest.raises(ChromosomeError, match=r"whole\.bedGraph: '2': the file has '2', which is 'chr2'"):
        coverage_of_marks(wanted, paths, sizes, sizes_from="g.fa")


def test_signed_tracks_are_compared_by_mean_and_max_and_have_no_log_ratio(tmp_path: Path) -> None:
    """-2 and -8 over the halves of the first tile; the largest value is -2, and 0 where a tile has a gap."""
    bigwig = write_bigwig(tmp_path / "ratio.bw", {"chr1": SIZES["chr1"]}, scale=-1.0)
    bedgraph = tmp_path / "text.bedGraph"
    bedgraph.write_text("chr1\t100\t200\t-2\nchr1\t200\t250\t-8\n")
    wanted = tiles(("chr1", 150, 250), ("chr1", 0, 200), ("chr1", 100, 200), ("chr1", 500, 600))
    wanted = wanted.assign(group=["enhancer", "enhancer", "silencer", "silencer"])
    rows = coverage_of_marks(
        wanted, {"bw": bigwig, "text": bedgraph}, {"chr1": SIZES["chr1"]}, sizes_from="g.fa"
    )
    for _, mine in rows.groupby("mark"):
        assert mine["mean"].tolist() == [-5.0, -1.0, -2.0, 0.0]
        assert mine["max"].tolist() == [-2.0, 0.0, -2.0, 0.0]
    row = compare_groups(rows, "enhancer", "silencer").iloc[0]
    assert (row["average"], row["average_other"], row["sign"]) == (-3.0, -1.0, -1)
    assert np.isnan(row["log_ratio"])
    assert row["p_value"] == pytest.approx(4 / 6)  # of the six ways, two are as far apart on either side
