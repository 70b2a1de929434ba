"""Tables of CRISPR experiments: which element was tested for which gene, and what came out.

Two formats: the table of the EPCrispr benchmark (Gschwind et al. 2023; columns are found by their names), and
BEDPE with the element as first anchor, the gene's TSS as second, and the outcome in a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.intervals import check_possible
from raycre.genome.loops import TITLES as ANCHORS
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import require_file, took
from raycre.genome.texttable import Titles, read_text_table
from raycre.genome.titles import SYNONYMS, plain_names

_ELEMENT, _TSS = ("pair_chrom", "pair_start", "pair_end"), ("tss_chrom", "tss_start", "tss_end")
_NEEDED = dict(
    zip((*_ELEMENT, "measured_gene", "regulated"),
        ("chrom", "chromStart", "chromEnd", "measuredGeneSymbol", "Regulated"), strict=True)
)  # fmt: skip
_TITLES = Titles(tuple(_NEEDED), ("measured_id", "valid", *_TSS))
_YES, _NO = ("true", "t", "1", "yes"), ("false", "f", "0", "no")
_UNKNOWN = ("na", "nan", ".", "")


class Pairs(NamedTuple):
    """Tested pairs of element and gene.

    table: chrom, start, end (0-based half-open; of the element), gene, gene_id (str or None), tss_chrom (str
        or None), tss_start, tss_end (int64, 0-based half-open, -1 where there is none), outcome (bool),
        line (1-based).
    n_read: rows of the file.
    n_invalid: of them left out, as their ValidConnection is not TRUE (TSV only).
    n_unknown: of them left out, as their outcome is NA.
    """

    table: pd.DataFrame
    n_read: int
    n_invalid: int
    n_unknown: int


def read_pairs(
    path: str | Path, *, outcome_column: int | None = None, gene_column: int | None = None
) -> Pairs:
    """Read pairs, plain or gzip: BEDPE where `outcome_column` is given, else the benchmark's TSV.

    An outcome is TRUE or FALSE, yes or no, 1 or 0, or NA. An anchor of zero length is the base at its start.

    Args:
        path: the file.
        outcome_column: column (from 1, so 7 or more) of BEDPE.
        gene_column: column of BEDPE (7 or more) with the gene's name; without it the TSS tells the gene.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, truncated, without a needed column, or a value that is none.
        RegionError: an interval that cannot be.
    """
    path = require_file(path)
    if outcome_column is not None:
        return _read_bedpe(path, outcome_column, gene_column)
    return _read_table(path)


def _read_table(path: Path) -> Pairs:
    rows = read_text_table(path, at_least=1, what="CRISPR pairs", titles=_TITLES)
    at = rows.roles
    if not at:
        first = plain_names([rows.value(0, column) for column in range(1, rows.n_columns + 1)])
        missing = [name for role, name in _NEEDED.items() if not set(SYNONYMS[role]) & set(first)]
        raise FormatError(
            f"no column {', '.join(missing)}; a table of CRISPR pairs has {', '.join(_NEEDED.values())}, or "
            "is BEDPE: then say which column is the outcome (--outcome-column)",
            path=path,
            line=int(rows.line[0]),
        )
    took(path, f"{rows.describe()} read as CRISPR pairs")
    chrom, start, end = _interval(rows, [at[role] for role in _ELEMENT], path)
    outcome, known = _outcomes(rows, at["regulated"])
    valid = np.ones(len(rows), dtype=bool)
    if "valid" in at:
        valid = (rows.strings(at["valid"]).str.lower() == "true").to_numpy()
    table = pd.DataFrame({"chrom": chrom, "start": start, "end": end})
    table["gene"] = _names(rows, at["measured_gene"])
    table["gene_id"] = _names(rows, at.get("measured_id"))
    if all(role in at for role in _TSS):
        _add_tss(table, rows, [at[role] for role in _TSS], path)
    else:
        table = table.assign(tss_chrom=None, tss_start=-1, tss_end=-1)
    table = table.assign(outcome=outcome, line=rows.line)
    kept = valid & known
    return Pairs(
        table[kept].reset_index(drop=True), len(table), int((~valid).sum()), int((valid & ~known).sum())
    )


def _read_bedpe(path: Path, outcome_column: int, gene_column: int | None) -> Pairs:
    widest = max(6, outcome_column, gene_column or 0)
    if min(outcome_column, gene_column or 7) < 7:
        raise FormatError(
            "the first six columns of BEDPE are the anchors; outcome and gene are in the 7th or a later one",
            path=path,
            value=min(outcome_column, gene_column or 7),
        )
    rows = read_text_table(path, at_least=widest, what="BEDPE", titles=ANCHORS)
    at = [rows.roles.get(role, column) for column, role in enumerate(ANCHORS.needed, start=1)]
    if not rows.roles:
        rows = rows.without_title(columns=(2, 3, 5, 6))
    gene = f"the gene in column {gene_column}" if gene_column else "the gene by its TSS"
    took(path, f"{rows.describe()} read as BEDPE, the outcome in column {outcome_column}, {gene}")
    chrom, start, end = _interval(rows, at[:3], path)
    outcome, known = _outcomes(rows, outcome_column)
    table = pd.DataFrame({"chrom": chrom, "start": start, "end": end})
    table["gene"], table["gene_id"] = _names(rows, gene_column), None
    _add_tss(table, rows, at[3:], path)
    table = table.assign(outcome=outcome, line=rows.line)
    return Pairs(table[known].reset_index(drop=True), len(table), 0, int((~known).sum()))


def _interval(
    rows: TextTable, columns: Sequence[int], path: Path
) -> tuple[pd.Series, NDArray[np.int64], NDArray[np.int64]]:
    """Read an interval from its columns of chromosome, start and end."""
    chrom = rows.strings(columns[0])
    start, end = rows.integers(columns[1], "start"), rows.integers(columns[2], "end")
    check_possible(chrom, start, end, rows.line, path, empty_ok=True)
    return chrom, start, np.maximum(end, start + 1)


def _add_tss(table: pd.DataFrame, rows: TextTable, columns: Sequence[int], path: Path) -> None:
    table["tss_chrom"], table["tss_start"], table["tss_end"] = _interval(rows, columns, path)


def _names(rows: TextTable, column: int | None) -> pd.Series | None:
    if column is None:
        return None
    names = rows.strings(column).astype(object)
    return names.where(~names.str.lower().isin(_UNKNOWN), None)


def _outcomes(rows: TextTable, column: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the outcomes, and which of them are known: bool (n,) each."""
    text = rows.strings(column).str.lower()
    positive, unknown = text.isin(_YES).to_numpy(), text.isin(_UNKNOWN).to_numpy()
    bad = ~(positive | unknown | text.isin(_NO).to_numpy())
    if bad.any():
        row = int(np.argmax(bad))
        raise FormatError(
            f"the outcome (column {column}) is none of TRUE, FALSE, 1, 0, NA",
            path=rows.path,
            line=int(rows.line[row]),
            value=rows.value(row, column),
        )
    return positive, ~unknown
