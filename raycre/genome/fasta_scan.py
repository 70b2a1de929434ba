"""Finds the sequences of a FASTA stream: names, lengths and line widths. It knows no files and no indexes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError

_NEWLINE, _RETURN, _HEADER = 10, 13, ord(">")


class Sequence(NamedTuple):
    """One row of a .fai: bases, byte offset of the first base, bases a line, bytes a line."""

    length: int
    offset: int
    line_bases: int
    line_bytes: int

    def offset_of(self, base: int) -> int:
        """Return the byte offset of a 0-based base."""
        return self.offset + base // self.line_bases * self.line_bytes + base % self.line_bases


def scan_sequences(chunks: Iterable[bytes], path: Path) -> dict[str, Sequence]:
    """Read a whole FASTA stream, line starts found by numpy.

    Args:
        chunks: the uncompressed content in pieces of any size.
        path: for errors.

    Raises:
        FormatError: empty, not FASTA, a name that is missing or comes twice, lines of unequal width.
    """
    scan = _Scan(path)
    rest = b""
    for chunk in chunks:
        text = rest + chunk
        cut = text.rfind(b"\n") + 1
        rest = text[cut:]
        # A file without a newline is no FASTA; do not gather all of it to find that out.
        if scan.at == 0 and text and text.lstrip()[:1] not in (b">", b""):
            raise _not_fasta(path, text)
        if cut:
            scan.add(text[:cut])
    if rest:
        scan.add(rest + b"\n")
    if not scan.sequences:
        raise FormatError("the FASTA is empty", path=path)
    return scan.sequences


def _not_fasta(path: Path, text: bytes) -> FormatError:
    return FormatError(
        "not a FASTA file: it does not begin with a '>' line",
        path=path,
        line=1,
        value=text[:20].decode("latin-1"),
    )


class _Scan:
    """State between chunks: the current sequence, and whether a short line has ended it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sequences: dict[str, Sequence] = {}
        self.name = ""
        self.ended = False
        self.at = 0  # byte offset of the next chunk
        self.lines = 0  # lines seen before the next chunk

    def add(self, text: bytes) -> None:
        """Take whole lines."""
        letters = np.frombuffer(text, dtype=np.uint8)
        ends = np.flatnonzero(letters == _NEWLINE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        returns = (ends > starts) & (letters[ends - 1] == _RETURN)
        widths = ends + 1 - starts
        bases = widths - 1 - returns
        headers = np.flatnonzero(letters[starts] == _HEADER).tolist()
        for begin, stop in zip([-1, *headers], [*headers, len(starts)], strict=True):
            if begin >= 0:
                header = text[starts[begin] + 1 : ends[begin]]
                self._open(header, self.at + int(ends[begin]) + 1, self.lines + begin + 1)
            self._extend(bases[begin + 1 : stop], widths[begin + 1 : stop], self.lines + begin + 2)
        self.at += len(text)
        self.lines += len(ends)

    def _open(self, header: bytes, offset: int, line: int) -> None:
        words = header.decode("utf-8", "replace").split(maxsplit=1)
        if not words or header[:1].isspace():
            raise FormatError("a '>' line without a name", path=self.path, line=line)
        self.name, self.ended = words[0], False
        if self.name in self.sequences:
            raise FormatError("the sequence's name comes twice", path=self.path, line=line, value=self.name)
        self.sequences[self.name] = Sequence(0, offset, 0, 0)

    def _extend(self, bases: NDArray[np.int64], widths: NDArray[np.int64], line: int) -> None:
        """Add lines to the current sequence; `line` is the 1-based number of the first."""
        if not len(bases):
            return
        if not self.name:
            if bases.any():
                number = line + int(np.argmax(bases > 0))
                raise FormatError("text before the first '>' line", path=self.path, line=number)
            return
        length, offset, line_bases, line_bytes = self.sequences[self.name]
        if line_bases == 0 and bases[0]:
            line_bases, line_bytes = int(bases[0]), int(widths[0])
        # Bases may only follow a full line: a short one is a sequence's last.
        full = (bases == line_bases) & (widths == line_bytes)
        follows_full = np.concatenate([[not self.ended], full[:-1]])
        wrong = (bases > line_bases) | ((bases > 0) & ~follows_full)
        if wrong.any():
            raise FormatError(
                f"lines of unequal width inside {self.name!r}; only a sequence's last line may be shorter, "
                "fold the file again (seqkit seq -w 60)",
                path=self.path,
                line=line + int(np.argmax(wrong)),
            )
        self.ended = not full[-1]
        self.sequences[self.name] = Sequence(length + int(bases.sum()), offset, line_bases, line_bytes)
