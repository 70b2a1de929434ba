"""Text as people have it: line ends, marks, quotes, separators, names of columns; what a reader takes it for.

Every number below follows from the literal input beside it.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.errors import FormatError
from raycre.genome.chrom_sizes import read_sizes
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.genes import read_genes, read_tss_table, select_genes
from raycre.genome.loops import is_bedpe, read_loops
from raycre.genome.name_list import read_names
from raycre.genome.regions import read_labels, read_regions, resize
from raycre.genome.repeats import read_repeats
from raycre.genome.textfile import READINGS, iter_text
from raycre.genome.tracks import Track

SIZES = dict.fromkeys(("chr1", "chr2", "chrX"), 1_500_000)


class Said(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def said() -> Iterator[list[str]]:
    handler = Said()
    level = READINGS.level
    READINGS.addHandler(handler)
    READINGS.setLevel(logging.INFO)
    yield handler.lines
    READINGS.removeHandler(handler)
    READINGS.setLevel(level)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "input.bed") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def places(path: Path) -> list[tuple[str, int, int]]:
    table = read_regions(path).table
    return list(table[["chrom", "start", "end"]].itertuples(index=False, name=None))


def centred(path: Path) -> list[int]:
    """Starts of regions of 1 kb."""
    return resize(read_regions(path).table, 1000, SIZES).table["start"].tolist()


def tss(path: Path) -> list[tuple[str, int]]:
    table = read_tss_table(path)
    return list(table[["gene_name", "tss"]].itertuples(index=False, name=None))


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


# ten columns
NARROW = "chr1\t10000\t10801\tp0\t0\t.\t{}\t{}\t{}\t{}\n"


def narrow(*rows: tuple[str, str]) -> str:
    """Peaks of 801 bp at 10,000, 20,000, …, of (signal, summit) each."""
    return "".join(
        f"chr1\t{10000 * i}\t{10000 * i + 801}\tp{i}\t0\t.\t{signal}\t{signal}\t{signal}\t{summit}\n"
        for i, (signal, summit) in enumerate(rows, start=1)
    )


def test_a_dot_in_the_first_row_does_not_hide_a_narrow_peak(
    file: Callable[..., Path], said: list[str]
) -> None:
    # 10,000 + 100 - 500, 20,000 + 700 - 500, 30,000 + 50 - 500
    path = file(narrow((".", "100"), ("3.1", "700"), ("2.2", "50")), "peaks.bed")
    assert centred(path) == [9600, 20200, 29550]
    assert said == ["peaks.bed: 10 columns read as narrowPeak, summits used"]


def test_summits_written_as_floats_are_summits(file: Callable[..., Path]) -> None:
    assert centred(file(narrow(("5.1", "100.0"), ("5.1", "700.0"), ("5.1", "50.0")))) == [9600, 20200, 29550]


def test_peaks_without_a_summit_are_centred_on_their_midpoint_and_counted(
    file: Callable[..., Path], said: list[str]
) -> None:
    # The midpoint of 20,000-20,801 is 20,400.
    path = file(narrow(("1", "100"), ("1", "-1"), ("1", "."), ("-1", "NA")))
    assert centred(path) == [9600, 19900, 29900, 39900]
    assert said[-1].endswith("narrowPeak, summits used of 1 rows, midpoints of 3 without one")
    assert centred(file(narrow(("1", "-1"), ("1", "-1")))) == [9900, 19900]
    assert said[-1].endswith("narrowPeak, no row has a summit")


def test_ten_columns_of_something_else_are_bed(file: Callable[..., Path], said: list[str]) -> None:
    assert centred(file(narrow(("high", "x"), ("low", "y")))) == [9900, 19900]
    assert said[-1] == "input.bed: 10 columns read as BED, no summits"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("1", "100"), ("1", "far")], r":2: 'far': column 10 of a narrowPeak .*1 of 2 rows"),
        ([("1", "100"), ("high", "5")], r":2: 'high': column 7 of a narrowPeak is a number"),
        ([("1", "100"), ("1", "5.5")], r":2: '5\.5': column 10 of a narrowPeak is a summit"),
    ],
)
def test_rows_of_two_formats_in_one_file_are_refused_with_the_row(
    file: Callable[..., Path], rows: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(FormatError, match=says):
        read_regions(file(narrow(*rows)))


def test_a_name_makes_no_narrow_peak(file: Callable[..., Path]) -> None:
    assert places(file("chr1\t100\t600\ta\t0\t.\n", "x.narrowPeak")) == [("chr1", 100, 600)]
    with pytest.raises(FormatError, match=r":1: 'high': column 7 of a narrowPeak"):
        read_regions(file(narrow(("high", "3")), "x.narrowPeak"))


def test_summits_are_found_by_name(file: Callable[..., Path]) -> None:
    title = "chrom,start,end,peak\n"
    assert centred(file(title + "chr1,10000,10801,100\nchr1,20000,20801,700\n")) == [9600, 20200]
    bioframe = "relSummit\tend\tstart\tchrom\n100\t10801\t10000\tchr1\n"
    assert centred(file(bioframe)) == [9600]
    absolute = "chrom\tstart\tend\tsummit\nchr1\t10000\t10801\t10100\n"
    assert centred(file(absolute)) == [9600]


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


# signals and loops
def test_a_bed_of_peaks_is_no_signal(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r":1: .*6 columns where a bedGraph has four"):
        Track(file("chr1\t10000\t10500\t1\t1\t.\n"), SIZES)
    with pytest.raises(FormatError, match="5 columns where a bedGraph has four"):
        Track(file("chrom,start,end,name,score\nchr1,1,5,x,3\n"), SIZES)


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t100\t103\t2.5\n",
        "chrom\tstart\tend\tvalue\nchr1\t100\t103\t2.5\n",
        "value,chrom,end,start\n2.5,chr1,103,100\n",
        "chrom;start;end;value\nchr1;100;103;2,5\n",
        'track type=bedGraph name="x"\r\nchr1\t100\t103\t2.5\r\n',
    ],
    ids=["plain", "title", "another order", "decimal comma", "track line"],
)
def test_bedgraph_values_are_where_their_title_says(file: Callable[..., Path], text: str) -> None:
    with Track(file(text, "s.txt"), SIZES) as track:
        assert track.read_many(["chr1"], np.array([99]), 5).tolist() == [[0, 2.5, 2.5, 2.5, 0]]


def test_a_decimal_comma_between_tabs_is_refused_with_the_remedy(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match=r":1: '2,5': the value .* is not a number; write a decimal point"):
        Track(file("chr1\t100\t103\t2,5\n"), SIZES)


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t100\t103\tchr1\t200\t202\n",
        "chrom1\tstart1\tend1\tchrom2\tstart2\tend2\nchr1\t100\t103\tchr1\t200\t202\n",
        "#chr1\tx1\tx2\tchr2\ty1\ty2\tcolor\nchr1\t100\t103\tchr1\t200\t202\t0,255,0\n",
        "chrom1,chrom2,start1,start2,end1,end2\nchr1,chr1,100,200,103,202\n",
        "left\tfrom\tto\tright\tfrom\tto\nchr1\t100\t103\tchr1\t200\t202\n",
    ],
    ids=["plain", "bedtools", "juicer", "another order", "names of its own"],
)
def test_anchors_are_where_their_title_says(file: Callable[..., Path], text: str) -> None:
    path = file(text, "loops.txt")
    assert is_bedpe(path)
    loops = read_loops(path, SIZES)
    assert loops.counts(["chr1", "chr1"], np.array([99, 199]), 5).tolist() == [
        [0, 1, 1, 1, 0],
        [0, 1, 1, 0, 0],
    ]


def test_a_signal_of_loops_is_told_by_its_columns(file: Callable[..., Path]) -> None:
    assert not is_bedpe(file("chr1\t100\t103\t4\n", "counts.bedpe"))


# genes
def transcript(start: int, end: int, strand: str, attributes: str) -> str:
    return f"chr1\tX\ttranscript\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


@pytest.mark.parametrize(
    "tag",
    [
        'tag "basic,Ensembl_canonical,MANE_Select";',
        'tag "basic"; tag "Ensembl_canonical";',
        'tag "MANE_Select, Ensembl_canonical";',
        "tag basic,Ensembl_canonical;",
        "tag Ensembl_canonical",
    ],
)
def test_the_canonical_tag_is_found_however_tags_are_joined(
    file: Callable[..., Path], said: list[str], tag: str
) -> None:
    path = file(
        transcript(500_001, 520_000, "+", 'gene_id "G1"; transcript_id "T1"; gene_name "AAA"; tag "basic";')
        + transcript(508_001, 520_000, "+", f'gene_id "G1"; transcript_id "T2"; gene_name "AAA"; {tag}')
    )
    chosen = select_genes(read_genes(path), ["AAA"])
    assert chosen[["transcript_id", "tss"]].to_numpy().tolist() == [["T2", 508_000]]
    assert said == ["input.bed: read as GTF, 2 transcripts, 1 tagged Ensembl_canonical"]


@pytest.mark.parametrize("tag", ["not_Ensembl_canonical", "Ensembl_canonical_2", "basic"])
def test_other_tags_are_not_canonical(file: Callable[..., Path], tag: str) -> None:
    text = transcript(1, 9, "+", f'gene_id "G1"; transcript_id "T1"; tag "{tag}"; note "Ensembl_canonical";')
    assert not read_genes(file(text))["canonical"].any()


@pytest.mark.parametrize(
    "text",
    [
        transcript(101, 200, "+", 'gene_id "G1"; transcript_id "T1";')
        + transcript(101, 200, "-", 'gene_id "G2"; transcript_id "T2";').replace("\n", "\r")
        + transcript(301, 400, "+", 'gene_id "G3"; transcript_id "T3";'),
        transcript(101, 200, "+", "gene_id G1; transcript_id T1;")
        + transcript(101, 200, "-", "gene_id  G2;transcript_id  T2;")
        + transcript(301, 400, "+", "transcript_id T3; gene_id G3"),
        transcript(101, 200, "+", '"gene_id ""G1""; transcript_id ""T1"";"')
        + transcript(101, 200, "-", '"gene_id ""G2""; transcript_id ""T2"";"')
        + transcript(301, 400, "+", '"gene_id ""G3""; transcript_id ""T3"";"'),
        transcript(101, 200, "+", '"gene_id \\"G1\\"; transcript_id \\"T1\\";"')
        + transcript(101, 200, "-", '"gene_id \\"G2\\"; transcript_id \\"T2\\";"')
        + transcript(301, 400, "+", '"gene_id \\"G3\\"; transcript_id \\"T3\\";"'),
    ],
    ids=["a bare CR late", "no quotes", "a spreadsheet's quotes", "R's quotes"],
)
def test_gtf_attributes_are_read_however_they_are_quoted(file: Callable[..., Path], text: str) -> None:
    table = read_genes(file(text, "input.gtf"))
    assert table[["gene_id", "tss", "line"]].to_numpy().tolist() == [
        ["G1", 100, 1],
        ["G2", 199, 2],
        ["G3", 300, 3],
    ]


def test_a_source_called_transcript_is_no_feature(file: Callable[..., Path]) -> None:
    exon = 'chr1\ttranscript\texon\t1\t9\t.\t+\t.\tgene_id "G0"; transcript_id "T0";\n'
    table = read_genes(file(exon + transcript(101, 200, "+", 'gene_id "G1"; transcript_id "T1";')))
    assert table["gene_id"].tolist() == ["G1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            transcript(1, 9, "+", "ID=transcript:T1;Parent=gene:G1"),
            r":1: 'ID=transcript.*GFF3's attributes .*gffread",
        ),
        ("##gff-version 3\n" + transcript(1, 9, "+", "ID=T1"), ":1: this is GFF3 where GTF was expected"),
        (
            'chr1\tX\texon\t1\t9\t.\t+\t.\tgene_id "G";\n',
            r"one without transcripts \(it has exon\); give the GTF",
        ),
    ],
)
def test_what_is_no_gtf_of_transcripts_is_named(file: Callable[..., Path], text: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        read_genes(file(text))


PAIR = [("AAA", 500_000), ("BBB", 719_999)]
PLUS = "{a}{s}500000{s}520000{s}+{s}G1{s}AAA\n"


@pytest.mark.parametrize(
    "text",
    [
        "Chromosome,Feature,Start,End,Strand,gene_id,gene_name\n"
        "chr1,transcript,500000,520000,+,G1,AAA\nchr1,transcript,700000,720000,-,G2,BBB\n",
        "gene_name\tstrand\tend\tstart\tchrom\nAAA\t+\t520000\t500000\tchr1\nBBB\t-\t720000\t700000\tchr1\n",
        '"","seqnames","start","end","width","strand","gene_id","gene_name"\n'
        '"1","chr1",500001,520000,20000,"+","G1","AAA"\n"2","chr1",700001,720000,20000,"-","G2","BBB"\n',
        "#bin\tname\tchrom\tstrand\ttxStart\ttxEnd\tname2\n"
        "1\tNM_1\tchr1\t+\t500000\t520000\tAAA\n1\tNM_2\tchr1\t-\t700000\t720000\tBBB\n",
        "Gene stable ID,Gene name,Chromosome/scaffold name,Strand,Transcription start site (TSS)\n"
        "G1,AAA,chr1,1,500001\nG2,BBB,chr1,-1,720000\n",
        "chrom;tss;strand;gene_name\nchr1;500000;+;AAA\nchr1;719999;-;BBB\n",
        "chrom,tss,start,end,strand,gene_name\n"
        "chr1,500001,500000,520000,+,AAA\nchr1,720000,700000,720000,-,BBB\n",
        "Chromosome,Feature,Start,End,Strand,gene_name\nchr1,gene,400000,520000,+,AAA\n"
        "chr1,transcript,500000,520000,+,AAA\nchr1,exon,500000,500100,+,AAA\n"
        "chr1,transcript,700000,720000,-,BBB\n",
        "chr1\t500000\t520000\tAAA\t0\t+\nchr1\t700000\t720000\tBBB\t0\t-\n",
        ",Chromosome,Start,gene_name,gene_id,Strand,K562\n0,chr1,500000,AAA,G1,+,3\n1,chr1,720000,BBB,G2,-,4\n",
        "\ufeffchrom,tss,strand,gene_id,gene_name\r\nchr1,500000,+,G1,AAA\r\nchr1,719999,-,G2,BBB\r\n",
        '"chrom","tss","strand","gene_id","gene_name"\n"chr1",500000,"+","G1","AAA"\n'
        '"chr1",719999,"-","G2","BBB"\n',
    ],
    ids=[
        "PyRanges", "bioframe", "GRanges", "genePred", "BioMart", "semicolons", "tss that counts from 1",
        "features", "BED6", "CREME's list", "CSV UTF-8", "R write.csv",
    ],
)  # fmt: skip
def test_every_table_of_tss_gives_the_same_bases(file: Callable[..., Path], text: str) -> None:
    """The minus gene at 700,000-720,000, 0-based half-open, begins at base 719,999."""
    assert tss(file(text, "tss.csv")) == PAIR


def test_pyranges_and_gtf_agree(file: Callable[..., Path]) -> None:
    gtf = file(transcript(700_001, 720_000, "-", 'gene_id "G2"; transcript_id "T2";'), "g.gtf")
    table = file("Chromosome,Start,End,Strand,gene_id,gene_name\nchr1,700000,720000,-,G2,G2\n", "g.csv")
    columns = ["chrom", "start", "end", "strand", "tss", "gene_id"]
    assert read_genes(gtf)[columns].equals(read_tss_table(table)[columns])


def test_a_start_on_minus_without_an_end_is_refused(file: Callable[..., Path]) -> None:
    text = "chrom,start,strand,gene_name\nchr1,500000,+,A\nchr1,700000,-,B\n"
    with pytest.raises(FormatError, match=r":3: '700000': without a column of ends .*column tss"):
        read_tss_table(file(text))


def test_a_table_of_tss_says_which_columns_it_lacks(file: Callable[..., Path]) -> None:
    with pytest.raises(FormatError, match="gene_id, gene_name, strand, tss are not there"):
        read_tss_table(file("chrom,position\nchr1,5\n"))


def test_the_canonical_tag_of_a_table_is_kept(file: Callable[..., Path]) -> None:
    text = (
        "Chromosome,Start,End,Strand,gene_name,tag\n"
        'chr1,100,900,+,A,basic\nchr1,300,900,+,A,"basic,Ensembl_canonical"\n'
    )
    assert select_genes(read_tss_table(file(text)), ["A"])["tss"].tolist() == [300]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A\nB\nC\n", ["A", "B", "C"]),
        ("\ufeffA\r\nB\r\nC\r\n", ["A", "B", "C"]),
        ("A\rB\rC", ["A", "B", "C"]),
        ("A, B,C\n", ["A", "B", "C"]),
        ("A B\n\nC\n", ["A", "B", "C"]),
        ('"A"\n"B"\n"C"\n', ["A", "B", "C"]),
        ("# my genes\nA\nB\nC\n", ["A", "B", "C"]),
        ('"x"\n"1" "A"\n"2" "B"\n"3" "C"\n', ["A", "B", "C"]),
        ('"","x"\n"1","A"\n"2","B"\n"3","C"\n', ["A", "B", "C"]),
        ("gene_name\nA\nB\nC\n", ["A", "B", "C"]),
        ("score;gene_name;gene_id\n1,5;A;G1\n2,5;B;G2\n3;C;G3\n", ["A", "B", "C"]),
        ("A\t\nB\t\nC\t\n", ["A", "B", "C"]),
    ],
)
def test_gene_lists_are_read_as_people_save_them(
    file: Callable[..., Path], text: str, names: list[str]
) -> None:
    assert read_names(file(text, "genes.txt")) == names


# comparisons
def test_crispri_columns_are_found_by_name_wherever_they_stand(file: Callable[..., Path]) -> None:
    text = (
        "name\tchrom\tstrandless\tscore\tchromStart\tchromEnd\tmeasuredGeneSymbol\tRegulated\n"
        "e1\tchr1\t505000\t505500\t480000\t480500\tGENE0\tTRUE\n"
        "e2\tchr1\t506000\t506500\t512000\t512500\tGENE0\tFALSE\n"
    )
    assert read_pairs(file(text)).table[["start", "end", "outcome"]].to_numpy().tolist() == [
        [480_000, 480_500, True],
        [512_000, 512_500, False],
    ]


def test_crispri_tss_columns_need_not_follow_one_another(file: Callable[..., Path]) -> None:
    text = (
        '"chrTSS","Regulated","endTSS","measuredGeneSymbol","chromEnd","startTSS","chromStart","chrom"\n'
        '"chr2","TRUE",901,"A",200,900,100,"chr1"\n'
    )
    row = read_pairs(file(text, "pairs.csv")).table.iloc[0]
    assert row[["chrom", "start", "end", "tss_chrom", "tss_start", "tss_end"]].tolist() == [
        "chr1", 100, 200, "chr2", 900, 901,
    ]  # fmt: skip


def test_repeats_are_found_by_the_names_of_the_table_browser(file: Callable[..., Path]) -> None:
    text = "genoName\trepClass\tgenoEnd\trepFamily\tgenoStart\nchr1\tLINE\t1200\tL1\t999\n"
    assert read_repeats(file(text)).iloc[0].tolist() == ["chr1", 999, 1200, "LINE", "L1", 2]


def test_chromosome_sizes_are_read_with_and_without_a_title(file: Callable[..., Path]) -> None:
    for text in (
        "chr1\t500\r\nchr2\t300\r\n",
        "#chrom\tsize\nchr1\t500\nchr2\t300\n",
        "length,chrom\n500,chr1\n300,chr2\n",
    ):
        assert read_sizes(file(text)) == {"chr1": 500, "chr2": 300}


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
