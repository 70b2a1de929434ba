"""Text files, whatever wrote them: packed or not, which bytes end a line, what stands before its first.

Every reader of text takes its lines from here (`iter_text`, `read_text`), and tables from `texttable`.
"""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from raycre.errors import FormatError, MissingInputError
from raycre.genome.file_kinds import BOM, GZIP_MAGIC, HEAD, ZSTD_MAGIC, check_head

GZIP_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)
TEXT = "tab-separated text"
_BLOCK = 1 << 24  # bytes read at once
READINGS = logging.getLogger("raycre.readings")
READINGS.propagate = False


def took(path: Path, what: str) -> None:
    """Log what a reader took a file for; the engine shows it and keeps it in run.json."""
    READINGS.info("%s: %s", path.name, what)


def require_file(path: str | Path) -> Path:
    """Return `path` as a Path; MissingInputError where there is no such file."""
    path = path if isinstance(path, Path) else Path(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "no such file"
        raise MissingInputError(f"{what}; check the path", path=path)
    return path


def damaged_gzip(path: Path, error: Exception) -> FormatError:
    """Make the error for a gzip file that does not unpack."""
    return FormatError(f"the gzip data is truncated or damaged ({error}); get the file again", path=path)


def iter_text(
    path: str | Path, wanted: str = TEXT, *, takes: Collection[str] = (), block_size: int = _BLOCK
) -> Iterator[bytes]:
    """Yield a text file in blocks of whole lines, each ended by one line feed.

    gzip and zstd are unpacked (told by their magic numbers, not by a name), a byte order mark is left out,
    and CR LF, a bare CR and CR CR LF end lines as LF does.

    Args:
        path: the file.
        wanted: what the caller reads, for errors.
        takes: names of `file_kinds.KINDS` that it reads all the same.
        block_size: bytes; -1 for the whole file at once.

    Raises:
        MissingInputError: no such file.
        FormatError: empty, of another known kind, binary, or gzip or zstd that is truncated or
            damaged.
    """
    path = require_file(path)
    with path.open("rb") as raw:
        file = _unpacking(raw)
        blocks = _blocks(file, path, block_size)
        first = next(blocks, b"")
        check_head(first[:HEAD], path, wanted, takes)
        rest = b""
        block: bytes | None = first.removeprefix(BOM)
        while block is not None:
            if b"\0" in block:
                raise FormatError(f"binary data where {wanted} was expected; get the file again", path=path)
            block = rest + block if rest else block
            body = block.rstrip(b"\r")  # the LF of a CR at the end may come with the next block
            text = unix_ends(body)
            if BOM in text:  # of files that were joined
                text = text.replace(b"\n" + BOM, b"\n")
            end = text.rfind(b"\n") + 1
            if end:
                yield text[:end]
            rest = text[end:] + block[len(body) :]
            block = next(blocks, None)
        if rest:
            yield unix_ends(rest).rstrip(b"\n") + b"\n"


def _unpacking(raw: IO[bytes]) -> IO[bytes]:
    """Return what reads a file's content, by its first bytes."""
    magic = raw.read(len(ZSTD_MAGIC))
    raw.seek(0)
    if magic.startswith(GZIP_MAGIC):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    return cast(IO[bytes], pa.CompressedInputStream(raw, "zstd")) if magic == ZSTD_MAGIC else raw


def _blocks(file: IO[bytes], path: Path, block_size: int) -> Iterator[bytes]:
    try:
        # -1 is not all of a stream of pyarrow's
        while block := file.read(None if block_size < 0 else block_size):  # type: ignore[arg-type]
            yield block
    except GZIP_ERRORS as error:
        raise damaged_gzip(path, error) from error
    except OSError as error:
        if not isinstance(file, pa.CompressedInputStream):
            raise
        raise FormatError(
            f"the zstd data is truncated or damaged ({error}); get the file again (zstd -d FILE unpacks a "
            "whole one)",
            path=path,
        ) from error


def read_head(path: str | Path) -> bytes:
    """Return the first bytes of a file, unpacked, of which at most `HEAD`; of damaged gzip, what there is.

    Raises:
        MissingInputError: no such file.
        FormatError: zstd that is damaged.
    """
    path = require_file(path)
    with path.open("rb") as raw:
        try:
            return next(_blocks(_unpacking(raw), path, HEAD), b"")
        except FormatError:
            raw.seek(0)
            if raw.read(len(ZSTD_MAGIC)) == ZSTD_MAGIC:
                raise
            return b""


def unix_ends(text: bytes) -> bytes:
    """Return text whose lines end in LF, whichever of LF, CR LF, CR CR LF and CR ended each."""
    if b"\r" not in text:
        return text
    return text.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def read_text(path: str | Path, wanted: str = TEXT, *, takes: Collection[str] = ()) -> bytes:
    """Read a whole text file; see `iter_text`.

    Raises:
        MissingInputError, FormatError: as `iter_text`.
    """
    text = b"".join(iter_text(path, wanted, takes=takes, block_size=-1))
    if not text.strip():
        raise FormatError("the file is empty", path=require_file(path))
    return text


def not_utf8(text: bytes, error: UnicodeDecodeError, path: Path, wanted: str) -> FormatError:
    """Make the error for text in another encoding, with its line."""
    begin = text.rfind(b"\n", 0, error.start) + 1
    end = text.find(b"\n", error.start)
    return FormatError(
        f"not text that can be read as {wanted}: these bytes are not UTF-8; save the file as UTF-8 "
        "(iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW)",
        path=path,
        line=text.count(b"\n", 0, error.start) + 1,
        value=text[begin : end if end >= 0 else None][:60].decode("latin-1"),
    )
