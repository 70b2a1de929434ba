"""Transcripts of a GTF file (GENCODE or Ensembl), one row each. It does not choose among them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.intervals import check_possible
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import iter_text, require_file, took
from raycre.genome.texttable import parse_table

_TRANSCRIPT = b"\ttranscript\t"
_LOOKED_AT = 1 << 20  # bytes whose features are named where none is a transcript
# GENCODE and Ensembl write one tag each; others join several with commas.
_CANONICAL = (
    r'(?:^|[;\s])tag\s+(?:"(?:[^"]*[,;\s])?Ensembl_canonical(?:[,;\s][^"]*)?"'
    r'|(?:[^"\s;]*,)?Ensembl_canonical(?:[,;\s]|$))'
)
GENE_COLUMNS = (
    "gene_id", "gene_name", "gene_type", "transcript_id", "chrom", "start", "end", "strand", "tss",
    "canonical", "line",
)  # fmt: skip


def read_genes(gtf_path: str | Path) -> pd.DataFrame:
    """Read the rows of feature "transcript", in file order.

    GTF is 1-based and closed; the table is 0-based half-open. The TSS is the transcript's first base:
    its start on +, its end - 1 on -.

    Returns:
        gene_id: with its version (Ensembl writes it as an attribute of its own; it is joined with a dot).
        gene_name: the gene_id where the gene has no name.
        gene_type: GENCODE gene_type or Ensembl gene_biotype, None where there is neither.
        transcript_id, chrom, strand: str.
        start, end, tss: int64; line: int64, 1-based.
        canonical: bool, the tag Ensembl_canonical (GENCODE 38 and later).
        `attrs["path"]` is the file, for the errors of `select_genes`.

    Raises:
        MissingInputError: no such file.
        FormatError: truncated, not GTF, without transcripts, or a transcript without gene_id.
        RegionError: an interval that cannot be.
    """
    path = require_file(gtf_path)
    text, line = _read_transcript_lines(path)
    rows = parse_table(text, path, at_least=9, what="GTF", line=line)
    rows = rows.select(pc.equal(rows.arrow(3), "transcript").to_numpy())
    chrom, strand = rows.strings(1), rows.strings(7)
    start, end = rows.integers(4, "start") - 1, rows.integers(5, "end")
    check_possible(chrom, start, end, rows.line, path)
    require_strand(strand, rows.line, path)
    attributes = rows.arrow(9)
    _refuse_gff3(attributes, rows)
    canonical = pc.match_substring_regex(attributes, _CANONICAL).to_numpy()
    took(path, f"read as GTF, {len(rows):,} transcripts, {int(canonical.sum()):,} tagged Ensembl_canonical")
    gene_id = _with_version(attributes, "gene", rows)
    return gene_table(
        {
            "gene_id": gene_id,
            "gene_name": pc.coalesce(_attribute(attributes, "gene_name"), gene_id),
            "gene_type": pc.coalesce(
                _attribute(attributes, "gene_type"), _attribute(attributes, "gene_biotype")
            ),
            "transcript_id": _with_version(attributes, "transcript", rows),
        },
        chrom=chrom,
        start=start,
        end=end,
        strand=strand,
        canonical=canonical,
        line=rows.line,
        path=path,
    )


def gene_table(
    texts: dict[str, pa.ChunkedArray | pd.Series | None],
    *,
    chrom: pd.Series,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    strand: pd.Series,
    canonical: NDArray[np.bool_],
    line: NDArray[np.int64],
    path: Path,
) -> pd.DataFrame:
    """Put the columns of `GENE_COLUMNS` together; the TSS is the first base in the gene's direction."""
    table = pd.DataFrame(
        {
            **{name: _objects(values) for name, values in texts.items()},
            "chrom": chrom.to_numpy(dtype=object),
            "start": start,
            "end": end,
            "strand": strand.to_numpy(dtype=object),
            "tss": np.where(strand == "+", start, end - 1),
            "canonical": canonical,
            "line": line,
        }
    )[list(GENE_COLUMNS)]
    table.attrs["path"] = str(path)
    return table


def _objects(values: pa.ChunkedArray | pd.Series | None) -> pd.Series | None:
    """Return str or None, whatever kept them."""
    if values is None:
        return None
    return pd.Series(
        values.to_pylist() if isinstance(values, pa.ChunkedArray) else list(values), dtype=object
    )


def require_strand(strand: pd.Series, line: NDArray[np.int64], path: Path) -> None:
    """Refuse rows without a direction: FormatError with the first line that is neither + nor -."""
    bad = ~strand.isin(["+", "-"]).to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        raise FormatError(
            "the strand of a transcript must be + or -",
            path=path,
            line=int(line[row]),
            value=strand.iloc[row],
        )


def _read_transcript_lines(path: Path) -> tuple[bytes, NDArray[np.int64]]:
    """Stream the file, for its text is 10 to 20 times what is kept; return lines, and their numbers."""
    kept: list[bytes] = []
    numbers: list[int] = []
    features: Counter[bytes] = Counter()
    n_lines = 0
    for block in iter_text(path, "GTF", takes=("GTF",)):
        if not n_lines:
            lines = block[:_LOOKED_AT].split(b"\n")
            features.update(line.split(b"\t")[2] for line in lines if line.count(b"\t") > 7)
        # Blocks are searched for the word alone: lines of other features are never taken apart.
        done, at = 0, block.find(_TRANSCRIPT)
        while at >= 0:
            begin, end = block.rfind(b"\n", 0, at) + 1, block.index(b"\n", at) + 1
            n_lines += block.count(b"\n", done, end)
            kept.append(block[begin:end])
            numbers.append(n_lines)
            done, at = end, block.find(_TRANSCRIPT, end)
        n_lines += block.count(b"\n", done)
    if not kept:
        found = ", ".join(name.decode("utf-8", "replace") for name, _ in features.most_common(5))
        raise FormatError(
            "no line of feature transcript: not a GTF file (columns are separated by tabs), or one without "
            "transcripts" + (f" (it has {found}); give the GTF of GENCODE or Ensembl" if found else ""),
            path=path,
        )
    return b"".join(kept), np.array(numbers, dtype=np.int64)


def _refuse_gff3(attributes: pa.ChunkedArray, rows: TextTable) -> None:
    """Refuse attributes written KEY=VALUE: FormatError with the first such line."""
    gff3 = pc.match_substring_regex(attributes, r"^\s*\w+=").to_numpy()
    if gff3.any():
        row = int(np.argmax(gff3))
        raise FormatError(
            'these are GFF3\'s attributes (KEY=VALUE) where a GTF has KEY "VALUE"; give the GTF of the same '
            "release, or make one (gffread FILE -T -o NEW.gtf)",
            path=rows.path,
            line=int(rows.line[row]),
            value=rows.value(row, 9)[:60],
        )


def _attribute(attributes: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return the value of an attribute, in quotes or not, null where a row does not have it."""
    pattern = rf'(?:^|[;\s]){name}\s+(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s";]+))'
    found = pc.extract_regex(attributes, pattern)
    quoted, bare = (pc.struct_field(found, part) for part in ("quoted", "bare"))
    return pc.if_else(pc.equal(bare, ""), quoted, bare)


def _with_version(attributes: pa.ChunkedArray, kind: str, rows: TextTable) -> pa.ChunkedArray:
    """Return gene_id or transcript_id with its version; FormatError for a row without the id."""
    identifier = _attribute(attributes, f"{kind}_id")
    missing = pc.is_null(identifier).to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        raise FormatError(f"the transcript has no {kind}_id", path=rows.path, line=int(rows.line[row]))
    version = _attribute(attributes, f"{kind}_version")
    joined = pc.binary_join_element_wise(identifier, version, ".")
    return pc.coalesce(joined, identifier)
