"""Exons and coding parts of transcripts, of a GTF file."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from raycre.genome.textfile import iter_text

# Chromosome, feature, start, end, transcript_id with or without quotes; of no other line.
_PART = re.compile(
    rb"^([^\t\n]+)\t[^\t\n]*\t(exon|CDS)\t(\d+)\t(\d+)\t[^\n]*?[\t ;]transcript_id \"?([^\";\n]+)",
    re.MULTILINE,
)


@dataclass
class TranscriptParts:
    """What a transcript is made of, 0-based half-open, along the chromosome.

    Attributes:
        exons: (start, end) of each.
        coding: start of the first coding base and end of the last one; None without one.
    """

    exons: list[tuple[int, int]] = field(default_factory=list)
    coding: tuple[int, int] | None = None


def read_transcript_parts(
    path: str | Path, transcripts: Collection[tuple[str, str]]
) -> dict[tuple[str, str], TranscriptParts]:
    """Read exons and coding parts of some transcripts.

    Args:
        path: GTF, 1-based and closed.
        transcripts: (chrom, transcript_id) of each; versions of ids are not looked at.

    Returns:
        By (chrom, transcript_id) as given; one without a line of these features is not there.

    Raises:
        MissingInputError, FormatError: as `textfile.iter_text`.
    """
    wanted = {(chrom.encode(), _unversioned(name.encode())): (chrom, name) for chrom, name in transcripts}
    found: dict[tuple[str, str], TranscriptParts] = {}
    for block in iter_text(path, "GTF", takes=("GTF",)):
        for chrom, feature, first, last, name in _PART.findall(block):
            key = wanted.get((chrom, _unversioned(name)))
            if key is None:
                continue
            parts = found.setdefault(key, TranscriptParts())
            start, end = int(first) - 1, int(last)
            if feature == b"exon":
                parts.exons.append((start, end))
            elif parts.coding is None:
                parts.coding = start, end
            else:
                parts.coding = min(parts.coding[0], start), max(parts.coding[1], end)
    for parts in found.values():
        parts.exons.sort()
    return {key: parts for key, parts in found.items() if parts.exons}


def _unversioned(name: bytes) -> bytes:
    return name.partition(b".")[0]
