"""Tissues whose genes lie at the regions of a group: SNPsea's analysis, and its input.

CREATE Methods, "Tissue enrichment analysis": "SNPsea analysis with default settings … enrichments of these
profiles". A locus is a region and its genes; the null loci are the regions of the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
    chain_option,
    file,
    option,
)
from raycre.annotate.expression import read_matrix, rows_of_genes
from raycre.annotate.genes import read_gene_table
from raycre.annotate.groups import BACKGROUND
from raycre.annotate.lifted import lifting_to
from raycre.annotate.specificity import Score, p_of_locus, percentiles, score_tissues, specificity
from raycre.errors import ConfigError
from raycre.genome.overlaps import overlap_pairs
from raycre.store.fields import INT, REAL, TEXT, schema_of

SLOP = 10_000  # bp on both sides of a locus: SNPsea's default
NULL_SETS = 10_000


def gene_bodies(genes: pd.DataFrame) -> pd.DataFrame:
    """Join the transcripts of each gene: chrom, start, end, gene_id, gene_name; a row a gene."""
    ends = genes.groupby(["gene_id", "chrom"], sort=False).agg(
        start=("start", "min"), end=("end", "max"), gene_name=("gene_name", "first")
    )
    return ends.reset_index()


def loci_of(
    table: pd.DataFrame, bodies: pd.DataFrame, row: NDArray[np.int64], *, slop: int, merge: bool
) -> list[tuple[int, ...]]:
    """Return the genes of each locus, as rows of the matrix, in the order of the regions.

    Args:
        table: chrom, start, end of regions.
        bodies: of `gene_bodies`.
        row: of each gene in the matrix; -1 leaves it out.
        slop: bp on both sides of a region.
        merge: loci that share a gene are one.

    Returns:
        A tuple a locus; regions without a gene have none.
    """
    known = bodies[row >= 0].assign(row=row[row >= 0])
    wide = table.assign(start=table["start"] - slop, end=table["end"] + slop)
    pairs = overlap_pairs(wide, known)
    region, gene = pairs.first, known["row"].to_numpy()[pairs.second]
    if merge and len(region):
        n, width = len(table), int(gene.max()) + 1
        edges = coo_array((np.ones(len(region)), (region, n + gene)), shape=(n + width, n + width))
        _, label = connected_components(edges, directed=False)
        region = label[region]
    found: dict[int, set[int]] = {}
    for locus, each in zip(region.tolist(), gene.tolist(), strict=True):
        found.setdefault(locus, set()).add(each)
    return [tuple(sorted(each)) for each in found.values()]


def tissue_rows(
    matrix: pd.DataFrame, loci: Sequence[tuple[int, ...]], null: Sequence[tuple[int, ...]], options: Options
) -> tuple[pd.DataFrame, int]:
    """Score tissues of loci against null loci with as many genes.

    Returns:
        (rows, left_out): a row a tissue, in the order of the matrix; and loci without a null one as large.
    """
    values = matrix.to_numpy(np.float64)
    ranks = percentiles(specificity(values))
    sizes = {len(locus) for locus in loci}
    pools = {
        n: np.array(
            [-np.log(p_of_locus(values, ranks, locus, options.score)) for locus in null if len(locus) == n]
        )
        for n in sizes
    }
    used = [locus for locus in loci if len(pools[len(locus)])]
    if not used:
        return pd.DataFrame(), len(loci)
    observed = np.array([-np.log(p_of_locus(values, ranks, locus, options.score)) for locus in used])
    found = score_tissues(
        observed, [len(locus) for locus in used], pools, most=options.null_sets, seed=options.seed
    )
    rows = {
        "tissue": matrix.columns, "loci": len(used), "genes": sum(map(len, used)), "score": found.score,
        "null_sets": found.n_sets, "null_sets_reaching": found.n_reach, "p_value": found.p,
        "p_bonferroni": np.minimum(1, found.p * len(matrix.columns)), "exact": float(found.exact),
    }  # fmt: skip
    return pd.DataFrame(rows), len(loci) - len(used)


@dataclass(frozen=True)
class Options:
    """Expression of genes by tissue, where genes are, and how loci are scored."""

    matrix: Path = file("MATRIX", "Genes x tissues (Gene Atlas, GTEx), or sets of genes as 0 and 1.")
    genes: Path = file("GENES", "GTF, or a table with start and end of genes.")
    score: Score = option("single", "Of a locus: its most specific gene, or all of them (total).")
    slop: int = option(SLOP, "bp on both sides of a region whose genes it has.", least=0)
    merge: bool = option(True, "Loci that share a gene are one.")
    null: str = option(BACKGROUND, "Group whose regions are the null loci.")
    null_sets: int = option(NULL_SETS, "Null sets that are drawn; all where there are no more.", least=1)
    seed: int = option(0, "Seed of what is drawn.", least=0)
    chain: Path | None = chain_option("the genes to the regions'")


def annotate_snpsea(regions: Annotatable, options: Options) -> Annotated:
    """Score every group's tissues against the null group."""
    table, matrix = regions.table, read_matrix(options.matrix)
    lifting = lifting_to(regions, options.chain)
    bodies = lifting.rows("genes", gene_bodies(read_gene_table(options.genes)))
    check_chromosomes(table, {str(c): 0 for c in bodies["chrom"].unique()}, options.genes)
    groups = [str(name) for name in dict.fromkeys(table["group"].dropna())]
    if options.null not in groups or len(groups) < 2:
        raise ConfigError(
            f"the null loci are a group of regions, and these are {', '.join(groups) or 'none'}; see --null",
            value=options.null,
        )
    row = rows_of_genes(matrix, bodies, options.matrix)
    loci = {
        group: loci_of(table[table["group"] == group], bodies, row, slop=options.slop, merge=options.merge)
        for group in groups
    }
    tables, left_out = [], {}
    for group in groups:
        if group == options.null:
            continue
        rows, left_out[group] = tissue_rows(matrix, loci[group], loci[options.null], options)
        tables.append(rows.assign(group=group))
    _export(regions, bodies, groups)
    wide = table.assign(start=table["start"] - options.slop, end=table["end"] + options.slop)
    n_genes = np.bincount(overlap_pairs(wide, bodies[row >= 0]).first, minlength=len(table))
    tissues = pd.concat(tables, ignore_index=True)
    if tissues.empty or "tissue" not in tissues:
        raise ConfigError("no locus has as many genes as a null locus; give more regions of the null group",
                          value=options.null)  # fmt: skip
    facts: dict[str, Any] = {
        "loci": [{"group": group, "loci": len(each)} for group, each in loci.items()],
        "loci_without_a_null_locus_as_large": left_out,
        "tissues": tissues.nsmallest(10, "p_value")[["group", "tissue", "score", "p_value"]].to_dict(
            "records"
        ),
        **lifting.facts(),
    }
    column = Column("n_genes", INT, "genes of the matrix within the slop of the region", n_genes)
    return Annotated((column,), facts, {"snpsea_tissues": tissues})


def _export(regions: Annotatable, bodies: pd.DataFrame, groups: Sequence[str]) -> None:
    """Write what the program SNPsea reads: intervals of genes, and of every group's loci."""
    genes = zip(bodies["chrom"], bodies["start"], bodies["end"], bodies["gene_id"], strict=True)
    regions.write_text("genes.bed", ("\t".join(map(str, each)) + "\n" for each in genes))
    for group in groups:
        mine = regions.table[regions.table["group"] == group]
        ids = [f"{c}:{s}-{e}" for c, s, e in zip(mine["chrom"], mine["start"], mine["end"], strict=True)]
        places = zip(mine["chrom"], mine["start"], mine["end"], ids, strict=True)
        name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in group)
        regions.write_text(f"{name}.intervals.bed", ("\t".join(map(str, each)) + "\n" for each in places))
        regions.write_text(f"{name}.snps.txt", (f"{each}\n" for each in ["SNP", *ids]))


SNPSEA_TISSUES = schema_of(
    ("group", TEXT, "group of regions"),
    ("tissue", TEXT, "column of the matrix"),
    ("loci", INT, "loci of the group that have a null locus with as many genes"),
    ("genes", INT, "genes of these loci"),
    ("score", REAL, "sum of -ln p over the loci"),
    ("null_sets", INT, "sets of null loci"),
    ("null_sets_reaching", INT, "of them those that score as much or more"),
    ("p_value", REAL, "(null_sets_reaching + 1) / (null_sets + 1)"),
    ("p_bonferroni", REAL, "p_value times the number of tissues, at most 1"),
    ("exact", REAL, "1 where every combination of null loci was taken, else 0"),
)

ANNOTATION = Annotation(
    name="snpsea",
    summary="Tissues whose specific genes lie at the regions, by SNPsea's formulas; and its input.",
    options=Options,
    annotate=annotate_snpsea,
    needs=("groups",),
    tables={"snpsea_tissues": SNPSEA_TISSUES},
    rules=(
        Rule(
            "specificity of a gene",
            "its row over its length (L2 norm), then ranks within a tissue over genes",
        ),
        Rule("p of a locus", "the most specific gene of m: 1 - (1 - min)^m", "`--score total`"),
        Rule("a matrix of 0 and 1", "hypergeometric"),
        Rule("loci that share a gene", "are one", "`--no-merge`"),
        Rule("null loci", "the regions of the background with as many genes", "`--null GROUP`"),
        Rule("p", "(b + 1) / (a + 1) over a null sets, b of which reach the score"),
    ),
    paper="CREATE, Methods (Tissue enrichment analysis), figure 7f",
)
