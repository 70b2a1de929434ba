"""Variants of a VCF, block by block: a file of the whole of dbSNP is never in memory. No index is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from raycre.errors import FormatError
from raycre.genome.textfile import iter_text, require_file, took
from raycre.genome.texttable import parse_table

_WHAT = "VCF (chromosome, position, id, reference, alternatives, …)"
_CONTIG = re.compile(rb"##contig=<(?=[^>\n]*\bID=([^,>\n]+))(?=[^>\n]*\blength=(\d+))", re.MULTILINE)
_HEADER_BYTES = 1 << 22


def read_vcf_lengths(path: str | Path) -> dict[str, int]:
    """Return bp of the chromosomes that the header names; none where it names none.

    Raises:
        MissingInputError: no such file.
        FormatError: not a VCF.
    """
    head = next(iter_text(path, _WHAT, takes=("VCF",), block_size=_HEADER_BYTES), b"")
    if not head.startswith(b"##fileformat=VCF"):
        raise FormatError(
            "not a VCF, whose first line is ##fileformat=VCF…; variants are given as VCF, plain or bgzip",
            path=require_file(path),
            line=1,
            value=head.split(b"\n", 1)[0][:60].decode("utf-8", "replace"),
        )
    return {name.decode(): int(length) for name, length in _CONTIG.findall(head)}


def iter_vcf(path: str | Path) -> Iterator[pd.DataFrame]:
    """Yield variants in blocks: chrom, position (int64, 1-based as in the file), id, ref, alt, snv (bool).

    snv is dbSNP's VC=SNV in INFO where a block has VC, else a reference and alternatives of one base.

    Raises:
        MissingInputError: no such file.
        FormatError: not VCF, damaged, fewer than five columns, or a position that is no integer.
    """
    path = require_file(path)
    n_lines = n_rows = 0
    for block in iter_text(path, _WHAT, takes=("VCF",)):
        lines = np.arange(n_lines + 1, n_lines + block.count(b"\n") + 1)
        n_lines += len(lines)
        if block.startswith(b"#") and block.rfind(b"\n#") == block.rfind(b"\n", 0, -1):
            continue  # of nothing but the header
        rows = parse_table(block, path, at_least=5, what=_WHAT, line=lines)
        n_rows += len(rows)
        position = rows.integers(2, "position")
        if (position < 0).any():
            raise rows.error(int(np.argmax(position < 0)), 2, "the position is negative")
        ref, alt = rows.arrow(4), rows.arrow(5)
        single = pc.and_(
            pc.equal(pc.utf8_length(ref), 1), pc.match_substring_regex(alt, r"^[ACGTNacgtn](,[ACGTNacgtn])*$")
        )
        if rows.n_columns >= 8 and pc.any(pc.match_substring_regex(rows.arrow(8), r"(^|;)VC=")).as_py():
            single = pc.match_substring_regex(rows.arrow(8), r"(^|;)VC=SNV(;|$)")
        yield pd.DataFrame(
            {
                "chrom": rows.strings(1),
                "position": position,
                "id": rows.strings(3),
                "ref": rows.strings(4),
                "alt": rows.strings(5),
                "snv": single.to_numpy(),
            }
        )
    if not n_rows:
        raise FormatError("the VCF has a header and no variant; get the file again", path=path)
    took(path, f"{n_rows:,} variants read as VCF, from first to last (no index is needed)")
