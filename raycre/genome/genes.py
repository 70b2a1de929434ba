"""Genes for CREME: which TSS of a gene is used, and the window of sequence round it.

The readers `read_genes` (GTF) and `read_tss_table` are offered here too; SOURCES.md 7 is the checklist.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import GeneError, near
from raycre.genome.fasta import Fasta
from raycre.genome.gtf import GENE_COLUMNS, read_genes
from raycre.genome.intervals import unknown_chromosome
from raycre.genome.sequence import N_CODE, reverse_complement
from raycre.genome.tss_table import read_tss_table

__all__ = [
    "GENE_COLUMNS",
    "CheckedWindows",
    "candidate_tss",
    "check_windows",
    "far_apart",
    "read_genes",
    "read_tss_table",
    "read_window",
    "select_genes",
    "window",
]

_DATE = r"(?i)\d{1,2}-(sep|mar|dec|oct)|(sep|mar|dec|oct)-\d{1,2}"
_VERSION = r"\.\d+(?=$|_)"  # ENSG00000182378.15 and ENSG00000182378.15_PAR_Y


def select_genes(
    table: pd.DataFrame,
    names: Sequence[str],
    *,
    tss: Literal["canonical", "outermost", "all"] = "canonical",
    compat: Literal["fixed", "reference"] = "fixed",
) -> pd.DataFrame:
    """Choose TSSs of the genes asked for, in the order asked for.

    A name that stands for several loci (the pseudo-autosomal copies on X and Y) keeps all of them, each
    with its own gene_id. A name that is given twice is taken once.

    Args:
        table: columns `GENE_COLUMNS`, from `read_genes` or `read_tss_table`.
        names: gene_name, or gene_id with or without version.
        tss: per gene and locus, "canonical" is the transcript tagged Ensembl_canonical, and where there is
            none the outermost; "outermost" is the 5'-most TSS; "all" every distinct TSS.
        compat: "fixed" drops further transcripts of a gene with the same chromosome, TSS and strand.
            "reference" does as the CREME code: before anything else it drops rows of the whole table with
            the same chromosome, interval *start* and strand, which on - is the 3' end, so that
            - transcripts with a common 3' end lose all TSSs but the first.

    Raises:
        GeneError: a name that the table does not have, with near matches, or one all of whose rows
            "reference" drops.
    """
    path = table.attrs.get("path")
    table = table.reset_index(drop=True)
    rows = _rows_of_names(table, names, path)
    if compat == "reference":
        dropped = table.duplicated(["chrom", "start", "strand"]).to_numpy()
        for name, of_name in rows.items():
            if dropped[of_name].all():
                raise GeneError(
                    "every transcript shares chromosome, start and strand with an earlier row, and "
                    "compat=reference drops it; leave the gene out, or use compat=fixed",
                    path=path,
                    value=name,
                )
        rows = {name: of_name[~dropped[of_name]] for name, of_name in rows.items()}
    chosen = table.iloc[list(dict.fromkeys(np.concatenate(list(rows.values())).tolist()))]
    if tss != "all":
        chosen = _one_per_locus(chosen, prefer_canonical=tss == "canonical")
    return chosen.drop_duplicates(["gene_id", "chrom", "tss", "strand"]).reset_index(drop=True)


def candidate_tss(
    table: pd.DataFrame,
    *,
    gene_type: str | None = "protein_coding",
    compat: Literal["fixed", "reference"] = "fixed",
) -> pd.DataFrame:
    """List every TSS that a choice by activity ranks, each sequence once (CREME, "TSS selection").

    Args:
        table: columns `GENE_COLUMNS`.
        gene_type: genes to keep; a table without gene types is taken whole, as is any with None.
        compat: "fixed" drops rows with the chromosome, TSS and strand of an earlier one, of whatever gene,
            for both have one window. "reference" drops by interval *start* in place of the TSS, as the
            authors' code does (DIVERGENCES 43): - genes lose TSSs, and a TSS of two of them is there twice.

    Raises:
        GeneError: no gene of that type.
    """
    if gene_type is not None and table["gene_type"].notna().any():
        of_type = (table["gene_type"] == gene_type).to_numpy()
        if not of_type.any():
            types = [str(t) for t in table["gene_type"].dropna().unique()]
            hint = near(gene_type, types) or f"; it has {', '.join(types[:5])}"
            raise GeneError(f"no gene of this type{hint}", path=table.attrs.get("path"), value=gene_type)
        table = table[of_type]
    place = "start" if compat == "reference" else "tss"
    return table.drop_duplicates(["chrom", place, "strand"]).reset_index(drop=True)


def far_apart(table: pd.DataFrame, chosen: pd.DataFrame, bp: int) -> pd.DataFrame:
    """Find chosen genes whose TSSs lie too far apart for one window to be about all of them.

    `select_genes` takes one TSS of a gene unless it is asked for "all"; a promoter elsewhere is then one more
    stretch of context, shuffled as any other. That is allowed, and worth a line to the user.

    Args:
        table: every transcript, as `select_genes` had it.
        chosen: what it returned.
        bp: how far is too far; half the TSS tile is where a second TSS leaves the tile.

    Returns:
        gene_id, gene_name, n_tss (distinct), spread (bp from the first to the last) of the loci beyond `bp`,
        in the order chosen, each once.
    """
    locus = ["gene_id", "chrom", "strand"]
    asked = table[table["gene_id"].isin(chosen["gene_id"])]
    spans = asked.groupby(locus, sort=False)["tss"].agg(["nunique", "min", "max"]).reset_index()
    spans = spans.assign(n_tss=spans["nunique"], spread=spans["max"] - spans["min"])
    each = chosen.drop_duplicates(locus)[[*locus, "gene_name"]].merge(spans, on=locus)
    wide = each[each["spread"] > bp]
    return wide[["gene_id", "gene_name", "n_tss", "spread"]].reset_index(drop=True)


def _rows_of_names(
    table: pd.DataFrame, names: Sequence[str], path: str | None
) -> dict[str, NDArray[np.int64]]:
    """Return the positions of each name's rows."""
    if not len(names):
        raise GeneError("no gene was asked for", path=path)
    unversioned = table["gene_id"].str.replace(_VERSION, "", regex=True)
    known: dict[str, NDArray[np.int64]] = {}
    for column in (unversioned, table["gene_id"], table["gene_name"]):
        wanted = np.flatnonzero(column.isin(names))
        known |= {
            str(n): wanted[i] for n, i in column.iloc[wanted].groupby(column.iloc[wanted]).indices.items()
        }
    unknown = [name for name in names if name not in known]
    if unknown:
        more = f" (and {len(unknown) - 1:,} further names)" if len(unknown) > 1 else ""
        every = pd.concat([table["gene_name"], table["gene_id"], unversioned]).dropna().unique()
        hint = near(unknown[0], every)
        if re.fullmatch(_DATE, unknown[0]):
            hint = "; a spreadsheet has turned its name into a date (SEPTIN2 or MARCHF2, say)"
        raise GeneError(f"no such gene{hint}{more}", path=path, value=unknown[0])
    return {name: known[name] for name in names}


def _one_per_locus(chosen: pd.DataFrame, *, prefer_canonical: bool) -> pd.DataFrame:
    """Keep one row of each (gene_id, chrom, strand); ties go to the first in the file."""
    downstream = np.where(chosen["strand"] == "+", chosen["tss"], -chosen["tss"])
    second_choice = ~chosen["canonical"].to_numpy() if prefer_canonical else np.zeros(len(chosen), dtype=bool)
    order = np.lexsort((np.arange(len(chosen)), downstream, second_choice))
    first = chosen.iloc[order].drop_duplicates(["gene_id", "chrom", "strand"])
    return chosen.loc[chosen.index.isin(first.index)]


def window(tss: int, strand: str, length: int) -> tuple[int, int]:
    """Return the 0-based half-open interval whose base `length // 2`, in the gene's direction, is the TSS.

    For even L: [t - L/2, t + L/2) on +, [t + 1 - L/2, t + 1 + L/2) on -. It may leave the chromosome.
    """
    if strand == "+":
        return tss - length // 2, tss - length // 2 + length
    return tss + 1 + length // 2 - length, tss + 1 + length // 2


def read_window(fasta: Fasta, chrom: str, tss: int, strand: str, length: int) -> NDArray[np.uint8]:
    """Read the window of a TSS as codes uint8 (length,) in the gene's direction, the TSS at `length // 2`.

    Bases outside the chromosome are N. Errors as `Fasta.read`.
    """
    start, end = window(tss, strand, length)
    codes = fasta.read(chrom, start, end, pad=True)
    return codes if strand == "+" else reverse_complement(codes)


class CheckedWindows(NamedTuple):
    """Rows whose window can be used, and the others with a column `reason` (str)."""

    kept: pd.DataFrame
    refused: pd.DataFrame


def check_windows(table: pd.DataFrame, fasta: Fasta, length: int, *, max_n: int = 0) -> CheckedWindows:
    """Read the window of every row, and refuse those with more than `max_n` bases N or off the chromosome.

    Raises:
        ChromosomeError: no row is on a chromosome of the FASTA.
    """
    unknown = ~table["chrom"].isin(list(fasta.sizes)).to_numpy()
    if len(table) and unknown.all():
        raise unknown_chromosome(
            str(table["chrom"].iloc[0]), fasta.sizes, path=table.attrs.get("path"), reference=fasta.path.name
        )
    columns = (table[c] for c in ("chrom", "tss", "strand"))
    reasons = [_reason(fasta, c, int(t), s, length, max_n) for c, t, s in zip(*columns, strict=True)]
    kept = np.array([reason is None for reason in reasons], dtype=bool)
    refused = table[~kept].assign(reason=[reason for reason in reasons if reason is not None])
    return CheckedWindows(table[kept].reset_index(drop=True), refused.reset_index(drop=True))


def _reason(fasta: Fasta, chrom: str, tss: int, strand: str, length: int, max_n: int) -> str | None:
    """Say why a window cannot be used; None where it can."""
    if chrom not in fasta.sizes:
        return f"{chrom} is not in {fasta.path.name}"
    start, end = window(tss, strand, length)
    left, right = max(-start, 0), max(end - fasta.sizes[chrom], 0)
    if left + right > max_n:
        sides = [f"{bp:,} bp on the {side}" for bp, side in ((left, "left"), (right, "right")) if bp]
        return f"window leaves {chrom} by {' and '.join(sides)}"
    n_count = int((fasta.read(chrom, start, end, pad=True) == N_CODE).sum())
    return f"{n_count:,} N in the window" if n_count > max_n else None
