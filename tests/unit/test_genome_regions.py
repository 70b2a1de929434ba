"""Region tables: what is read from each format, resizing, overlaps, labels."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raycre.errors import FormatError, RegionError
from raycre.genome.classes import CLASSES
from raycre.genome.regions import drop_overlapping, read_labels, read_regions, resize


def write(path: Path, *rows: str) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def regions(*intervals: tuple[str, int, int], summit: int = -1) -> pd.DataFrame:
    table = pd.DataFrame(intervals, columns=["chrom", "start", "end"])
    return table.assign(summit=np.int64(summit))


def test_three_columns_are_enough(tmp_path: Path) -> None:
    result = read_regions(write(tmp_path / "a.bed", "chr1\t10\t20"))
    assert result.table.to_dict("records") == [
        {
            "chrom": "chr1", "start": 10, "end": 20, "name": None, "strand": ".", "source": "a.bed",
            "summit": -1, "line": 1,
        }
    ]  # fmt: skip
    assert (result.n_read, result.n_dropped) == (1, 0)
    assert result.table.dtypes[["start", "end", "summit", "line"]].tolist() == [np.dtype("int64")] * 4


def test_headers_and_blank_lines_are_skipped_and_still_counted_as_lines(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.bed",
        "browser position chr1",
        'track name="x"',
        "# c",
        "chr1\t1\t2",
        "",
        "track",
        "chr1\t3\t4",
    )
    assert read_regions(file).table["line"].tolist() == [4, 7]


def test_a_chromosome_may_begin_like_a_header(tmp_path: Path) -> None:
    file = write(tmp_path / "a.bed", "trackA\t1\t2", "browserB\t1\t2")
    assert read_regions(file).table["chrom"].tolist() == ["trackA", "browserB"]


def test_gzip_and_windows_line_ends_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.bed.gz"
    file.write_bytes(gzip.compress(b"chr1\t1\t2\tx\t0\t-\r\nchr2\t3\t4\t.\t0\t+\r\n"))
    table = read_regions(file).table
    assert table[["chrom", "end", "name", "strand"]].values.tolist() == [
        ["chr1", 2, "x", "-"],
        ["chr2", 4, None, "+"],
    ]


@pytest.mark.parametrize("name", ["p.narrowPeak", "encode.bed"])
def test_narrow_peak_has_its_summit_in_column_ten(tmp_path: Path, name: str) -> None:
    file = write(
        tmp_path / name,
        "chr1\t100\t300\tp1\t5\t.\t1.5\t2.0\t3.0\t50",
        "chr1\t400\t500\tp2\t5\t.\t1.5\t2.0\t3.0\t-1",
    )
    assert read_regions(file).table["summit"].tolist() == [150, -1]


def test_ten_columns_of_another_kind_have_no_summit(shared: Path) -> None:
    cage = read_regions(shared / "data/hg38/K562_CAGE_peaks_tpm1.bed.gz")
    assert cage.n_read == 25_653
    assert set(cage.table["summit"]) == {-1}
    assert set(cage.table["strand"]) == {"+", "-"}


def test_real_narrow_peaks_keep_their_summits_inside(shared: Path) -> None:
    table = read_regions(shared / "data/hg38/K562_DNase_chr22.narrowPeak").table
    assert len(table) == 26_612
    assert table["summit"].iloc[1] == 10_711_057 + 74  # start and offset of line 2


def test_parquet_brings_its_own_names_and_sources(tmp_path: Path) -> None:
    file = tmp_path / "r.parquet"
    pd.DataFrame(
        {
            "chrom": ["chr1", "chr2"],
            "start": [5, 6],
            "end": [9, 8],
            "source": ["a", "b"],
            "strand": ["+", None],
        }
    ).to_parquet(file)
    table = read_regions(file).table
    assert table[["source", "strand", "name", "summit", "line"]].values.tolist() == [
        ["a", "+", None, -1, 1],
        ["b", ".", None, -1, 2],
    ]


def test_rows_off_the_genome_are_dropped_and_counted_when_asked(tmp_path: Path) -> None:
    file = write(tmp_path / "a.bed", "chr1\t0\t50", "chrUn\t0\t5", "chr1\t45\t51", "chr1\t1\t2")
    result = read_regions(file, sizes={"chr1": 50}, outside="drop")
    assert result.table["line"].tolist() == [1, 4]
    assert (result.n_read, result.n_dropped) == (4, 2)


def test_dropping_everything_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path / "a.bed", "chr1\t10\t60", "chr1\t20\t70")
    with pytest.raises(RegionError, match=r"a\.bed:1: 'chr1:10-60': ends 10 bp past chr1 \(50\)"):
        read_regions(file, sizes={"chr1": 50}, outside="drop")


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (100, 200, (145, 155)),  # midpoint 150
        (100, 201, (145, 155)),  # (100 + 201) // 2 = 150
        (100, 101, (95, 105)),  # midpoint 100
    ],
)
def test_resizing_centres_on_the_midpoint(start: int, end: int, window: tuple[int, int]) -> None:
    table = resize(regions(("chr1", start, end)), 10, {"chr1": 1000}).table
    assert (table["start"][0], table["end"][0]) == window


def test_resizing_prefers_the_summit() -> None:
    table = resize(regions(("chr1", 100, 200), summit=110), 10, {"chr1": 1000}).table
    assert (table["start"][0], table["end"][0]) == (105, 115)


def test_windows_that_leave_the_chromosome_are_dropped_and_counted() -> None:
    table = regions(("chr1", 0, 8), ("chr1", 0, 10), ("chr1", 90, 100), ("chr1", 92, 100))
    result = resize(table, 10, {"chr1": 100})
    assert result.table[["start", "end"]].values.tolist() == [[0, 10], [90, 100]]
    assert (result.n_read, result.n_dropped) == (4, 2)


intervals = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 60), st.integers(1, 25)).map(
        lambda x: (x[0], x[1], x[1] + x[2])
    ),
    max_size=12,
)


@given(intervals, intervals, st.integers(1, 8))
@settings(max_examples=40)
def test_overlap_is_that_of_the_written_definition(
    ours: list[tuple[str, int, int]], theirs: list[tuple[str, int, int]], min_overlap: int
) -> None:
    result = drop_overlapping(regions(*ours), regions(*theirs), min_overlap=min_overlap)
    expected = [
        (c, s, e)
        for c, s, e in ours
        if all(c != oc or min(e, oe) - max(s, os) < min_overlap for oc, os, oe in theirs)
    ]
    assert list(result.table[["chrom", "start", "end"]].itertuples(index=False, name=None)) == expected
    assert result.n_dropped == len(ours) - len(expected)


def test_labels_are_positions_in_the_order_of_create(tmp_path: Path) -> None:
    assert CLASSES == ("silencer", "enhancer", "promoter", "insulator", "background")
    file = write(tmp_path / "l.bed", "chr1\t1\t2\tbackground", "chr1\t3\t4\tsilencer", "chr1\t5\t6\tpromoter")
    table = read_labels(file).table
    assert table["label"].tolist() == [4, 0, 2]
    assert table["label"].dtype == np.int64


def test_the_label_column_of_parquet_leaves_the_names_alone(tmp_path: Path) -> None:
    file = tmp_path / "l.parquet"
    pd.DataFrame(
        {"chrom": ["chr1"], "start": [1], "end": [2], "name": ["peak7"], "label": ["insulator"]}
    ).to_parquet(file)
    table = read_labels(file).table
    assert table[["name", "label"]].values.tolist() == [["peak7", 3]]


def test_an_interval_repeated_with_its_class_is_dropped_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "l.bed", "chr1\t1\t2\tenhancer", "chr1\t3\t4\tenhancer", "chr1\t1\t2\tenhancer")
    result = read_labels(file)
    assert result.table["line"].tolist() == [1, 2]
    assert (result.n_read, result.n_dropped) == (3, 1)


def test_one_interval_with_two_classes_is_two_regions(tmp_path: Path) -> None:
    """What becomes of them is for inputs.overlaps to say, as of windows that share some bases."""
    file = write(tmp_path / "l.bed", "chr1\t1\t2\tenhancer", "chr1\t3\t4\tsilencer", "chr1\t1\t2\tsilencer")
    result = read_labels(file)
    assert result.table["line"].tolist() == [1, 2, 3]
    assert result.n_of_class == (2, 1, 0, 0, 0)


def test_a_strand_column_that_is_none_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.bed", "chr1\t1\t2\tx\t0\t+", "chr1\t1\t2\tx\t0\t17")
    with pytest.raises(FormatError, match=r"a\.bed:2: '17': the strand"):
        read_regions(file)


def test_six_hundred_thousand_real_peaks_are_read_whole(shared: Path) -> None:
    result = read_regions(shared / "data/hg19/TF_peaks_chr1_chr10_599360.bed.gz")
    assert result.n_read == len(result.table) == 599_360
    assert result.table["chrom"].unique().tolist() == ["1", "10"]
    assert result.table["line"].iloc[-1] == 599_360
