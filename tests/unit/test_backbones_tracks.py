"""Track tables as published, and queries over them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from raycre.backbones.track_query import select_tracks
from raycre.backbones.tracks import (
    TRACK_COLUMNS,
    opposite_strands,
    plain_table,
    read_track_table,
    sum_strands,
)
from raycre.errors import FormatError, MissingInputError, TrackError

HEADER = "index\tgenome\tidentifier\tclip\tdescription\n"
ROWS = [
    "0\t0\tENCFF833POA\t32\tDNASE:cerebellum male adult (27 years)",
    "1\t0\tENCFF000AAA\t32\tDNASE:K562",
    "2\t0\tENCFF000BBB\t32\tCHIP:H3K27ac:K562",
    '3\t0\tENCFF000CCC\t32\tCHIP:BMAL1:U2OS cells "Bmal1:Luc"',
    "4\t0\tCNhs12336\t384\tCAGE:chronic myelogenous leukemia cell line:K562 ENCODE, biol_",
    "5\t0\tCNhs11243\t384\tCAGE:prostate cancer cell line:PC-3",
]


def write(path: Path, *rows: str, header: str = HEADER) -> Path:
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    return read_track_table(write(tmp_path / "tracks.tsv", *ROWS))


def test_descriptions_give_assay_and_biosample(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == TRACK_COLUMNS
    assert table["track_id"].tolist() == [0, 1, 2, 3, 4, 5]
    assert table["track_id"].dtype == "int64"
    assert table["assay"].tolist() == ["DNASE", "DNASE", "CHIP", "CHIP", "CAGE", "CAGE"]
    assert table["biosample"].tolist() == [
        "cerebellum male adult (27 years)",
        "K562",
        "K562",  # the target H3K27ac is left out
        'U2OS cells "Bmal1:Luc"',  # colons after the target belong to the biosample
        "chronic myelogenous leukemia cell line:K562 ENCODE, biol_",
        "prostate cancer cell line:PC-3",
    ]


def test_a_table_cut_out_of_a_joint_one_counts_its_own_rows(tmp_path: Path) -> None:
    cut = read_track_table(write(tmp_path / "t.tsv", "5313\t1\tA\t1\tDNASE:x", "5314\t1\tB\t1\tDNASE:y"))
    assert cut["track_id"].tolist() == [0, 1]


def test_strand_pairs_are_kept_and_the_index_may_be_unnamed(tmp_path: Path) -> None:
    header = "\tidentifier\tstrand_pair\tdescription\n"
    path = write(
        tmp_path / "t.tsv", "0\tA+\t1\tCAGE:x", "1\tA-\t0\tCAGE:x", "2\tB\t2\tDNASE:y", header=header
    )
    assert read_track_table(path)["strand_pair"].tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("rows", "line", "value", "says"),
    [
        (["0\t0\tA\t1\tDNASE:x", "2\t0\tB\t1\tDNASE:y"], 3, "2", "does not count up by one"),
        (["0\t0\tA\t1\tDNASE:x", "x\t0\tB\t1\tDNASE:y"], 3, "x", "index is no whole number"),
        (["0\t0\tA\t1\tcerebellum"], 2, "cerebellum", "is no ASSAY:biosample"),
        (["0\t0\tA"], 2, "", "is no ASSAY:biosample"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, rows: list[str], line: int, value: str, says: str) -> None:
    with pytest.raises(FormatError, match=says) as caught:
        read_track_table(write(tmp_path / "t.tsv", *rows))
    assert caught.value.line == line
    assert value in str(caught.value.value)


def test_a_strand_pair_outside_the_table_is_named(tmp_path: Path) -> None:
    header = "index\tidentifier\tstrand_pair\tdescription\n"
    with pytest.raises(FormatError, match="is no row of the table") as caught:
        read_track_table(write(tmp_path / "t.tsv", "0\tA\t0\tCAGE:x", "1\tB\t2\tCAGE:x", header=header))
    assert (caught.value.line, caught.value.value) == (3, "2")


def test_what_is_no_track_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such track table"):
        read_track_table(tmp_path / "absent.tsv")
    with pytest.raises(FormatError, match="no column 'description'"):
        read_track_table(write(tmp_path / "a.tsv", "0\tA", header="index\tidentifier\n"))
    with pytest.raises(FormatError, match="no rows"):
        read_track_table(write(tmp_path / "b.tsv"))
    (tmp_path / "c.tsv").write_bytes(b"")
    with pytest.raises(FormatError, match="not a tab-separated track table"):
        read_track_table(tmp_path / "c.tsv")
    (tmp_path / "d.tsv.gz").write_bytes(gzip.compress(HEADER.encode() * 50)[:-20])
    with pytest.raises(FormatError, match="not a tab-separated track table"):
        read_track_table(tmp_path / "d.tsv.gz")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("assay=CAGE biosample=K562", [4]),
        ("assay=cage", [4, 5]),
        ("biosample=k562", [1, 2, 4]),
        ("H3K27ac K562", [2]),
        ("identifier=CNhs11243", [5]),
        ("cnhs11243", [5]),
        ('biosample="cell line" assay=CAGE', [4, 5]),
        ("description=CHIP:BMAL1", [3]),
        ("5 0", [5, 0]),
        ("5, 0", [5, 0]),
        ([5, 0, 5], [5, 0]),
        (["CNhs12336", 1], [4, 1]),
    ],
)
def test_queries_find_their_tracks(
    table: pd.DataFrame, query: str | list[int | str], rows: list[int]
) -> None:
    assert select_tracks(table, query) == rows


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("assay=CAGE biosample=K526", "no track has 'biosample=K526'; did you mean K562"),
        ("H3K27me", "no track has 'H3K27me'; did you mean H3K27ac"),
        ("assay=CAG", "did you mean CAGE"),
        ("asay=CAGE", "no key 'asay'; did you mean assay"),
        ("assay=CAGE H3K27ac", "each term is found, but no track has them all"),
        ("", "the query is empty"),
        ('biosample="K562', "close|cannot be read"),
        ("6", "tracks 0-5"),
        ([-1], "tracks 0-5"),
        ([True], "tracks 0-5"),
        ([], "no track is asked for"),
        (["CNhs12337"], "no track has this identifier; did you mean CNhs12336"),
    ],
)
def test_what_a_query_does_not_find_is_named(
    table: pd.DataFrame, query: str | list[int | str], says: str
) -> None:
    with pytest.raises(TrackError, match=says):
        select_tracks(table, query)


def test_a_plain_table_goes_by_number_only() -> None:
    plain = plain_table(3)
    assert tuple(plain.columns) == TRACK_COLUMNS
    assert plain["track_id"].tolist() == [0, 1, 2]
    assert plain[["identifier", "description", "assay", "biosample"]].isna().all(axis=None)
    assert select_tracks(plain, [2]) == [2]
    for query in ("assay=CAGE", ["CNhs12336"]):
        with pytest.raises(TrackError, match=r"3 tracks have no descriptions; give model\.track_table"):
            select_tracks(plain, query)


@pytest.mark.parametrize(
    ("name", "n", "n_cage"),
    [
        ("enformer_human", 5313, 638),
        ("enformer_mouse", 1643, 357),
        ("borzoi_human", 7611, 1276),
        ("borzoi_mouse", 2608, 720),
    ],
)
def test_published_tables_are_read(shared: Path, name: str, n: int, n_cage: int) -> None:
    table = read_track_table(shared / f"data/tracks/{name}.tsv.gz")
    assert len(table) == n
    assert len(select_tracks(table, "assay=CAGE")) == n_cage
    assert ("strand_pair" in table) == name.startswith("borzoi")


def test_the_tracks_of_creme_are_found(shared: Path) -> None:
    # CREME Methods: 4,824, 5,110 and 5,111 are the CAGE tracks of PC-3, GM12878 and K562.
    table = read_track_table(shared / "data/tracks/enformer_human.tsv.gz")
    assert select_tracks(table, [4824, 5110, 5111]) == [4824, 5110, 5111]
    assert 4824 in select_tracks(table, "assay=CAGE biosample=PC-3")
    assert select_tracks(table, "assay=CAGE biosample=GM12878") == [5110]
    assert select_tracks(table, "assay=CAGE biosample=K562") == [4828, 5111]  # FANTOM5 has two of K562
    assert select_tracks(table, 'assay=CAGE biosample="K562 ENCODE"') == [5111]


def test_summed_strands_are_found_once_under_their_published_row(shared: Path) -> None:
    table = read_track_table(shared / "data/tracks/borzoi_human.tsv.gz")
    summed = sum_strands(table)
    assert select_tracks(table, "assay=CAGE biosample=K562") == [306, 307, 872, 873]
    assert select_tracks(summed, "assay=CAGE biosample=K562") == [306, 872]
    assert select_tracks(summed, ["CNhs12336"]) == [872]
    assert select_tracks(summed, [873]) == [873]  # a row asked for by number is that row, and the same sum
    assert summed["identifier"][[872, 873]].tolist() == ["CNhs12336", "CNhs12336"]
    assert summed["summed_into"].count() == (7611 - 5159) // 2  # 5,159 tracks have no strand
    assert summed["track_id"].equals(table["track_id"])


def test_a_query_that_finds_both_strands_keeps_them_apart_and_can_be_told(shared: Path) -> None:
    table = read_track_table(shared / "data/tracks/borzoi_human.tsv.gz")
    found = select_tracks(table, "assay=CAGE biosample=K562")
    assert opposite_strands(table, found) == [(306, 307), (872, 873)]
    assert opposite_strands(table, [307, 873]) == []
    summed = sum_strands(table)
    assert opposite_strands(summed, select_tracks(summed, "assay=CAGE biosample=K562")) == []
    assert table["identifier"][[872, 873]].tolist() == ["CNhs12336+", "CNhs12336-"]


def test_tracks_without_strands_have_no_opposite(table: pd.DataFrame) -> None:
    assert opposite_strands(table, [0, 1, 2]) == []
    assert opposite_strands(table.assign(strand_pair=range(len(table))), [0, 1, 2]) == []


def test_strands_that_do_not_pair_cannot_be_summed(table: pd.DataFrame) -> None:
    with pytest.raises(TrackError, match=r"model\.strands: separate"):
        sum_strands(table.drop(columns="strand_pair", errors="ignore"))
    askew = plain_table(3).assign(strand_pair=pd.Series([1, 2, 0], dtype="Int64"))
    with pytest.raises(TrackError, match=r"two by two \(3 such rows\)"):
        sum_strands(askew)


@pytest.mark.parametrize("query", ["all", " ALL ", ["all"]])
def test_all_means_every_track(table: pd.DataFrame, query: str | list[int | str]) -> None:
    assert select_tracks(table, query) == [0, 1, 2, 3, 4, 5]
    assert select_tracks(plain_table(3), query) == [0, 1, 2]  # no descriptions are needed


def test_all_counts_a_sum_of_two_strands_once(tmp_path: Path) -> None:
    rows = ["0\tA+\t1\tCAGE:x", "1\tA-\t0\tCAGE:x", "2\tB\t2\tDNASE:y"]
    path = write(tmp_path / "t.tsv", *rows, header="\tidentifier\tstrand_pair\tdescription\n")
    table = read_track_table(path)
    assert select_tracks(table, "all") == [0, 1, 2]
    assert select_tracks(sum_strands(table), "all") == [0, 2]
