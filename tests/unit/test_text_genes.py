"""GTF, tables of TSS and lists of genes as people have them.

Every number below follows from the literal input beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from raycre.errors import FormatError
from raycre.genome.genes import read_genes, read_tss_table, select_genes
from raycre.genome.name_list import read_names
from tests.text_files import PAIR, transcript, tss


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
