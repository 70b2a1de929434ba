"""Files that are absent, empty, cut or of another kind, and tables without their columns."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest

from raycre.errors import ChromosomeError, FormatError, GeneError, MissingInputError, RegionError
from raycre.genome.genes import read_genes, read_tss_table, select_genes
from raycre.genome.regions import read_regions, resize
from raycre.genome.tracks import Track
from tests.genome_readers import SIZES, loops, open_fasta, open_track

READERS = [open_fasta, read_regions, open_track, loops, read_genes, read_tss_table]


@pytest.mark.parametrize("read", READERS)
def test_a_path_that_does_not_exist(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(MissingInputError, match=r"absent\.gz: no such file; check the path"):
        read(tmp_path / "absent.gz")


@pytest.mark.parametrize("read", READERS)
def test_a_folder_for_a_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(MissingInputError, match="is a folder, not a file"):
        read(tmp_path)


@pytest.mark.parametrize("read", [open_fasta, read_regions, open_track, loops, read_tss_table])
def test_an_empty_file(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(FormatError, match="empty"):
        read(tmp_path / "empty")


@pytest.mark.parametrize("read", [read_regions, open_track, loops, read_genes, read_tss_table])
def test_truncated_gzip(tmp_path: Path, read: Callable[[Path], object]) -> None:
    whole = gzip.compress(b"".join(b"chr1\t%d\t%d\t1\t2\t3\n" % (i, i * i + 7) for i in range(2000)))
    (tmp_path / "cut.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        FormatError, match=r"cut\.gz: the gzip data is truncated or damaged .*get the file again"
    ):
        read(tmp_path / "cut.gz")


def write_bigwig(path: Path, value: float) -> Path:
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 1000)])
        starts = list(range(0, 600, 3))
        file.addEntries(
            ["chr1"] * 200, starts, ends=[s + 2 for s in starts], values=[1.0] * 100 + [value] + [2.0] * 99
        )
    return path


@pytest.mark.parametrize(("value", "shown"), [("nan", "nan"), ("inf", "inf"), ("-2", r"-2\.0")])
def test_a_bigwig_with_an_impossible_value_names_the_place(tmp_path: Path, value: str, shown: str) -> None:
    path = write_bigwig(tmp_path / "s.bw", float(value))
    with pytest.raises(FormatError, match=rf"s\.bw: {shown}: an impossible signal at chr1:300-302"):
        open_track(path)


@pytest.mark.parametrize("kept", [4, 63, 64, 200, -500, -4, -1])
def test_a_bigwig_cut_anywhere_is_truncated(tmp_path: Path, kept: int) -> None:
    path = write_bigwig(tmp_path / "s.bw", 1.0)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FormatError, match=r"s\.bw: the bigWig is truncated or damaged; get the file again"):
        open_track(path)


def test_a_text_file_named_bigwig_is_no_bigwig(tmp_path: Path) -> None:
    path = tmp_path / "s.bw"
    path.write_text("<html>404</html>\n")
    with pytest.raises(
        FormatError, match=r"s\.bw:1: this is web page \(HTML\) where bedGraph was expected; .*get it again"
    ):
        open_track(path)


def test_a_bigwig_without_a_common_chromosome(tmp_path: Path) -> None:
    path = write_bigwig(tmp_path / "s.bw", 1.0)
    with pytest.raises(ChromosomeError, match=r"s\.bw: 'chr1': no such chromosome in the FASTA; it has '1'"):
        Track(path, {"1": 1000})


def test_a_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    pd.DataFrame({"chrom": ["chr1"] * 500, "start": range(500), "end": range(1, 501)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    for read in (read_regions, read_tss_table):
        with pytest.raises(FormatError, match=r"r\.parquet: the Parquet file is truncated or damaged"):
            read(path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"chrom": ["chr1"], "start": [1]}, "no column end; it has chrom, start"),
        ({"chrom": ["chr1", None], "start": [1, 2], "end": [3, 4]}, ":2: column chrom is null"),
        ({"chrom": ["chr1"], "start": ["a"], "end": [4]}, "column start cannot be read as int64"),
        ({"chrom": ["chr1"], "start": [1.5], "end": [4]}, "column start cannot be read as int64"),
        ({"chrom": ["chr1"], "start": [1], "end": [4], "strand": ["x"]}, ":1: 'x': the strand"),
    ],
)
def test_a_parquet_with_bad_columns(tmp_path: Path, columns: dict[str, list], message: str) -> None:
    pd.DataFrame(columns).to_parquet(tmp_path / "r.parquet")
    with pytest.raises(FormatError, match=message):
        read_regions(tmp_path / "r.parquet")


def test_a_tss_parquet_without_its_columns(tmp_path: Path) -> None:
    pd.DataFrame({"chrom": ["chr1"], "tss": [5]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(FormatError, match="gene_id, gene_name, strand are not there"):
        read_tss_table(tmp_path / "t.parquet")


def test_resizing_on_an_unknown_chromosome() -> None:
    table = pd.DataFrame({"chrom": ["chr7"], "start": [1], "end": [2], "summit": [-1]})
    with pytest.raises(ChromosomeError, match="'chr7'"):
        resize(table, 10, SIZES)


def test_resizing_to_nothing() -> None:
    table = pd.DataFrame({"chrom": ["chr1"], "start": [1], "end": [2], "summit": [-1]})
    with pytest.raises(RegionError, match="at least 1 bp"):
        resize(table, 0, SIZES)


def test_asking_for_no_gene(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("chrom,tss,strand,gene_id,gene_name\nchr1,5,+,g,A\n")
    with pytest.raises(GeneError, match=r"t\.csv: no gene was asked for"):
        select_genes(read_tss_table(path), [])
