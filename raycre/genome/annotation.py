"""Rows of one feature of a gene annotation, GTF or GFF3: genes, transcripts, exons."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from raycre.errors import FormatError
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import iter_text, require_file, took
from raycre.genome.texttable import parse_table

_GFF3 = r"^\s*[A-Za-z_][\w.-]*="
# The first that a row has; GENCODE's GFF3 has those of its GTF beside its own.
_NAMES = {
    "gene": ("gene_id", "ID", "Name"),
    "transcript": ("transcript_id", "ID", "Name"),
    "exon": ("exon_id", "ID", "transcript_id"),
}
_TYPES = ("gene_type", "gene_biotype", "biotype")
# Sequence Ontology's names of what GTF calls a gene or a transcript; Ensembl's and RefSeq's GFF3 have them.
_ALSO = {
    "gene": ("gene", "ncRNA_gene", "pseudogene"),
    "transcript": ("transcript", "mRNA", "lnc_RNA", "ncRNA", "snRNA", "snoRNA", "miRNA", "rRNA", "tRNA",
                   "scRNA", "pseudogenic_transcript", "unconfirmed_transcript"),
}  # fmt: skip


def read_features(path: str | Path, feature: str) -> pd.DataFrame:
    """Read the rows of a feature, in file order.

    GTF and GFF3 are 1-based and closed; the table is 0-based half-open. In GFF3 a gene may also be an
    ncRNA_gene or a pseudogene, and a transcript an mRNA or another kind of RNA.

    Returns:
        chrom, start, end, strand, name (the feature's identifier, None where it has none), gene_type (None
        where it has none; of GFF3's transcripts as well), line.

    Raises:
        MissingInputError: no such file.
        FormatError: not GTF or GFF3, truncated, no row of the feature, or a coordinate that is no integer.
    """
    path = require_file(path)
    wanted = {name.encode() for name in _ALSO.get(feature, (feature,))}
    kept, numbers = [], []
    features: Counter[bytes] = Counter()
    number = 0
    for block in iter_text(path, "GTF or GFF3", takes=("GTF", "GFF3")):
        for line in block.split(b"\n")[:-1]:
            number += 1
            if line.startswith(b"##FASTA"):
                break
            if not line or line.startswith(b"#"):
                continue
            fields = line.split(b"\t", 3)
            name = fields[2] if len(fields) > 3 else b""
            features[name] += 1
            if name in wanted:
                kept.append(line)
                numbers.append(number)
    if not kept:
        found = ", ".join(name.decode("utf-8", "replace") for name, _ in features.most_common(5) if name)
        others = (
            f"; it has {found}" if found else ", nor of any other: GTF and GFF3 have tabs between columns"
        )
        raise FormatError(f"no row of feature {feature}{others}", path=path)
    rows = parse_table(
        b"\n".join([*kept, b""]), path, at_least=9, what="GTF or GFF3", line=np.array(numbers, dtype=np.int64)
    )
    attributes = rows.arrow(9)
    is_gff3 = bool(pc.any(pc.match_substring_regex(attributes, _GFF3)).as_py())
    took(path, f"read as {'GFF3' if is_gff3 else 'GTF'}, {len(rows):,} rows of feature {feature}")
    return pd.DataFrame(
        {
            "chrom": rows.strings(1),
            "start": rows.integers(4, "start") - 1,
            "end": rows.integers(5, "end"),
            "strand": _strands(rows),
            "name": _first_of(attributes, _NAMES.get(feature, ("ID", "gene_id")), is_gff3),
            "gene_type": _first_of(attributes, _TYPES, is_gff3),
            "line": rows.line,
        }
    )


def _strands(rows: TextTable) -> pd.Series:
    strand = rows.strings(7)
    known = strand.isin(["+", "-", ".", "?"])
    if not known.all():
        raise rows.error(int(np.argmin(known.to_numpy())), 7, "the strand (column 7) is not +, - or .")
    return strand.replace("?", ".")


def _first_of(attributes: pa.ChunkedArray, names: tuple[str, ...], is_gff3: bool) -> pd.Series:
    """Return the first of these attributes that each row has, None where it has none."""
    found = None
    for name in names:
        pattern = (
            rf"(?:^|;)\s*{name}=(?P<value>[^;]*)"
            if is_gff3
            else rf'(?:^|[;\s]){name}\s+"?(?P<value>[^";]*)"?'
        )
        values = pc.struct_field(pc.extract_regex(attributes, pattern), "value")
        found = values if found is None else pc.coalesce(found, values)
    assert found is not None
    return pd.Series(found.to_pylist(), dtype=object)
