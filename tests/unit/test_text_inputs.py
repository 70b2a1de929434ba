"""Text as people have it: line ends, marks, quotes, separators, names of columns; what a reader takes it for.

Every number below follows from the literal input beside it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from raycre.errors import FormatError
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.genes import read_genes, select_genes
from raycre.genome.regions import read_labels, read_regions
from raycre.genome.textfile import iter_text
from raycre.genome.tracks import Track
from tests.text_files import PAIR, SIZES, centred, places, tss

BED = "chr1\t100\t600\ta\nchr2\t200\t700\tb\nchrX\t300\t800\tc\n"
THREE = [("chr1", 100, 600), ("chr2", 200, 700), ("chrX", 300, 800)]


@pytest.mark.parametrize(
    "text",
    [
        BED.encode(),
        BED.replace("\n", "\r\n").encode(),
        BED.replace("\n", "\r").encode(),
        BED.replace("\n", "\r\r\n").encode(),
        BED.replace("\nchr2", "\rchr2").encode(),
        BED.replace("\nchr2", "\r\nchr2").encode(),
        BED.rstrip("\n").encode(),
        BED.rstrip("\n").replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + BED.encode(),
        gzip.compress(b"\xef\xbb\xbf" + BED.replace("\n", "\r\n").encode()),
        gzip.compress(BED[:20].encode()) + gzip.compress(BED[20:].encode()),
        ("track name=x\r\n# made by hand\r\n\r\n" + BED).encode(),
        (BED + "\t\t\t\n   \n").encode(),
    ],
    ids=[
        "LF", "CR LF", "CR", "CR CR LF", "one CR", "one CR LF", "no end", "CR, no end", "mark",
        "mark in gzip", "two members", "headers of CR LF", "blank rows of a spreadsheet",
    ],
)  # fmt: skip
def test_every_line_end_and_mark_gives_the_same_regions(file: Callable[..., Path], text: bytes) -> None:
    assert places(file(text)) == THREE


@pytest.mark.parametrize("size", range(1, 9))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_line_ends_that_fall_between_two_blocks(file: Callable[..., Path], end: str, size: int) -> None:
    path = file(f"a{end}bb{end}{end}ccc{end}d")
    assert b"".join(iter_text(path, block_size=size)) == b"a\nbb\n\nccc\nd\n"


def test_errors_after_bare_cr_name_the_line_that_an_editor_shows(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r":3: 'x': the start \(column 2\) is not an integer"):
        read_regions(file("chr1\t1\t2\rchr1\t3\t4\rchr1\tx\t6\n"))


ROWS = [("chr1", 100, 600), ("chr2", 200, 700)]


@pytest.mark.parametrize(
    "text",
    [
        "chrom,start,end\nchr1,100,600\nchr2,200,700\n",
        "Chromosome\tStart\tEnd\tStrand\nchr1\t100\t600\t+\nchr2\t200\t700\t-\n",
        "#chrom\tchromStart\tchromEnd\nchr1\t100\t600\nchr2\t200\t700\n",
        "# a comment\n# chrom\tstart\tend\nchr1\t100\t600\nchr2\t200\t700\n",
        "END,name,START,Chrom\n600,x,100,chr1\n700,y,200,chr2\n",
        ",chrom,start,end\n0,chr1,100,600\n1,chr2,200,700\n",
        '"","chrom","start","end"\n"1","chr1",100,600\n"2","chr2",200,700\n',
        '"chrom"\t"start"\t"end"\n"1"\t"chr1"\t100\t600\n"2"\t"chr2"\t200\t700\n',
        '"chr1"\t100\t600\n"chr2"\t200\t700\n',
        "chrom;start;end;score\nchr1;100;600;0,5\nchr2;200;700;1,25\n",
        "chr1;100;600\nchr2;200;700\n",
        "chrom, start, end\nchr1, 100, 600\nchr2, 200, 700\n",
        "chrom,start,end\nchr1,100.0,600.0\nchr2,200.0,700.0\n",
        "#bin\tchrom\tchromStart\tchromEnd\n585\tchr1\t100\t600\n585\tchr2\t200\t700\n",
        "#hg38.x.chrom\thg38.x.chromStart\thg38.x.chromEnd\nchr1\t100\t600\nchr2\t200\t700\n",
        "chrom,start,end\nchr1,100,600\nchr2,200,700\n,,\n,,\n",
        "chrom\tstart\tend\t\nchr1\t100\t600\t\nchr2\t200\t700\t\n",
        "chrom\tstart\tend\t\nchr1\t100\t600\nchr2\t200\t700\n",
        "sep=;\r\nchrom;start;end\r\nchr1;100;600\r\nchr2;200;700\r\n",
        "chr1\t100\t600\n\ufeffchr2\t200\t700\n",
        # 1-based and closed
        '"seqnames","start","end","width","strand"\n"chr1",101,600,500,"*"\n"chr2",201,700,500,"*"\n',
        '"seqnames","start","end"\n"chr1",101,600\n"chr2",201,700\n',
        "GeneID\tChr\tStart\tEnd\tStrand\np1\tchr1\t101\t600\t+\np2\tchr2\t201\t700\t-\n",
        "#PeakID\tchr\tstart\tend\tstrand\np1\tchr1\t101\t600\t+\np2\tchr2\t201\t700\t-\n",
    ],
    ids=[
        "CSV", "PyRanges TSV", "#chrom title", "title in the last comment", "another order", "pandas index",
        "R write.csv", "R write.table", "R quotes without a title", "semicolons, decimal comma",
        "semicolons without a title", "blanks after commas", "integers as floats", "UCSC bin",
        "UCSC prefixes", "empty CSV rows", "a separator ends every line", "a separator ends the title",
        "Excel's sep=", "joined files with marks", "GRanges", "GRanges without widths", "SAF", "HOMER",
    ],
)  # fmt: skip
def test_columns_are_found_by_name_and_counted_as_their_writer_counts(
    file: Callable[..., Path], text: str
) -> None:
    assert places(file(text, "input.txt")) == ROWS


def test_r_powers_are_integers_and_rounded_ones_are_refused(file: Callable[..., Path]) -> None:
    assert places(file("chr1\t1e+05\t1.2e+07\n")) == [("chr1", 100_000, 12_000_000)]
    for rounded in ("1.23457e+08", "1.23E+08", "1.2e+06", "1e+5", "100,000", "12.5"):
        with pytest.raises(FormatError, match=r":1: .*the end \(column 3\) is not an integer"):
            read_regions(file(f"chr1\t100\t{rounded}\n"))


def test_labels_are_found_by_name(file: Callable[..., Path]) -> None:
    text = "label,end,start,chrom\nenhancer,600,100,chr1\nsilencer,700,200,chr2\n"
    table = read_labels(file(text)).table
    assert table[["start", "label"]].to_numpy().tolist() == [[100, 1], [200, 0]]


def test_a_parquet_has_its_columns_by_any_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    pd.DataFrame({"End": [600], "Chromosome": ["chr1"], "Start": [100], "Strand": ["+"]}).to_parquet(path)
    assert places(path) == [("chr1", 100, 600)]


def test_a_column_that_is_there_twice_is_refused(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match="'start': two columns have this name"):
        read_regions(file("chrom,start,Start,end\nchr1,1,2,3\n"))


# what stays an error
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("chr1 100 600\n", r":1: 'chr1 100 600': 1 tab-separated column where BED needs 3"),
        ("chr1 100 600 n 0 + 1 2 0 2 10,20, 0,50,\n", "1 tab-separated column where BED needs 3"),
        ("chrom\tstart\tend\nchr1\t100\t600\textra\n", ":2: 4 columns below a title of 3"),
        ("chrom,start,end\n", "the table has no rows"),
        ("chr\tbegins\tends\nchr1\t100\t600\n", r":1: 'begins': the start \(column 2\) is not an integer"),
        ("chr1\t100\t600\tcaf\xe9\n".encode("latin-1"), r":1: .*not UTF-8; save the file as UTF-8"),
        (
            "chrom,start,end\nchr1,100,600\nchr1,200\n",
            r":3: .*2 comma-separated columns where BED needs 3",
        ),
        ('chrom,start,end,name\nchr1,1,2,"a\nb"\n', ":2: a field in quotes that does not end on its line"),
        ('chrom,start,end,name\nchr1,1,2,c\nchr1,1,2,"a\nchr1,5,6,b\n', ":3: a field in quotes that"),
        ("chrom;start;end\nchr1;100;600.000\n", r":2: '600\.000': the end .* is not an integer"),
        ("chrom\tstart\tend\nchr1\t1\t2\nchrom\tstart\tend\n", ":3: 'start': the start"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    file: Callable[..., Path], text: str | bytes, says: str
) -> None:
    with pytest.raises(FormatError, match=says) as caught:
        read_regions(file(text))
    assert caught.value.exit_code == 2


def shared_case(shared: Path, name: str, file: str) -> Path:
    path = shared / "cases" / name / file
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


@pytest.mark.parametrize(
    ("name", "file", "read", "right"),
    [
        ("np_first_row_dot", "input.bed", centred, [9600, 20200, 29550]),
        ("np_float_summit_cli", "input.bed", centred, [9600, 20200, 29550]),
        ("creme_pyranges_cli", "input.csv", tss, PAIR),
        ("tss_csv_bom_cli", "input.csv", tss, PAIR[:1]),
        ("tss_csv_quoted_cli", "input.csv", tss, PAIR[:1]),
        ("bed_mixed_cr", "input.bed", lambda path: len(places(path)), 12),
        ("bed_cr_only", "input.bed", lambda path: len(places(path)), 12),
        ("cr_late_gtf", "input.gtf", lambda path: read_genes(path)["tss"].tolist(), [100, 100, 300]),
        (
            "gtf_comma_tags",
            "input.gtf",
            lambda path: select_genes(read_genes(path), ["AAA"])["tss"].tolist(),
            [508_000],
        ),
        (
            "crispri_columns_apart",
            "input.tsv",
            lambda path: read_pairs(path).table["start"].tolist(),
            [480_000, 512_000],
        ),
    ],
)
def test_the_shared_cases_are_right(
    shared: Path, name: str, file: str, read: Callable[[Path], object], right: object
) -> None:
    assert read(shared_case(shared, name, file)) == right


def test_the_shared_bed6_is_no_signal(shared: Path) -> None:
    with pytest.raises(FormatError, match="6 columns where a bedGraph has four"):
        Track(shared_case(shared, "openness_is_bed6", "input.bed"), SIZES)
