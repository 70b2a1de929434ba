"""Tiles of the genes that a person names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from raycre.errors import GeneError, near


def tiles_of_genes(table: pd.DataFrame, genes: Sequence[str]) -> pd.DataFrame:
    """Return the tiles of genes, by name or id; all where none is named.

    Raises:
        GeneError: a gene that the run does not have.
    """
    for gene in genes:
        if not ((table["gene_name"] == gene) | (table["gene_id"] == gene)).any():
            known = [*table["gene_name"].dropna().unique(), *table["gene_id"].unique()]
            raise GeneError(f"the run has no such gene{near(gene, known)}", value=gene)
    if not genes:
        return table
    return table[table["gene_name"].isin(genes) | table["gene_id"].isin(genes)]
