"""TSS lists in the forms that people have them, as the columns of `gtf.GENE_COLUMNS`. Chooses nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.gtf import gene_table, require_strand
from raycre.genome.intervals import check_possible
from raycre.genome.textfile import parse_table, read_text, require_file

_CREME = {"Chromosome", "Start", "gene_name", "gene_id", "Strand"}  # CREME's lists of selected genes
_PLAIN = {"chrom", "tss", "strand", "gene_id", "gene_name"}


def read_tss_table(path: str | Path) -> pd.DataFrame:
    """Read a list of TSSs; the columns are those of `read_genes`, `canonical` is False throughout.

    - CREME's CSV (Chromosome, Start, gene_name, gene_id, Strand): Start is the 0-based TSS on +, and the
      position after it on -, so tss = Start - 1 there.
    - CSV, TSV or Parquet with chrom, tss (0-based), strand, gene_id, gene_name; also gene_type and
      transcript_id where present.
    - BED of six columns or more: tss = start on +, end - 1 on -; the name is both gene_id and gene_name.
      A row of zero length holds the *1-based* position in both columns (the TSS files of the ENCODE cCRE
      pipeline), so tss = start - 1. With exactly seven columns, as in those files, column 4 is the
      transcript and column 7 the gene.

    Where only a TSS is known, start and end are those of its base.

    Raises:
        MissingInputError: no such file.
        FormatError: none of these forms, or a value that cannot be read.
        RegionError: an interval or TSS that cannot be.
    """
    path = require_file(path)
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            return _from_frame(_read_parquet(path), path, np.int64(1))
    text = read_text(path)
    title = text.partition(b"\n")[0].decode("utf-8", "replace").strip()
    for delimiter in (",", "\t"):
        names = set(title.lstrip("#").split(delimiter))
        if names >= _CREME or names >= _PLAIN:
            return _from_frame(_read_delimited(text, delimiter, path), path, np.int64(2))
    return _from_bed(text, path)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"the Parquet file is truncated or damaged ({error})", path=path) from error


def _read_delimited(text: bytes, delimiter: str, path: Path) -> pd.DataFrame:
    try:
        table = pcsv.read_csv(
            pa.py_buffer(text.removeprefix(b"#")),
            parse_options=pcsv.ParseOptions(delimiter=delimiter),
            convert_options=pcsv.ConvertOptions(column_types=dict.fromkeys(_CREME | _PLAIN, pa.string())),
        )
    except pa.ArrowInvalid as error:
        raise FormatError(f"the table cannot be read ({error})", path=path) from error
    return table.to_pandas()


def _from_frame(frame: pd.DataFrame, path: Path, first_line: np.int64) -> pd.DataFrame:
    creme = set(frame.columns) >= _CREME
    if not creme and not set(frame.columns) >= _PLAIN:
        lacking = ", ".join(sorted(_PLAIN - set(frame.columns)))
        raise FormatError(
            f"a table of TSSs needs the columns {', '.join(sorted(_PLAIN))}; {lacking} are not there",
            path=path,
        )
    if not len(frame):
        raise FormatError("the table has no rows", path=path)
    line = np.arange(len(frame), dtype=np.int64) + first_line
    chrom, strand = (
        frame[c].astype(object) for c in (("Chromosome", "Strand") if creme else ("chrom", "strand"))
    )
    require_strand(strand, line, path)
    tss = _integers(frame["Start" if creme else "tss"], line, path)
    if creme:
        tss = tss - (strand == "-").to_numpy()
    texts = {name: frame.get(name) for name in ("gene_id", "gene_name", "gene_type", "transcript_id")}
    return _points(texts, chrom, tss, strand, line, path)


def _integers(column: pd.Series, line: NDArray[np.int64], path: Path) -> NDArray[np.int64]:
    good = column.astype(str).str.fullmatch(r"-?\d{1,18}").to_numpy()
    if not good.all():
        row = int(np.argmin(good))
        raise FormatError(
            f"{column.name} is not an integer", path=path, line=int(line[row]), value=str(column.iloc[row])
        )
    return column.to_numpy().astype(np.int64)


def _from_bed(text: bytes, path: Path) -> pd.DataFrame:
    rows = parse_table(text, path, at_least=6, what="a TSS list (BED6, or a table with a title line)")
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


def _points(
    texts: dict[str, pd.Series | None],
    chrom: pd.Series,
    tss: NDArray[np.int64],
    strand: pd.Series,
    line: NDArray[np.int64],
    path: Path,
) -> pd.DataFrame:
    check_possible(chrom, tss, tss + 1, line, path)
    return gene_table(
        texts,
        chrom=chrom,
        start=tss,
        end=tss + 1,
        strand=strand,
        canonical=np.zeros(len(tss), dtype=bool),
        line=line,
        path=path,
    )
