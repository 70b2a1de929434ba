"""Genes: coordinates of each format, the choice of a TSS, and the window round it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raycre.errors import ChromosomeError, GeneError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import (
    GENE_COLUMNS,
    candidate_tss,
    check_windows,
    far_apart,
    read_genes,
    read_tss_table,
    read_window,
    select_genes,
    window,
)
from raycre.genome.sequence import decode, reverse_complement

ENFORMER = 196_608  # bp


def transcript(chrom: str, start: int, end: int, strand: str, attributes: str) -> str:
    return f"{chrom}\tHAVANA\ttranscript\t{start}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def gencode(gene: str, name: str, identifier: str, *tags: str) -> str:
    tag_text = "".join(f' tag "{tag}";' for tag in tags)
    return (
        f'gene_id "{gene}"; transcript_id "{identifier}"; gene_type "protein_coding"; '
        f'gene_name "{name}"; level 2;{tag_text}'
    )


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """PLUS with three transcripts, MINUS with three (two share the 3' end), PAIR on chrX and chrY."""
    file = tmp_path / "genes.gtf"
    file.write_text(
        "##description: made for the tests\n"
        + transcript("chr1", 1001, 2000, "+", gencode("ENSG01.4", "PLUS", "T1", "basic"))
        + transcript("chr1", 1101, 2000, "+", gencode("ENSG01.4", "PLUS", "T2", "basic", "Ensembl_canonical"))
        + transcript("chr1", 1001, 1800, "+", gencode("ENSG01.4", "PLUS", "T3"))
        + transcript("chr1", 5001, 6000, "-", gencode("ENSG02.1", "MINUS", "T4"))
        + transcript("chr1", 5001, 6500, "-", gencode("ENSG02.1", "MINUS", "T5"))
        + transcript("chr1", 5201, 6200, "-", gencode("ENSG02.1", "MINUS", "T6"))
        + transcript("chrX", 101, 200, "+", gencode("ENSG03.15", "PAIR", "T7"))
        + transcript("chrY", 151, 250, "+", gencode("ENSG03.15_PAR_Y", "PAIR", "T8"))
    )
    return read_genes(file)


def test_gtf_is_one_based_and_the_table_is_not(table: pd.DataFrame) -> None:
    assert tuple(table.columns) == GENE_COLUMNS
    assert table.iloc[1].to_dict() == {
        "gene_id": "ENSG01.4", "gene_name": "PLUS", "gene_type": "protein_coding", "transcript_id": "T2",
        "chrom": "chr1", "start": 1100, "end": 2000, "strand": "+", "tss": 1100, "canonical": True, "line": 3,
    }  # fmt: skip


def test_plus_strand_tss_is_the_first_base(table: pd.DataFrame) -> None:
    assert table["tss"].iloc[0] == table["start"].iloc[0] == 1000


def test_minus_strand_tss_is_the_last_base(table: pd.DataFrame) -> None:
    assert table["tss"].iloc[3] == table["end"].iloc[3] - 1 == 5999


def test_canonical_takes_the_tagged_transcript(table: pd.DataFrame) -> None:
    assert select_genes(table, ["PLUS"])["transcript_id"].tolist() == ["T2"]


def test_canonical_without_a_tag_is_the_outermost(table: pd.DataFrame) -> None:
    assert select_genes(table, ["MINUS"])["tss"].tolist() == [6499]


def test_outermost_is_the_five_prime_most_on_each_strand(table: pd.DataFrame) -> None:
    chosen = select_genes(table, ["PLUS", "MINUS"], tss="outermost")
    assert chosen["tss"].tolist() == [1000, 6499]


def test_all_gives_every_distinct_tss_once(table: pd.DataFrame) -> None:
    chosen = select_genes(table, ["PLUS", "MINUS"], tss="all")
    assert chosen["transcript_id"].tolist() == ["T1", "T2", "T4", "T5", "T6"]


def test_reference_drops_minus_transcripts_with_a_common_three_prime_end(table: pd.DataFrame) -> None:
    chosen = select_genes(table, ["MINUS"], tss="all", compat="reference")
    assert chosen["transcript_id"].tolist() == ["T4", "T6"]  # T5, the outermost, shares T4's start
    assert select_genes(table, ["MINUS"], compat="reference")["tss"].tolist() == [6199]


def test_reference_says_so_when_it_leaves_nothing_of_a_gene(table: pd.DataFrame) -> None:
    twin = table[table["transcript_id"] == "T5"].assign(gene_name="TWIN", gene_id="ENSG09.1")
    with pytest.raises(GeneError, match="'TWIN': every transcript shares"):
        select_genes(pd.concat([table, twin]), ["TWIN"], compat="reference")


def test_candidates_hold_every_tss_of_every_gene_once(table: pd.DataFrame) -> None:
    assert candidate_tss(table)["transcript_id"].tolist() == ["T1", "T2", "T4", "T5", "T6", "T7", "T8"]
    # By interval start, T5 goes with T4 (both - and from 5,000) although its TSS is another.
    assert candidate_tss(table, compat="reference")["transcript_id"].tolist() == [
        "T1", "T2", "T4", "T6", "T7", "T8",
    ]  # fmt: skip


def test_candidates_of_two_genes_with_one_tss_are_one_sequence(table: pd.DataFrame) -> None:
    twin = table.iloc[[4]].assign(gene_id="ENSG09.1", gene_name="TWIN", start=4_000)  # T5's TSS on -
    both = pd.concat([table, twin], ignore_index=True)
    assert "TWIN" not in set(candidate_tss(both)["gene_name"])
    assert "TWIN" in set(candidate_tss(both, compat="reference")["gene_name"])


def test_candidates_are_of_one_gene_type_where_types_are_known(table: pd.DataFrame) -> None:
    mixed = table.assign(gene_type=["lncRNA", *table["gene_type"][1:]])
    assert "T1" not in set(candidate_tss(mixed)["transcript_id"])
    assert len(candidate_tss(mixed, gene_type=None)) == 7
    assert len(candidate_tss(table.assign(gene_type=None))) == 7
    with pytest.raises(GeneError, match=r"'protein-coding'.*did you mean protein_coding"):
        candidate_tss(mixed, gene_type="protein-coding")


@pytest.mark.parametrize("tss", ["canonical", "outermost", "all"])
def test_genes_with_tss_far_apart_are_found_with_their_spread(table: pd.DataFrame, tss: Any) -> None:
    # PLUS from 1,000 to 1,100; MINUS at 5,999, 6,199 and 6,499; the two of PAIR have one each.
    chosen = select_genes(table, ["PAIR", "MINUS", "PLUS"], tss=tss)
    assert far_apart(table, chosen, 99).to_numpy().tolist() == [
        ["ENSG02.1", "MINUS", 3, 500],
        ["ENSG01.4", "PLUS", 2, 100],
    ]
    assert far_apart(table, chosen, 100)["gene_name"].tolist() == ["MINUS"]
    assert far_apart(table, chosen, 500).empty


def test_genes_are_found_by_name_and_by_id_with_or_without_version(table: pd.DataFrame) -> None:
    for name in ("PLUS", "ENSG01", "ENSG01.4"):
        assert select_genes(table, [name])["gene_name"].tolist() == ["PLUS"]


def test_the_order_is_that_of_the_names_and_repeats_are_taken_once(table: pd.DataFrame) -> None:
    chosen = select_genes(table, ["MINUS", "PLUS", "ENSG02.1"])
    assert chosen["gene_name"].tolist() == ["MINUS", "PLUS"]


def test_a_name_at_two_loci_keeps_both_with_their_own_ids(table: pd.DataFrame) -> None:
    chosen = select_genes(table, ["PAIR"])
    assert chosen[["gene_id", "chrom", "tss"]].values.tolist() == [
        ["ENSG03.15", "chrX", 100],
        ["ENSG03.15_PAR_Y", "chrY", 150],
    ]


def test_genes_that_share_a_tss_all_stay(table: pd.DataFrame) -> None:
    neighbour = table[table["transcript_id"] == "T2"].assign(gene_name="READTHROUGH", gene_id="ENSG08.1")
    chosen = select_genes(pd.concat([table, neighbour]), ["PLUS", "READTHROUGH"])
    assert chosen["gene_name"].tolist() == ["PLUS", "READTHROUGH"]


def test_an_unknown_gene_is_named_with_its_neighbours_and_the_file(table: pd.DataFrame) -> None:
    with pytest.raises(
        GeneError, match=r"genes\.gtf: 'MINU': no such gene; did you mean MINUS\? \(and 1 further"
    ):
        select_genes(table, ["PLUS", "MINU", "NOTHING"])


def test_a_name_that_a_spreadsheet_made_a_date_is_told(table: pd.DataFrame) -> None:
    with pytest.raises(GeneError, match="'2-Sep': no such gene; a spreadsheet has turned"):
        select_genes(table, ["2-Sep"])


def test_ensembl_versions_are_joined_and_biotypes_read(tmp_path: Path) -> None:
    file = tmp_path / "ensembl.gtf.gz"
    attributes = 'gene_biotype "lncRNA"; gene_id "ENSG7"; gene_version "5"; transcript_id "ENST7";'
    file.write_bytes(gzip.compress(transcript("1", 11, 20, "+", attributes).encode()))
    row = read_genes(file).iloc[0]
    assert row[["gene_id", "gene_name", "gene_type", "transcript_id"]].tolist() == [
        "ENSG7.5", "ENSG7.5", "lncRNA", "ENST7",
    ]  # fmt: skip


def test_creme_lists_hold_the_tss_on_plus_and_the_base_after_it_on_minus(tmp_path: Path) -> None:
    file = tmp_path / "creme.csv"
    file.write_text(
        ",Chromosome,Start,gene_name,gene_id,Strand,K562\n8,chr1,100,A,G1.1,+,3.5\n9,chr2,200,B,G2.1,-,4\n"
    )
    read = read_tss_table(file)
    assert read[["gene_name", "chrom", "tss", "strand", "line"]].values.tolist() == [
        ["A", "chr1", 100, "+", 2],
        ["B", "chr2", 199, "-", 3],
    ]


def test_bed_intervals_begin_at_the_five_prime_end(tmp_path: Path) -> None:
    file = tmp_path / "tss.bed"
    file.write_text(
        "chr1\t10\t11\tA\t0\t+\nchr1\t10\t11\tB\t0\t-\nchr1\t10\t20\tC\t0\t+\nchr1\t10\t20\tD\t0\t-\n"
    )
    assert read_tss_table(file)["tss"].tolist() == [10, 10, 10, 19]


def test_rows_of_zero_length_hold_a_one_based_position(tmp_path: Path) -> None:
    file = tmp_path / "tss.bed"
    file.write_text(
        "chr1\t11869\t11869\tENST1.2\t.\t+\tENSG1.5\nchr1\t17436\t17436\tENST2.1\t.\t-\tENSG2.1\n"
    )
    read = read_tss_table(file)
    assert read[["tss", "start", "end", "transcript_id", "gene_id"]].values.tolist() == [
        [11868, 11868, 11869, "ENST1.2", "ENSG1.5"],
        [17435, 17435, 17436, "ENST2.1", "ENSG2.1"],
    ]


@pytest.mark.parametrize("kind", ["tsv", "csv", "parquet"])
def test_plain_tables_are_read_alike(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame(
        {
            "gene_name": ["A", "B"],
            "chrom": ["chr1", "2"],
            "tss": [5, 6],
            "strand": ["+", "-"],
            "gene_id": ["g", "h"],
        }
    )
    file = tmp_path / f"tss.{kind}"
    if kind == "parquet":
        frame.to_parquet(file)
    else:
        frame.to_csv(file, sep="\t" if kind == "tsv" else ",", index=False)
    read = read_tss_table(file)
    assert read[["chrom", "tss", "strand", "gene_id", "gene_name"]].values.tolist() == [
        ["chr1", 5, "+", "g", "A"],
        ["2", 6, "-", "h", "B"],
    ]


def test_windows_of_a_small_length() -> None:
    assert window(100, "+", 10) == (95, 105)
    assert window(100, "-", 10) == (96, 106)
    assert window(100, "+", 5) == (98, 103)
    assert window(100, "-", 5) == (98, 103)


@given(st.integers(0, 10_000), st.sampled_from("+-"), st.integers(1, 600))
def test_the_tss_is_at_half_the_length_in_the_direction_of_the_gene(
    tss: int, strand: str, length: int
) -> None:
    start, end = window(tss, strand, length)
    assert end - start == length
    positions = np.arange(start, end) if strand == "+" else np.arange(start, end)[::-1]
    assert positions[length // 2] == tss


def test_a_window_is_read_in_the_direction_of_the_gene(tmp_path: Path) -> None:
    file = tmp_path / "g.fa"
    file.write_text(">chr1\nAACCGTTTAC\n")
    with Fasta(file) as fasta:
        assert decode(read_window(fasta, "chr1", 4, "+", 6)) == "ACCGTT"  # base 4, G, at index 3
        assert decode(read_window(fasta, "chr1", 4, "-", 6)) == "AAACGG"  # its complement, C, at index 3
        assert decode(read_window(fasta, "chr1", 0, "+", 6)) == "NNNAAC"


def test_refused_windows_say_why(tmp_path: Path) -> None:
    file = tmp_path / "g.fa"
    file.write_text(">chr1\n" + "A" * 40 + "NNN" + "A" * 57 + "\n")
    table = pd.DataFrame(
        {
            "chrom": ["chr1", "chr1", "chr1", "chr1", "chr9"],
            "tss": [20, 2, 97, 45, 20],
            "strand": ["+", "+", "-", "+", "+"],
        }
    )
    with Fasta(file) as fasta:
        kept, refused = check_windows(table, fasta, 10)
        assert kept["tss"].tolist() == [20]
        assert refused["reason"].tolist() == [
            "window leaves chr1 by 3 bp on the left",
            "window leaves chr1 by 3 bp on the right",
            "3 N in the window",
            "chr9 is not in g.fa",
        ]
        assert check_windows(table, fasta, 10, max_n=3).kept["tss"].tolist() == [20, 2, 97, 45]
        with pytest.raises(ChromosomeError, match=r"'1'.*it has 'chr1'"):
            check_windows(table.assign(chrom="1"), fasta, 10)


def test_windows_on_chr1_of_hg38(shared: Path) -> None:
    genes = read_genes(shared / "data/hg38/gencode_v29_chr1_head.gtf.gz")
    assert len(genes) == 470
    names = ["LINC01128", "OR4F16", "OR4F29", "OR4F5", "SAMD11", "NOC2L", "KLHL17", "PLEKHN1", "PERM1"]
    chosen = select_genes(genes, names)
    assert chosen["gene_name"].tolist() == names
    with Fasta(shared / "data/hg38/chr1_1m.fa.gz") as fasta:
        kept, refused = check_windows(chosen, fasta, ENFORMER)
    assert kept[["gene_name", "strand", "tss"]].values.tolist() == [
        ["LINC01128", "+", 825_137],
        ["OR4F16", "-", 686_672],
    ]
    reasons = dict(zip(refused["gene_name"], refused["reason"], strict=True))
    # OR4F29 (-, TSS 451,696): [353,393, 550,001) meets the N run 535,988-585,988 in 14,013 bases.
    assert reasons["OR4F29"] == "14,013 N in the window"
    # OR4F5 (+, TSS 65,418): 98,304 - 65,418 = 32,886.
    assert reasons["OR4F5"] == "window leaves chr1 by 32,886 bp on the left"
    assert all(reasons[name].endswith("on the right") for name in names[4:])


def test_annotated_start_codons_are_atg_in_the_direction_of_the_gene(shared: Path) -> None:
    codons = set()
    with gzip.open(shared / "data/hg38/gencode_v29_chr1_head.gtf.gz", "rt") as lines:
        for fields in (line.split("\t") for line in lines if not line.startswith("#")):
            if fields[2] == "start_codon" and int(fields[4]) <= 1_000_000:
                codons.add((int(fields[3]) - 1, int(fields[4]), fields[6]))
    assert {strand for *_, strand in codons} == {"+", "-"}
    with Fasta(shared / "data/hg38/chr1_1m.fa.gz") as fasta:
        for start, end, strand in codons:
            codes = fasta.read("chr1", start, end)
            assert decode(codes if strand == "+" else reverse_complement(codes)) == "ATG"


def test_gencode_and_ensembl_tell_the_same_tss(shared: Path) -> None:
    gencode_genes = read_genes(shared / "data/hg38/gencode_v29_chr1_head.gtf.gz")
    ensembl = read_genes(shared / "data/hg38/ensembl_chr1_head.gtf.gz")
    assert set(ensembl["chrom"]) == {"1"}
    both = gencode_genes.merge(ensembl, on="transcript_id")
    assert len(both) > 50
    assert (both["tss_x"] == both["tss_y"]).all()


def test_creme_and_encode_lists_meet_on_both_strands(shared: Path) -> None:
    creme = read_tss_table(shared / "data/creme/K562_selected_genes.csv")
    encode = read_tss_table(shared / "data/hg38/gencode_v24_TSS_basic.bed.gz")
    assert (len(creme), len(encode)) == (10_000, 100_926)
    place = ["chrom", "tss", "strand"]
    for strand in "+-":
        ours = creme.loc[creme["strand"] == strand, place]
        shares = [
            len(ours.assign(tss=ours["tss"] + shift).merge(encode[place].drop_duplicates())) / len(ours)
            for shift in (-1, 0, 1)
        ]
        # GENCODE 24 against 41: most TSSs moved, the others must agree to the base.
        assert shares[1] > 0.3 > 0.05 > max(shares[0], shares[2])


def test_creme_genes_on_chr20_have_the_expected_windows(shared: Path) -> None:
    creme = read_tss_table(shared / "data/creme/K562_selected_genes.csv")
    with Fasta(shared / "data/hg38/chr20_10014352_11114352.derived.fa.gz") as fasta:
        kept, refused = check_windows(select_genes(creme, ["SLX4IP", "MKKS", "ANKEF1"]), fasta, ENFORMER)
    assert kept["gene_name"].tolist() == ["SLX4IP", "MKKS"]
    assert refused["gene_name"].tolist() == ["ANKEF1"]
    # ANKEF1 (+, TSS 10,034,986): the piece begins at 10,014,352, 77,670 bp into the window.
    assert refused["reason"].tolist() == ["77,670 N in the window"]
