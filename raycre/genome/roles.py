"""What a file is for, told by its content: genome, signal, loops, labels, regions, genes, weights, tracks."""

from __future__ import annotations

import zlib
from pathlib import Path

from raycre.errors import FormatError
from raycre.genome.classes import CLASSES
from raycre.genome.file_kinds import BOM, GZIP_MAGIC, HEAD, kind_of

BY_KIND = {"FASTA": "fasta", "bigWig": "openness", "wiggle": "openness", "GTF": "gtf"}
COMPANIONS = (".fai", ".gzi", ".tbi", ".csi", ".bai", ".2bit", ".md", ".yaml", ".yml", ".log", ".html")


def role_of(path: Path, start: bytes | None = None) -> str | None:
    """Return the key that a file is for: fasta, openness, loops, labels, regions, blacklist, gtf, genes,
    tss_table, weights or track_table; None where nothing tells.

    Args:
        path: of the file.
        start: its first `HEAD` bytes; by default they are read.

    Raises:
        FormatError: a kind that no verb reads; it is named with what to do.
    """
    head = _head(path, start)
    if not head.strip():
        return None
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27:
        return "weights"  # safetensors
    if path.suffix in (".pth", ".pt", ".bin", ".ckpt"):
        return "weights"
    kind = kind_of(head)
    if kind is not None and kind.name == "Parquet":
        return "regions"
    if kind is not None and kind.name not in BY_KIND:
        raise FormatError(f"this is {kind.name}, which no verb reads; {kind.remedy}", path=path)
    return BY_KIND[kind.name] if kind is not None else _role_of_text(path, head)


def _head(path: Path, start: bytes | None) -> bytes:
    if start is None:
        with path.open("rb") as file:
            start = file.read(HEAD)
    head = start
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            raise FormatError("gzip that is damaged; get it again", path=path) from None
    return head.removeprefix(BOM)


def _role_of_text(path: Path, head: bytes) -> str | None:
    lines = head.decode("latin-1").splitlines()
    lines = lines[:-1] if len(head) >= HEAD else lines
    words = ("#", "track ", "browser ")
    rows = [line.rstrip().split("\t") for line in lines if line.strip() and not line.startswith(words)]
    if not rows:
        return None
    title, first = rows[0], rows[min(1, len(rows) - 1)]
    names = {name.strip().casefold() for name in title}
    if {"identifier", "description"} <= names:
        return "track_table"
    if "tss" in names:
        return "tss_table"
    if len(first) == 1:
        return "genes" if " " not in first[0] and "," not in first[0] else None
    if len(first) >= 6 and _numbers(first, 1, 2, 4, 5):
        return "loops"
    if len(first) >= 3 and _numbers(first, 1, 2):
        return _role_of_bed(path, rows)
    return None


def _role_of_bed(path: Path, rows: list[list[str]]) -> str:
    if "blacklist" in path.name.casefold():
        return "blacklist"
    named = [row[3] for row in rows if len(row) > 3]
    if named and all(name in CLASSES for name in named):
        return "labels"
    if len(rows[-1]) == 4 and _is_number(rows[-1][3]):
        return "openness"  # bedGraph
    return "regions"


def _numbers(row: list[str], *columns: int) -> bool:
    return all(row[column].strip().isdigit() for column in columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
