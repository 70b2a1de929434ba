"""Whether an index is that of its FASTA: every record's header, lines and end are where the index has them.

A `.fai` is believed on its word by every reader, so a stale one gives shifted bases or another chromosome's.
The check reads two short pieces of each record: what lies between it and the next, and its first line.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import pyfaidx

from raycre.errors import FormatError

_LONGEST_GAP = 1 << 20  # bytes between two records: one header and blank lines
_LINE = 4096  # bytes of a record's first line that are looked at
_HEADER = re.compile(rb"\s*>[ \t]*(\S+)[^\n]*(?:\n|\Z)")
_FIRST_HEADER = re.compile(rb"(?:;[^\n]*\n|\s)*>[ \t]*(\S+)[^\n]*(?:\n|\Z)")
_EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # BGZF, SAM spec 4.1.2
_SAMPLED = 64  # blocks of a .gzi that are looked at besides those with headers

ReadAt = Callable[[int, int], bytes]


def check_fits(faidx: pyfaidx.Faidx, path: Path) -> str | None:
    """Say what of a loaded index is not where it says; None where all is.

    Raises:
        FormatError: the FASTA ends before its index does, and all headers before that are in place.
    """
    if getattr(faidx, "_bgzf", False):
        with _Blocks(path, [(block.cstart, block.ustart) for block in faidx.gzi_index]) as blocks:
            return blocks.misfit() or _misfit(faidx.index, blocks.read, blocks.size, path)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _misfit(faidx.index, lambda at, n: content[at : at + n], len(content), path)


def _misfit(index: Mapping[str, pyfaidx.IndexRecord], read: ReadAt, size: int, path: Path) -> str | None:
    if not index:
        return "it names no sequence"
    records = sorted(index.items(), key=lambda item: item[1].offset)
    end, bases, header = 0, 0, _FIRST_HEADER
    for number, (name, record) in enumerate(records):
        start = record.offset
        if start > size and number:
            raise _cut(name, start, size, path)
        if not 0 < start - end <= _LONGEST_GAP:
            return f"{name} cannot begin at byte {start:,}"
        # The last base of the record before belongs to the piece: a length wrong by one shows there.
        before = read(end - bool(bases), start - end + bool(bases))
        found = header.fullmatch(before, bool(bases))
        whole = (
            before.endswith(b"\n") or start == size
        )  # the last record may be a header alone, without its end
        if found is None or not whole or found[1] != name.encode() or (bases and not _ends_line(before)):
            return f"no line >{name} before byte {start:,}"
        header, bases = _HEADER, record.rlen
        end = start + (_bytes_to(record, bases - 1) + 1 if bases else 0)
        if end > size:
            raise _cut(name, end, size, path)
        if bases and (wrong := _first_line(record, read, end)):
            return f"{name}: {wrong}"
    rest = read(end - bool(bases), min(size - end, _LONGEST_GAP) + bool(bases))
    if (bases and rest[:1] in (b"\n", b"\r")) or rest[bool(bases) :].strip():
        return f"{records[-1][0]} does not end at byte {end:,}"
    return None


def _cut(name: str, end: int, size: int, path: Path) -> FormatError:
    return FormatError(
        f"its index has {name} up to byte {end:,}, the file has {size:,}; the file is truncated, get it "
        "again; or it was replaced, then delete its .fai and .gzi",
        path=path,
    )


def _bytes_to(record: pyfaidx.IndexRecord, base: int) -> int:
    """Bytes from the record's first base to a later one, line ends included."""
    lines, rest = divmod(base, record.lenc) if record.lenc > 0 else (0, base)
    return int(lines * record.lenb + rest)


def _ends_line(piece: bytes) -> bool:
    """Whether the piece is one base and then the end of its line."""
    return piece[:1] not in (b"\n", b"\r", b">") and piece[1:2] in (b"\n", b"\r")


def _first_line(record: pyfaidx.IndexRecord, read: ReadAt, end: int) -> str | None:
    """Say what is wrong with where the first line ends; the others are as long, or no index was made."""
    width, wrong = record.lenc, f"its lines are not {record.lenc:,} bases long"
    if width < 1 or record.lenb < width:
        return wrong
    line = read(record.offset, min(width, end - record.offset, _LINE))
    if b"\n" in line or b"\r" in line or b">" in line:
        return wrong
    if record.rlen > width:
        edge = read(record.offset + width - 1, record.lenb - width + 2)
        if edge[1:-1] not in (b"\n", b"\r\n") or edge[:1] in b"\r\n" or edge[-1:] in b"\r\n":
            return wrong
    return None


class _Blocks:
    """Uncompressed bytes of a bgzip file by way of the offsets in its .gzi: (compressed, uncompressed)."""

    def __init__(self, path: Path, offsets: list[tuple[int, int]]) -> None:
        self._offsets = sorted(offsets)
        self._starts = [uncompressed for _, uncompressed in self._offsets]
        self._held: tuple[int, bytes] = (-1, b"")
        self._file = path.open("rb")
        self._file_size = os.fstat(self._file.fileno()).st_size
        self.size = 0

    def __enter__(self) -> _Blocks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def misfit(self) -> str | None:
        """Say whether the offsets are not those of this file: the last block, and some before it."""
        last = len(self._offsets) - 1
        step = max(1, last // _SAMPLED)
        try:
            for number in range(0, last, step):
                self._block(number)
            content, end = self._load(last)
        except (struct.error, zlib.error, ValueError) as error:
            return f"its .gzi is not that of the file ({error})"
        self._file.seek(end)
        # Some writers list the end marker, an empty block, as a block.
        if content if end == self._file_size else self._file.read() != _EOF_BLOCK:
            return f"its .gzi ends at byte {end:,} of {self._file_size:,}"
        self.size = self._starts[last] + len(content)
        return None

    def read(self, at: int, n: int) -> bytes:
        """Return up to n bytes from an uncompressed offset; fewer at the end, b"" where the .gzi is wrong."""
        parts = []
        try:
            while n > 0 and at < self.size:
                number = bisect_right(self._starts, at) - 1
                part = self._block(number)[at - self._starts[number] :][:n]
                if not part:
                    break
                parts.append(part)
                at, n = at + len(part), n - len(part)
        except (struct.error, zlib.error, ValueError):
            return b""
        return b"".join(parts)

    def _block(self, number: int) -> bytes:
        if self._held[0] != number:
            content, _ = self._load(number)
            if number + 1 < len(self._starts) and self._starts[number + 1] != self._starts[number] + len(
                content
            ):
                raise ValueError(f"block {number:,} has {len(content):,} bytes")
            self._held = number, content
        return self._held[1]

    def _load(self, number: int) -> tuple[bytes, int]:
        """Unpack one block; return its content, and the compressed offset of the next."""
        at = self._offsets[number][0]
        self._file.seek(at)
        fixed = self._file.read(12)
        magic, n_extra = fixed[:4], struct.unpack("<H", fixed[10:12])[0]
        extra, length = self._file.read(n_extra), None
        while len(extra) >= 4:
            field, n = extra[:2], struct.unpack("<H", extra[2:4])[0]
            if field == b"BC" and n == 2:
                length = struct.unpack("<H", extra[4:6])[0] + 1
            extra = extra[4 + n :]
        if magic != b"\x1f\x8b\x08\x04" or length is None:
            raise ValueError(f"no block at byte {at:,}")
        packed = self._file.read(length - 12 - n_extra)
        return zlib.decompress(packed[:-8], wbits=-15), at + length
