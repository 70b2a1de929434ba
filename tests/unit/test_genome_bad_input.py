"""Bad input: every error by its name, its place and its remedy. One test an error."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest
from Bio import bgzf

from raycre.errors import (
    ChromosomeError,
    FormatError,
    GeneError,
    InputError,
    LabelError,
    MissingInputError,
    RegionError,
)
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_genes, read_tss_table, select_genes
from raycre.genome.loops import read_loops
from raycre.genome.regions import read_labels, read_regions, resize
from raycre.genome.tracks import Track

SIZES = {"chr1": 1000, "chr2": 500}
FASTA = b">chr1\nACGTACGTAC\nACGTA\n>chr2\nAC\n"


def open_fasta(path: Path) -> None:
    Fasta(path).close()


def open_track(path: Path) -> None:
    Track(path, SIZES).close()


def regions_on_the_genome(path: Path) -> None:
    read_regions(path, sizes=SIZES)


def loops_with_counts(path: Path) -> None:
    read_loops(path, SIZES, count_column=7)


def loops(path: Path) -> None:
    read_loops(path, SIZES)


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


# (case, content, reader, error, what the message holds)
CASES: list[tuple[str, bytes, Callable[[Path], object], type[InputError], str]] = [
    # FASTA
    ("not FASTA", b"chr1\t1\t2\n", open_fasta, FormatError, "at line 1. Check that .* start with '>'"),
    (
        "binary for FASTA",
        b"\xff\0\1\2",
        open_fasta,
        FormatError,
        "not a whole FASTA: .*can't decode byte 0xff",
    ),
    ("nameless sequence", b">chr1\nAC\n>\nAC\n", open_fasta, FormatError, "Bad sequence name >"),
    ("name twice", b">chr1\nAC\n>chr1 b\nAC\n", open_fasta, FormatError, 'Duplicate key "chr1"; get'),
    ("gzip without .gz", gzip.compress(FASTA), open_fasta, FormatError, r"not named \.gz; rename it"),
    # BED
    ("headers only", b"#chrom\ntrack name=x\n", read_regions, FormatError, "no rows of BED"),
    (
        "two columns",
        b"chr1\t1\t2\nchr1\t5\n",
        read_regions,
        FormatError,
        ":2: .*2 .*columns where BED needs 3",
    ),
    ("spaces for tabs", b"chr1 1 2\n", read_regions, FormatError, ":1: 'chr1 1 2': 1 .* separated by tabs"),
    (
        "ragged rows",
        b"#c\nchr1\t1\t2\tx\nchr1\t1\t2\n",
        read_regions,
        FormatError,
        ":3: .*the first row has 4",
    ),
    (
        "text for a start",
        b"chr1\t1\t2\nchr1\tx\t2\n",
        read_regions,
        FormatError,
        r":2: 'x': the start \(column 2\)",
    ),
    (
        "fraction for an end",
        b"chr1\t1\t2.5\n",
        read_regions,
        FormatError,
        r":1: '2\.5': the end .*not an integer",
    ),
    ("end too large", b"chr1\t1\t99999999999999999999\n", read_regions, FormatError, ":1: .*not an integer"),
    ("missing end", b"chr1\t1\t\n", read_regions, FormatError, ":1: '': the end .*not an integer"),
    (
        "negative start",
        b"chr1\t1\t2\nchr1\t-1\t2\n",
        read_regions,
        RegionError,
        ":2: 'chr1:-1-2': the start is neg",
    ),
    ("empty interval", b"chr1\t5\t5\n", read_regions, RegionError, ":1: 'chr1:5-5': the end is not past"),
    ("reversed interval", b"chr1\t9\t5\n", read_regions, RegionError, ":1: 'chr1:9-5': the end is not past"),
    (
        "past the end",
        b"chr1\t1\t2\nchr2\t480\t520\n",
        regions_on_the_genome,
        RegionError,
        r":2: 'chr2:480-520': ends 20 bp past chr2 \(500\)",
    ),
    (
        "other style",
        b"1\t1\t2\n",
        regions_on_the_genome,
        ChromosomeError,
        ":1: '1': .*it has 'chr1': .*style",
    ),
    (
        "unknown",
        b"chr1\t1\t2\nChr2\t1\t2\n",
        regions_on_the_genome,
        ChromosomeError,
        r":2: 'Chr2'.*it has 'chr2': the names differ",
    ),
    ("binary", b"chr1\t1\t2\n\0\1\2", read_regions, FormatError, "binary data"),
    ("not UTF-8", b"chr1\t1\t2\t\xff\n", read_regions, FormatError, "not text that can be read as BED"),
    (
        "summit outside",
        b"chr1\t10\t20\tp\t0\t.\t1\t1\t1\t10\n",
        read_regions,
        RegionError,
        ":1: the summit, base 20, is outside its peak 10-20",
    ),
    # labels
    (
        "no such class",
        b"chr1\t1\t2\tenhancers\n",
        read_labels,
        LabelError,
        r":1: 'enhancers'.*mean enhancer\?",
    ),
    ("no class", b"chr1\t1\t2\n", read_labels, LabelError, ":1: no class; column 4 of BED"),
    # bedGraph
    (
        "three columns",
        b"chr1\t1\t2\n",
        open_track,
        FormatError,
        ":1: .*3 tab-separated columns where bedGraph needs 4",
    ),
    (
        "text for a value",
        b"chr1\t1\t2\thigh\n",
        open_track,
        FormatError,
        r":1: 'high': the value \(column 4\)",
    ),
    ("NaN", b"chr1\t1\t2\t1\nchr1\t2\t3\tnan\n", open_track, FormatError, ":2: 'nan': an impossible signal"),
    ("infinity", b"chr1\t1\t2\tinf\n", open_track, FormatError, ":1: 'inf': an impossible signal"),
    ("negative value", b"chr1\t1\t2\t-0.5\n", open_track, FormatError, r":1: '-0\.5': an impossible signal"),
    ("overlap", b"chr1\t1\t5\t1\nchr1\t4\t6\t2\n", open_track, FormatError, ":2: overlaps line 1"),
    (
        "signal past the end",
        b"chr2\t1\t501\t1\n",
        open_track,
        RegionError,
        r":1: .*ends 1 bp past chr2 \(500\)",
    ),
    ("no common chromosome", b"2\t1\t5\t1\n", open_track, ChromosomeError, "'2': .*it has 'chr2'"),
    # BEDPE
    ("one anchor", b"chr1\t1\t2\n", loops, FormatError, ":1: .*3 tab-separated columns where BEDPE needs 6"),
    (
        "bad anchor",
        b"chr1\t1\t2\tchr1\t5\tx\n",
        loops,
        FormatError,
        r":1: 'x': the anchor's end \(column 6\)",
    ),
    (
        "reversed anchor",
        b"chr1\t1\t2\tchr1\t9\t5\n",
        loops,
        RegionError,
        ":1: 'chr1:9-5': the end is not past",
    ),
    ("unknown mate", b"chr1\t1\t2\t.\t0\t0\n", loops, ChromosomeError, r":1: '\.'"),
    (
        "negative count",
        b"chr1\t1\t2\tchr1\t5\t6\t-3\n",
        loops_with_counts,
        FormatError,
        ":1: '-3': a loop's count must be finite and not negative",
    ),
    # GTF
    (
        "GFF3",
        b"##gff-version 3\nchr1\t.\tgene\t1\t2\t.\t+\t.\tID=1\n",
        read_genes,
        FormatError,
        ":1: this is GFF3",
    ),
    (
        "no transcripts",
        b"chr1\t.\tgene\t1\t2\t.\t+\t.\tx\n",
        read_genes,
        FormatError,
        "no line of feature transcript",
    ),
    (
        "no gene_id",
        b'#\nchr1\t.\ttranscript\t1\t2\t.\t+\t.\ttranscript_id "T";\n',
        read_genes,
        FormatError,
        ":2: the transcript has no gene_id",
    ),
    (
        "no strand",
        b'chr1\t.\ttranscript\t1\t2\t.\t.\t.\tgene_id "G"; transcript_id "T";\n',
        read_genes,
        FormatError,
        r":1: '\.': the strand of a transcript must be \+ or -",
    ),
    (
        "transcript at position 0",
        b'chr1\t.\ttranscript\t0\t2\t.\t+\t.\tgene_id "G"; transcript_id "T";\n',
        read_genes,
        RegionError,
        ":1: 'chr1:-1-2': the start is negative",
    ),
    # TSS tables
    ("BED without strand", b"chr1\t1\t2\n", read_tss_table, FormatError, "where a TSS list .* needs 6"),
    ("strand is a dot", b"chr1\t1\t2\tA\t0\t.\n", read_tss_table, FormatError, r":1: '\.': the strand"),
    (
        "text for a TSS",
        b"chrom,tss,strand,gene_id,gene_name\nchr1,5,+,g,A\nchr1,5k,+,g,A\n",
        read_tss_table,
        FormatError,
        ":3: '5k': tss is not an integer",
    ),
    (
        "title only",
        b"chrom,tss,strand,gene_id,gene_name\n",
        read_tss_table,
        FormatError,
        "the table has no rows",
    ),
]


@pytest.mark.parametrize(
    ("content", "read", "error", "message"),
    [pytest.param(*case, id=name) for name, *case in CASES],
)
def test_a_bad_file(
    tmp_path: Path,
    content: bytes,
    read: Callable[[Path], object],
    error: type[InputError],
    message: str,
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(error, match=message) as caught:
        read(path)
    assert caught.value.path == path
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda good: gzip.compress(FASTA), "Use the samtools bgzip utility", id="plain gzip"),
        pytest.param(lambda good: gzip.compress(FASTA)[:-9], "file ended before the end", id="cut gzip"),
        pytest.param(lambda good: FASTA, "Not a gzipped file", id="not gzip"),
        pytest.param(lambda good: b"", "the FASTA is empty", id="empty"),
        pytest.param(lambda good: good[:-28], "EOF marker not found", id="without its end marker"),
        pytest.param(lambda good: good[:-30], "get it again", id="cut inside a block"),
        pytest.param(
            lambda good: good[:-36] + b"0000" + good[-32:], "CRC check failed.*get it again", id="damaged"
        ),
    ],
)
def test_a_bad_compressed_fasta(tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / "g.fa.gz"
    with bgzf.BgzfWriter(str(path)) as writer:
        writer.write(FASTA)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(FormatError, match=rf"g\.fa\.gz: .*{message}"):
        Fasta(path)
    assert [file.name for file in tmp_path.iterdir()] == ["g.fa.gz"]


@pytest.mark.parametrize(
    ("chrom", "start", "end", "error", "message"),
    [
        ("chr1", 10, 18, RegionError, r"^chr1:10-18 ends 3 bp past chr1 \(15\) in g\.fa; drop it"),
        ("chr1", -4, 3, RegionError, r"^chr1:-4-3 starts 4 bp before chr1 \(15\) in g\.fa"),
        ("chr1", 5, 5, RegionError, "the end is not past the start"),
        ("1", 0, 5, ChromosomeError, r"'1': no such chromosome in g\.fa; it has 'chr1'"),
        ("chr", 0, 5, ChromosomeError, r"'chr': .*it has chr1, chr2"),
        ("scaffold_9", 0, 5, ChromosomeError, r"'scaffold_9': .*it has chr1, chr2"),
    ],
)
def test_a_bad_interval_of_a_fasta(
    tmp_path: Path, chrom: str, start: int, end: int, error: type[InputError], message: str
) -> None:
    (tmp_path / "g.fa").write_bytes(FASTA)
    with Fasta(tmp_path / "g.fa") as fasta, pytest.raises(error, match=message):
        fasta.read(chrom, start, end)


def test_a_letter_that_is_no_nucleotide_names_the_interval(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(b">chr1\nACGT\nAC*T\n")
    with Fasta(tmp_path / "g.fa") as fasta:
        assert fasta.read("chr1", 0, 6).tolist() == [0, 1, 2, 3, 0, 1]
        with pytest.raises(FormatError, match=r"g\.fa: '\*': chr1:6-7: no nucleotide; a protein"):
            fasta.read("chr1", 4, 8)


def test_an_index_that_speaks_of_more_than_the_fasta_holds(tmp_path: Path) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(FASTA)
    Fasta(path).close()
    path.write_bytes(FASTA[:20])
    os.utime(path, ns=(0, 0))  # older than its index, so that the index is believed
    with pytest.raises(FormatError, match=r"g\.fa: its index has chr1 up to byte 22, the file has 20; "):
        Fasta(path)


def test_an_index_that_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "g.fa").write_bytes(FASTA)
    (tmp_path / "g.fa.fai").write_text("chr1\t15\t6\n")
    with pytest.raises(FormatError, match=r"g\.fa\.fai: not the index of g\.fa .*; delete it"):
        Fasta(tmp_path / "g.fa")


def test_no_folder_for_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.fa"
    path.write_bytes(FASTA)
    (tmp_path / "g.fa.fai").mkdir()  # in the way, as a folder without permission would be
    monkeypatch.setenv("RAYCRE_CACHE", str(path))
    with pytest.raises(InputError, match=r"g\.fa: its index can be written neither .*set RAYCRE_CACHE"):
        Fasta(path)


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
