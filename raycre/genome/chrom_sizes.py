"""Chromosome lengths without a FASTA: the two-column table that UCSC calls chrom.sizes."""

from __future__ import annotations

from pathlib import Path

from raycre.errors import FormatError
from raycre.genome.textfile import took
from raycre.genome.texttable import Titles, read_text_table


def read_sizes(path: str | Path) -> dict[str, int]:
    """Read name and length of each chromosome, tab-separated, plain or gzip; further columns are not read.

    So a .fai does as well.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, a length that is no positive integer, or a name that is given twice.
    """
    rows = read_text_table(path, at_least=2, what="chromosome sizes", titles=Titles(("chrom", "size")))
    names = rows.strings(rows.roles.get("chrom", 1))
    lengths = rows.integers(rows.roles.get("size", 2), "length")
    for bad, what in ((lengths < 1, "the length is not positive"), (names.duplicated(), "given twice")):
        if bad.any():
            row = int(bad.argmax())
            raise FormatError(what, path=rows.path, line=int(rows.line[row]), value=names.iloc[row])
    took(rows.path, f"{rows.describe()} read as chromosome sizes")
    return dict(zip(names, lengths.tolist(), strict=True))
