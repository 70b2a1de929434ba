"""Places of variants as intervals: from POS - 1, as long as REF, or to INFO/END where there is one.

VCF is text and counts from 1; BCF 2 is its binary form and counts from 0 (VCF specification, section 6).
"""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from raycre.errors import FormatError
from raycre.genome.textfile import GZIP_ERRORS, damaged_gzip, read_text, took
from raycre.genome.texttable import parse_table

_END = r"(?:^|;)END=(?P<end>[0-9]+)(?:;|$)"
_CONTIG = re.compile(r"^##contig=<(.*)>$", re.MULTILINE)
_MAGIC = b"BCF\x02"


def read_vcf(path: Path) -> tuple[pd.DataFrame, int]:
    """Read a VCF's records as intervals; second, rows without a place, which are none: always 0.

    Raises:
        FormatError: not VCF, truncated, or a position that is no positive integer.
    """
    rows = parse_table(read_text(path, "VCF", takes=("VCF",)), path, at_least=5, what="VCF")
    position = rows.integers(2, "position")
    if (position < 1).any():
        row = int(np.argmax(position < 1))
        raise rows.error(row, 2, "positions of a VCF begin at 1")
    length = pc.utf8_length(rows.arrow(4)).to_numpy().astype(np.int64)
    end = position - 1 + length
    if rows.n_columns >= 8:
        stated = pc.struct_field(pc.extract_regex(rows.arrow(8), _END), "end")
        stated = pc.fill_null(pc.cast(stated, "int64"), -1).to_numpy()
        end = np.where(stated >= position, stated, end)
    name = rows.strings(3)
    took(path, f"VCF of {len(rows):,} variants: their places are regions")
    table = pd.DataFrame(
        {
            "chrom": rows.strings(1),
            "start": position - 1,
            "end": end,
            "name": pd.Series([None if each == "." else each for each in name], dtype=object),
            "line": rows.line,
        }
    )
    return table, 0


def read_bcf(path: Path) -> tuple[pd.DataFrame, int]:
    """Read a BCF's records as intervals; line is the record's number.

    Raises:
        FormatError: truncated, damaged, or of BCF 1.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rb") as content:
            data = content.read()
    except GZIP_ERRORS as error:
        raise damaged_gzip(path, error) from error
    if not data.startswith(_MAGIC):
        raise FormatError(
            "BCF of version 1, which nobody writes any more; bcftools view -Ob writes 2", path=path
        )
    (n_text,) = struct.unpack_from("<I", data, 5)
    contigs = _contigs(data[9 : 9 + n_text].rstrip(b"\0").decode("utf-8", "replace"))
    at = 9 + n_text
    found: list[tuple[str, int, int]] = []
    while at < len(data):
        try:
            shared, each, chrom, position, length = struct.unpack_from("<IIiii", data, at)
        except struct.error:
            raise _cut_bcf(path, len(found) + 1) from None
        at += 8 + shared + each
        if at > len(data):
            raise _cut_bcf(path, len(found) + 1)
        if chrom not in contigs:
            raise FormatError(
                "a record of a contig that the header does not have; get the file again",
                path=path,
                line=len(found) + 1,
                value=chrom,
            )
        found.append((contigs[chrom], position, position + max(length, 1)))
    if not found:
        raise FormatError("the BCF has no records", path=path)
    took(path, f"BCF of {len(found):,} variants: their places are regions")
    table = pd.DataFrame(found, columns=["chrom", "start", "end"])
    return table.assign(line=np.arange(1, len(table) + 1)), 0


def _contigs(header: str) -> dict[int, str]:
    """Return the contigs of a header by the number that records have for them."""
    found = {}
    for order, fields in enumerate(_CONTIG.findall(header)):
        values = dict(re.findall(r'(\w+)=("[^"]*"|[^,]*)', fields))
        found[int(values.get("IDX", order))] = values["ID"]
    return found


def _cut_bcf(path: Path, record: int) -> FormatError:
    return FormatError("the BCF ends within this record; get the file again", path=path, line=record)
