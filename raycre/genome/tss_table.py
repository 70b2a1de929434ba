"""TSS lists in the forms that people have them, as the columns of `gtf.GENE_COLUMNS`. Chooses nothing."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.gtf import gene_table, require_strand
from raycre.genome.intervals import check_possible
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import read_text, require_file, took
from raycre.genome.texttable import Titles, parse_table
from raycre.genome.titles import find_roles, first_base, plain_names

_PLAIN = ("chrom", "tss", "strand", "gene_id", "gene_name")
_USEFUL = (
    "start", "end", "tss", "strand", "gene_id", "gene_name", "gene_type", "transcript_id", "tag", "feature",
    "width",
)  # fmt: skip
_TITLES = Titles(("chrom",), _USEFUL)
_TEXTS = ("gene_id", "gene_name", "gene_type", "transcript_id")
_STRANDS = {"1": "+", "+1": "+", "-1": "-", "plus": "+", "minus": "-"}
_TRANSCRIPT_OR_GENE = ("transcript", "gene")  # features that begin at a TSS, in order of preference
_CANONICAL = r"(?:^|[^A-Za-z_])Ensembl_canonical(?:$|[^A-Za-z_])"


def read_tss_table(path: str | Path) -> pd.DataFrame:
    """Read a list of TSSs; the columns are those of `read_genes`.

    A table with a title (separated by tabs, commas or semicolons) or Parquet has its columns by name, in any
    order and case: chrom, strand, a gene's name or id or both, and

    - tss, 0-based; or
    - start and end, 0-based half-open (PyRanges, bioframe, UCSC's genePred): tss = start on +, end - 1 on -.
      Tables known to count from 1 (`titles.first_base`) are read so; or
    - Chromosome and Start without an end, CREME's own lists of genes: Start is the 0-based TSS on +, and the
      position after it on -, so tss = Start - 1 there.

    gene_type, transcript_id and tag (Ensembl_canonical) are taken where present. Of a table with a column
    feature (PyRanges from a GTF) the transcripts are taken, or where there are none the genes.

    A table without a title is BED of six columns or more: tss = start on +, end - 1 on -; the name is both
    gene_id and gene_name. A row of zero length holds the *1-based* position in both columns (the TSS files of
    the ENCODE cCRE pipeline), so tss = start - 1. With exactly seven columns, as in those files, column 4 is
    the transcript and column 7 the gene.

    Where only a TSS is known, start and end are those of its base.

    Raises:
        MissingInputError: no such file.
        FormatError: none of these forms, or a value that cannot be read.
        RegionError: an interval or TSS that cannot be.
    """
    path = require_file(path)
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return _from_title(_read_parquet(path))
    text = read_text(path, "a table of TSSs")
    what = "a TSS list (BED6, or a table with a title line)"
    rows = parse_table(text, path, at_least=6, what=what, titles=_TITLES)
    return _from_title(rows) if rows.roles else _from_bed(rows)


def _read_parquet(path: Path) -> TextTable:
    held = os.fspath(path)  # of an object in a bucket: its copy on this node
    try:
        table = pq.read_table(held)
        texts = [column.cast(pa.string()) for column in table.columns if not pa.types.is_nested(column.type)]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise FormatError(f"the Parquet file is truncated or damaged ({error})", path=path) from error
    title = [field.name for field in table.schema if not pa.types.is_nested(field.type)]
    if not len(table):
        raise FormatError("the table has no rows", path=path)
    names = plain_names(title)
    roles = find_roles(names, ("chrom", *_USEFUL), path)
    line = np.arange(1, len(table) + 1)
    texts = [column.fill_null("") for column in texts]
    return TextTable(path, pa.table(texts, names=title), line, "", roles, names, title)


def _from_title(rows: TextTable) -> pd.DataFrame:
    """Read a table whose columns are named."""
    rows, dropped = _of_one_feature(_complete(rows))
    at, path, line = rows.roles, rows.path, rows.line
    chrom = rows.strings(at["chrom"]).astype(object)
    strand = rows.strings(at["strand"]).astype(object).replace(_STRANDS)
    require_strand(strand, line, path)
    minus = (strand == "-").to_numpy()
    start, end, tss, rule = _positions(rows, minus)
    took(path, f"{rows.describe()} read as TSSs, {rule}{dropped}")
    check_possible(chrom, start, end, line, path)
    names = {role: _texts(rows, at.get(role)) for role in _TEXTS}
    identifier, name = names["gene_id"], names["gene_name"]
    if identifier is None or name is None:  # one stands for both
        names |= dict.fromkeys(("gene_id", "gene_name"), name if identifier is None else identifier)
    else:
        names["gene_id"] = identifier.mask(identifier == "", name)
        names["gene_name"] = name.mask(name == "", identifier)
    canonical = np.zeros(len(rows), dtype=bool)
    if "tag" in at:
        canonical = rows.strings(at["tag"]).str.contains(_CANONICAL).to_numpy()
    table = gene_table(
        names, chrom=chrom, start=start, end=end, strand=strand, canonical=canonical, line=line, path=path
    )
    table["tss"] = tss
    return table


def _complete(rows: TextTable) -> TextTable:
    """Return the rows; FormatError where the title lacks what a TSS takes."""
    at = rows.roles
    lacking = [name for name in ("chrom", "strand") if name not in at]
    if "gene_id" not in at and "gene_name" not in at:
        lacking += ["gene_id", "gene_name"]
    if "tss" not in at and "start" not in at:
        lacking.append("tss")
    if lacking:
        raise FormatError(
            f"a table of TSSs needs the columns {', '.join(sorted(_PLAIN))}; {', '.join(sorted(lacking))} "
            "are not there (start and end may stand for tss, one of gene_id and gene_name for both)",
            path=rows.path,
        )
    return rows


def _of_one_feature(rows: TextTable) -> tuple[TextTable, str]:
    """Return the rows of transcripts, or else of genes, and a word on the others."""
    if "feature" not in rows.roles:
        return rows, ""
    feature = rows.strings(rows.roles["feature"]).str.lower()
    for name in _TRANSCRIPT_OR_GENE:
        chosen = (feature == name).to_numpy()
        if chosen.all():
            return rows, ""
        if chosen.any():
            return rows.select(
                chosen
            ), f"; {int((~chosen).sum()):,} rows of other features than {name} left out"
    return rows, ""


def _positions(
    rows: TextTable, minus: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], str]:
    """Return start, end and tss, 0-based, int64 (n,) each, and the rule that was followed."""
    at, names = rows.roles, rows.names
    start = _integers(rows, "start") if "start" in at else None
    end = _integers(rows, "end") if "end" in at else None
    known = start is not None and end is not None
    first = 0
    if start is not None and end is not None:
        width = _integers(rows, "width") if "width" in at and _is_whole(rows, at["width"]) else None
        first = first_base(names, start, end, width)
        start = start - first
    elif names:
        nothing = np.empty(0, np.int64)
        first = first_base(names, nothing, nothing, None)
    counted = "counted from 1 and closed" if first else "0-based"
    if "tss" in at:
        tss = _integers(rows, "tss") - first
        if start is not None and end is not None:
            begins = np.where(minus, end - 1, start)
            if len(tss) and (tss == begins + 1).all():
                return start, end, begins, "the tss, which counts from 1 where start and end count from 0"
        return tss, tss + 1, tss, f"the tss, {counted}"
    assert start is not None
    if known:
        assert end is not None
        return start, end, np.where(minus, end - 1, start), f"start on +, end on -, {counted}"
    if names[at["chrom"] - 1] == "chromosome" and names[at["start"] - 1] == "start":
        tss = start - minus
        return tss, tss + 1, tss, "CREME's list of genes: Start on +, Start - 1 on -"
    if minus.any():
        raise rows.error(
            int(np.argmax(minus)),
            at["start"],
            "without a column of ends the TSS of a gene on - is not known: add the ends, or a column tss",
        )
    return start, start + 1, start, f"start, {counted}"


def _is_whole(rows: TextTable, column: int) -> bool:
    try:
        rows.integers(column, "width")
    except FormatError:
        return False
    return True


def _integers(rows: TextTable, role: str) -> NDArray[np.int64]:
    column = rows.roles[role]
    try:
        return rows.integers(column, role)
    except FormatError as error:
        message = f"{rows.title[column - 1]} is not an integer"
        raise FormatError(message, path=rows.path, line=error.line, value=error.value) from None


def _texts(rows: TextTable, column: int | None) -> pd.Series | None:
    return None if column is None else rows.strings(column).astype(object)


def _from_bed(rows: TextTable) -> pd.DataFrame:
    path = rows.path
    named = "transcript in column 4, gene in column 7" if rows.n_columns == 7 else "gene in column 4"
    took(path, f"{rows.describe()} read as BED of TSSs, {named}")
    chrom, strand = rows.strings(1), rows.strings(6)
    start, end = rows.integers(2, "start"), rows.integers(3, "end")
    point = start == end
    start = start - point  # 1-based to 0-based; the end of a 1-bp interval stays
    check_possible(chrom, start, end, rows.line, path)
    require_strand(strand, rows.line, path)
    gene = rows.strings(7 if rows.n_columns == 7 else 4)
    return gene_table(
        {
            "gene_id": gene,
            "gene_name": gene,
            "gene_type": None,
            "transcript_id": rows.strings(4) if rows.n_columns == 7 else None,
        },
        chrom=chrom,
        start=start,
        end=end,
        strand=strand,
        canonical=np.zeros(len(rows), dtype=bool),
        line=rows.line,
        path=path,
    )
