"""Expression of genes: a table of genes and tissues (TPM), or a bigWig averaged over each gene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes
from raycre.errors import ConfigError, FormatError, near
from raycre.genome.averages import average_over
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.textfile import read_text, require_file, took
from raycre.genome.texttable import layout, parse_table
from raycre.genome.titles import SYNONYMS, plain

_VERSION = r"\.\d+$"
_WHAT = "a table of genes and tissues"


def read_matrix(path: str | Path) -> pd.DataFrame:
    """Read genes x tissues: a title, then a row a gene; GTEx's and SNPsea's .gct, too.

    The first column has the genes; a second column of names (gene_name, Description) is left out.

    Returns:
        float64 frame, indexed by gene, a column a tissue.

    Raises:
        MissingInputError: no such file.
        FormatError: no tissue, a gene that is there twice, or a value that is missing or negative.
    """
    path = require_file(path)
    text = read_text(path, _WHAT)
    lines = text.split(b"\n")
    skipped = 2 if lines[0].startswith(b"#1.") else 0  # .gct: its version and its size
    head = lines[skipped].lstrip(b"#")
    separator, _ = layout(head)
    title = [cell.strip().strip('"') for cell in head.decode("utf-8", "replace").split(separator)]
    body = b"\n".join(lines[skipped + 1 :])
    numbers = np.arange(skipped + 2, len(lines) + 1)
    if not body.strip():
        raise FormatError("the table has no rows", path=path)
    rows = parse_table(body, path, at_least=2, what=_WHAT, line=numbers)
    if rows.n_columns != len(title):
        raise FormatError(
            f"{rows.n_columns} columns below a title of {len(title)}", path=path, line=skipped + 2
        )
    named = {i for i, name in enumerate(title) if i and plain(name) in _NAMES}
    columns = [i for i in range(1, len(title)) if i not in named]
    if not columns:
        raise FormatError(f"no column of numbers beside the genes; it has {', '.join(title)}", path=path)
    values = np.column_stack([rows.floats(i + 1, title[i]) for i in columns])
    bad = ~np.isfinite(values) | (values < 0)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        raise rows.error(
            row, columns[column] + 1,
            f"the value of {title[columns[column]]} is missing, infinite or negative; fill it (0 where a "
            "gene is not expressed), or leave the gene out",
        )  # fmt: skip
    genes = rows.strings(1)
    twice = genes.duplicated()
    if twice.any():
        raise rows.error(int(twice.to_numpy().argmax()), 1, "two rows have this gene; join or remove one")
    took(path, f"{len(genes):,} genes x {len(columns)} columns read as {_WHAT}")
    return pd.DataFrame(values, index=pd.Index(genes, name="gene"), columns=[title[i] for i in columns])


_NAMES = {*SYNONYMS["gene_name"], *SYNONYMS["gene_id"], "description", "transcriptid", "transcriptids"}


def rows_of_genes(matrix: pd.DataFrame, genes: pd.DataFrame, path: Path) -> NDArray[np.int64]:
    """Return the row of each gene in a matrix, int64 (genes,); -1 where it has none.

    Genes are looked up by name, by id, and by id without its version: the one that finds most.

    Raises:
        FormatError: none of the genes is in the matrix.
    """
    index = pd.Index(matrix.index.astype(str))
    bare = index.str.replace(_VERSION, "", regex=True)
    tries = [
        index.get_indexer(genes["gene_name"].astype(str)),
        index.get_indexer(genes["gene_id"].astype(str)),
    ]
    if bare.is_unique:
        tries.append(bare.get_indexer(genes["gene_id"].astype(str).str.replace(_VERSION, "", regex=True)))
    found = max(tries, key=lambda rows: int((rows >= 0).sum()))
    if not (found >= 0).any():
        raise FormatError(
            f"none of the genes ({', '.join(genes['gene_name'].astype(str).unique()[:3])}, …) is in it, but "
            f"{', '.join(index[:3])}, …",
            path=path,
        )
    rows: NDArray[np.int64] = np.asarray(found, dtype=np.int64)
    return rows


def read_expression(path: Path, genes: pd.DataFrame, tissue: str | None) -> NDArray[np.float64]:
    """Return the expression of each row of a gene table, float64 (n,); NaN where there is none.

    Args:
        path: table of genes and TPM, or bigWig, whose mean over the gene's bases is taken (without data: 0).
        genes: chrom, start, end, gene_id, gene_name.
        tissue: column of the table; None where it has one.

    Raises:
        ConfigError: several columns and none named, or no such column.
        InputError: as `read_matrix` and `rows_of_genes`.
    """
    if is_bigwig(require_file(path)):
        signal = BigWig(path, signed=True)
        try:
            check_chromosomes(genes, {name: length or 0 for name, length in signal.lengths.items()}, path)
            mean: NDArray[np.float64] = average_over(genes, signal)["mean0"]
        finally:
            signal.close()
        return mean
    matrix = read_matrix(path)
    names = [str(name) for name in matrix.columns]
    if tissue is None and len(names) > 1:
        raise ConfigError(f"the table has {len(names)} columns: {', '.join(names[:5])}, …; see --tissue",
                          path=path)  # fmt: skip
    column = names[0] if tissue is None else tissue
    if column not in names:
        raise ConfigError(
            f"no such column{near(column, names)}; it has {', '.join(names[:5])}", path=path, value=column
        )
    row = rows_of_genes(matrix, genes, path)
    values = matrix[column].to_numpy()[row]
    return np.where(row >= 0, values, np.nan)
