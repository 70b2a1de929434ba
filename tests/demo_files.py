"""The demo's files, read with pandas and a few lines, so that none of raycre's readers is trusted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from raycre.backbones.planted import MOTIFS
from raycre.demo.genome import DemoGenome
from raycre.genome.classes import CLASSES
from tests.frames import tuples_of

L = 65_536
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def read_chromosomes(demo: DemoGenome) -> dict[str, str]:
    """The FASTA: name -> letters."""
    records = demo.fasta.read_text().split(">")[1:]
    return {name: body.replace("\n", "") for name, _, body in (record.partition("\n") for record in records)}


def count_motifs(text: str) -> list[int]:
    """Motifs of both strands, counted without raycre: silencer, enhancer, promoter, insulator."""
    other = text[::-1].translate(COMPLEMENT)
    return [text.count(MOTIFS[name]) + other.count(MOTIFS[name]) for name in CLASSES[:4]]


def gtf_rows(demo: DemoGenome) -> pd.DataFrame:
    names = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
    rows = pd.read_csv(demo.gtf, sep="\t", names=names, comment="#", quoting=3)
    for key in ("gene_id", "gene_name", "gene_type", "transcript_id"):
        rows[key] = rows["attributes"].str.extract(rf'{key} "([^"]+)"')
    return rows


def input_codes(demo: DemoGenome, chromosomes: dict[str, str], gene_name: str) -> torch.Tensor:
    """uint8 (65,536,): a gene's window in gene direction, from the GTF's canonical transcript."""
    rows = gtf_rows(demo)
    of_gene = (rows["gene_name"] == gene_name) & (rows["feature"] == "transcript")
    (row,) = tuples_of(rows[of_gene & rows["attributes"].str.contains("Ensembl_canonical")])
    if row.strand == "+":
        tss = row.start - 1
        text = chromosomes[row.chrom][tss - L // 2 : tss + L // 2]
    else:
        tss = row.end - 1  # the last base, 0-based
        text = chromosomes[row.chrom][tss + 1 - L // 2 : tss + 1 + L // 2][::-1].translate(COMPLEMENT)
    return torch.tensor(
        np.searchsorted(np.frombuffer(b"ACGT", np.uint8), np.frombuffer(text.encode(), np.uint8))
    )
