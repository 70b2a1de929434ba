"""Genes of regions: the nearest, those that contacts reach, and how much they are expressed.

CREATE, Supplementary Notes 8 and 10: predicted promoters by type of gene; expression of the genes that
predicted enhancers and silencers are linked to. Distances are bedtools closest's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.contacts import AT_ONCE
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
from raycre.annotate.expression import read_expression
from raycre.annotate.lifted import lifting_to
from raycre.errors import FormatError
from raycre.genome.gtf import read_genes
from raycre.genome.loops import read_anchors
from raycre.genome.nearest import nearest_points
from raycre.genome.overlaps import overlap_pairs
from raycre.genome.textfile import require_file
from raycre.genome.tss_table import read_tss_table
from raycre.store.fields import INT, REAL, TEXT, schema_of


def read_gene_table(path: Path) -> pd.DataFrame:
    """Read a GTF, or a list of TSSs; columns as `read_genes` gives them.

    Raises:
        InputError: as `read_genes` and `read_tss_table`.
    """
    try:
        return read_tss_table(require_file(path))
    except FormatError as error:
        if "GTF" not in error.message:
            raise
    return read_genes(path)


def contacted_genes(
    table: pd.DataFrame, anchors: pd.DataFrame, genes: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair regions with the TSSs in the other anchor of contacts whose one anchor overlaps them.

    Args:
        table: chrom, start, end.
        anchors: of `read_anchors`: those of a contact follow each other.
        genes: chrom, tss.

    Returns:
        Positions of regions and of genes, int64 (m,) each; a pair once.
    """
    points = genes.assign(start=genes["tss"], end=genes["tss"] + 1)
    theirs = overlap_pairs(anchors, points)
    right = pd.DataFrame({"anchor": theirs.first, "gene": theirs.second})
    found = []
    for first in range(0, len(table), AT_ONCE):
        ours = overlap_pairs(table.iloc[first : first + AT_ONCE], anchors)
        left = pd.DataFrame({"region": ours.first + first, "anchor": ours.second ^ 1})
        found.append(left.merge(right, on="anchor")[["region", "gene"]].drop_duplicates())
    pairs = pd.concat(found).sort_values(["region", "gene"])
    return pairs["region"].to_numpy(np.int64), pairs["gene"].to_numpy(np.int64)


@dataclass(frozen=True)
class Options:
    """Genes, and what links regions to them."""

    genes: Path = file("GENES", "GTF, or a list of TSSs (BED of six columns, or a table).")
    contacts: Path | None = option(None, "BEDPE: also the genes whose TSS is in the other anchor.")
    expression: Path | None = option(None, "Table of genes and TPM, or bigWig (mean over the gene).")
    tissue: str | None = option(None, "Column of the table of expression, where it has several.")
    within: int | None = option(None, "The nearest gene counts at most so many bp away.", least=0)
    chain: Path | None = chain_option("the files to the regions'")


def annotate_genes(regions: Annotatable, options: Options) -> Annotated:
    """Find the nearest and the contacted genes of each region, and their mean expression."""
    table, genes = regions.table, read_gene_table(options.genes)
    lifting, values = lifting_to(regions, options.chain), None
    if options.expression is not None:
        values = read_expression(options.expression, genes, options.tissue)
    if lifting.chains is not None:  # by now a bigWig of expression was read where the genes are in their file
        moved = lifting.regions(genes.assign(start=genes["tss"], end=genes["tss"] + 1), "TSSs")
        genes = moved.table.assign(tss=moved.table["start"])
        values = None if values is None else values[moved.row]
    lacking = check_chromosomes(table, {str(c): 0 for c in genes["chrom"].unique()}, options.genes)
    near = nearest_points(table, genes)
    kept = (
        np.abs(near.distance) <= options.within
        if options.within is not None
        else np.ones(len(near.row), bool)
    )
    row, point, distance = near.row[kept], near.point[kept], near.distance[kept]
    first = np.full(len(table), np.nan)
    first[row[::-1]] = distance[::-1]
    columns = [
        Column("nearest_genes", TEXT, "genes of the nearest TSSs, equally near ones with commas between",
               _joined(row, genes["gene_name"], point, len(table))),
        Column("nearest_gene_types", TEXT, "their types, where the file says them",
               _joined(row, genes["gene_type"], point, len(table))),
        Column("tss_distance", INT, "bp to that TSS: 0 inside, 1 touching, negative upstream of the gene",
               first),
        Column("tss_distance_absolute", REAL, "the same without its sign", np.abs(first), "values"),
    ]  # fmt: skip
    if values is not None:
        columns.append(Column("nearest_expression", REAL, "mean expression of the nearest genes",
                              _mean(row, values[point], len(table)), "values"))  # fmt: skip
    if options.contacts is not None:
        anchors = lifting.pairs("anchors", read_anchors(options.contacts), "contact")
        row, point = contacted_genes(table, anchors, genes)
        reached = genes["gene_id"].to_numpy()[point]
        once = ~pd.DataFrame({"row": row, "gene": reached}).duplicated().to_numpy()
        row, point = row[once], point[once]
        columns += [
            Column("contacted_genes", TEXT, "genes with a TSS in the other anchor of a contact",
                   _joined(row, genes["gene_name"], point, len(table))),
            Column("n_contacted_genes", INT, "how many", np.bincount(row, minlength=len(table)), "values"),
        ]  # fmt: skip
        if values is not None:
            columns.append(Column("contacted_expression", REAL, "mean expression of the contacted genes",
                                  _mean(row, values[point], len(table)), "values"))  # fmt: skip
    facts: dict[str, Any] = {
        "genes": int(genes["gene_id"].nunique()),
        "regions_on_chromosomes_without_genes": lacking,
    }
    if values is not None:
        facts["transcripts_without_expression"] = int(np.isnan(values).sum())
    types = types_by_group(table["group"], near.row[kept], genes["gene_type"], near.point[kept])
    tables = {"genes_types": types} if len(types) else {}
    return Annotated(tuple(columns), facts | lifting.facts(), tables)


def types_by_group(
    group: pd.Series, row: NDArray[np.int64], gene_type: pd.Series, point: NDArray[np.int64]
) -> pd.DataFrame:
    """Count the types of the nearest genes of each group (CREATE, Supplementary Note 8: promoters of ncRNA).

    Args:
        group: (n,) of regions; those without one are left out.
        row, point: pairs of region and nearest gene.
        gene_type: of each gene; null where the file does not say.

    Returns:
        One row for each group and type, columns GENES_TYPES, the most frequent type first. A region that is
        equally near to genes of two types counts for both.
    """
    pairs = pd.DataFrame({
        "row": row, "group": group.to_numpy(object)[row], "gene_type": gene_type.to_numpy(object)[point]
    }).dropna().drop_duplicates()  # fmt: skip
    if pairs.empty:
        return pd.DataFrame(columns=GENES_TYPES.names)
    counts = pairs.groupby(["group", "gene_type"]).size().rename("n_regions").reset_index()
    with_gene = pairs.drop_duplicates("row")["group"].value_counts()
    counts["n_with_gene"] = counts["group"].map(with_gene).astype("int64")
    counts["share"] = counts["n_regions"] / counts["n_with_gene"]
    return counts.sort_values(
        ["group", "n_regions"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _joined(row: NDArray[np.int64], names: pd.Series, point: NDArray[np.int64], n: int) -> NDArray[Any]:
    joined = np.full(n, None, dtype=object)
    pairs = pd.DataFrame({"row": row, "name": names.to_numpy(object)[point]}).dropna().drop_duplicates()
    for i, each in pairs.groupby("row")["name"]:
        joined[int(str(i))] = ",".join(map(str, each))
    return joined


def _mean(row: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    known = ~np.isnan(values)
    total, count = np.bincount(row[known], values[known], n), np.bincount(row[known], minlength=n)
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
    return mean


GENES_TYPES = schema_of(
    ("group", TEXT, "group of the regions"),
    ("gene_type", TEXT, "type of the nearest gene (protein_coding, lincRNA, …)"),
    ("n_regions", INT, "regions of the group whose nearest gene is of the type"),
    (
        "n_with_gene",
        INT,
        "regions of the group with a nearest gene of a known type (`--within` bounds its distance)",
    ),
    ("share", REAL, "n_regions of n_with_gene"),
)

ANNOTATION = Annotation(
    name="genes",
    summary="Nearest and contacted genes, their types and expression.",
    options=Options,
    annotate=annotate_genes,
    tables={"genes_types": GENES_TYPES},
    rules=(
        Rule("distance", "bedtools closest -D b: 0 inside, 1 touching, negative upstream of the gene"),
        Rule("equally near genes", "all are named, and expression is their mean", ""),
        Rule("which TSSs", "every transcript's", "a list of TSSs in place of the GTF"),
        Rule("a gene without expression", "is left out of the mean, and counted"),
    ),
    paper="CREATE, Supplementary Notes 8 and 10",
)
