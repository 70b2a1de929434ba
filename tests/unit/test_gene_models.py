"""Exons and coding parts of transcripts, as a GTF has them and as a report holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from raycre.genome.gene_models import read_transcript_parts
from raycre.report.genome import read_view


def line(
    feature: str, first: int, last: int, transcript: str, chrom: str = "chr1", gene: str = "G1.1"
) -> str:
    named = f'gene_id "G1.1"; transcript_id {transcript}; gene_name "MYC"; tag "Ensembl_canonical";'
    return f"{chrom}\tX\t{feature}\t{first}\t{last}\t.\t+\t.\t{named}\n"


GTF = (
    line("transcript", 101, 900, '"T1.2"')
    + line("exon", 701, 900, '"T1.2"')  # in any order
    + line("exon", 101, 300, '"T1.2"')
    + line("CDS", 251, 300, '"T1.2"')
    + line("CDS", 701, 750, '"T1.2"')
    + line("exon", 101, 900, '"T2.1"')
    + line("exon", 101, 200, "T1", chrom="chr2")
)


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    (tmp_path / "genes.gtf").write_text(GTF)
    return tmp_path / "genes.gtf"


def test_exons_are_0_based_in_order_and_coding_goes_from_the_first_to_the_last_coding_base(gtf: Path) -> None:
    found = read_transcript_parts(gtf, [("chr1", "T1.7"), ("chr2", "T1"), ("chr3", "T1")])
    assert set(found) == {("chr1", "T1.7"), ("chr2", "T1")}  # a copy on another chromosome is another one
    assert found["chr1", "T1.7"].exons == [(100, 300), (700, 900)]
    assert found["chr1", "T1.7"].coding == (250, 750)
    assert found["chr2", "T1"].coding is None


def test_a_report_draws_exons_of_genes_at_the_shown_places(gtf: Path) -> None:
    shown = pd.DataFrame({"chrom": ["chr1"], "end": [5000]})
    genes = pd.DataFrame({"gene": [], "chrom": [], "tss": np.empty(0, np.int64), "strand": []})
    near, far = (pd.DataFrame({"chrom": ["chr1"], "start": [a], "end": [a + 100]}) for a in (850, 2000))
    runs = [(gtf.parent, {"config": {"inputs": {"gtf": str(gtf)}}})]
    view = read_view(runs, shown, near, genes)
    assert view.titles["models"] == "genes (genes.gtf)"
    assert view.tables["models"].n == 1
    assert "models" not in read_view(runs, shown, far, genes).tables
