"""Random access into block gzip (BGZF, SAM specification section 4.1). It does not know what is compressed.

pyfaidx reads bgzip through Biopython only; the little that is needed here is the standard library's gzip
and a table of where each block begins (the .gzi of `bgzip -r`).
"""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from raycre.errors import FormatError
from raycre.genome.textfile import GZIP_ERRORS, damaged_gzip

EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # section 4.1.2
_FIXED_HEADER = 12  # bytes of a gzip member up to and with the length of its extra field
_SIZE_FIELD = b"BC\x02\x00"  # the extra subfield whose value is the block's length - 1


class Blocks(NamedTuple):
    """Where blocks begin. Both arrays are int64 (n_blocks + 1,); the last element is the end.

    `compressed` counts bytes of the file, `plain` bytes of what it holds.
    """

    compressed: NDArray[np.int64]
    plain: NDArray[np.int64]


def check_whole(fd: int, path: Path) -> None:
    """Look at both ends of a gzip file without unpacking it.

    Raises:
        FormatError: plain gzip, or a bgzip file without its end marker, which is truncated.
    """
    _block_length(fd, 0, path)
    size = os.fstat(fd).st_size
    if os.pread(fd, len(EOF_BLOCK), size - len(EOF_BLOCK)) != EOF_BLOCK:
        raise FormatError(
            "truncated: the end marker of bgzip is missing; get the file again, "
            "or compress it again with bgzip",
            path=path,
        )


def _block_length(fd: int, offset: int, path: Path) -> int:
    """Return the compressed length of the block at `offset`."""
    header = os.pread(fd, _FIXED_HEADER + 64, offset)
    extra_length = int.from_bytes(header[10:12], "little") if len(header) > _FIXED_HEADER else 0
    has_extra = len(header) > _FIXED_HEADER and header[:2] == b"\x1f\x8b" and header[3] & 4
    at = header.find(_SIZE_FIELD, _FIXED_HEADER, _FIXED_HEADER + extra_length) if has_extra else -1
    if at >= 0:
        return int.from_bytes(header[at + 4 : at + 6], "little") + 1
    if offset:
        raise FormatError(f"damaged bgzip block at byte {offset:,}; get the file again", path=path)
    raise FormatError(
        "plain gzip cannot be read at random; compress it with bgzip: "
        f"gunzip -c {path.name} | bgzip > {path.name.removesuffix('.gz')}.bgz.gz",
        path=path,
    )


def iterate_blocks(fd: int, path: Path) -> Iterator[tuple[int, bytes]]:
    """Unpack block after block: (offset in the file, plain bytes). FormatError where one is damaged."""
    size = os.fstat(fd).st_size
    offset = 0
    while offset < size:
        length = _block_length(fd, offset, path)
        yield offset, _unpack(os.pread(fd, length, offset), path)
        offset += length


def read_plain(fd: int, blocks: Blocks, begin: int, stop: int, path: Path) -> bytes:
    """Return bytes [begin, stop) of the uncompressed content. FormatError where a block is damaged."""
    first = int(np.searchsorted(blocks.plain, begin, side="right")) - 1
    last = int(np.searchsorted(blocks.plain, stop, side="left"))
    low, high = int(blocks.compressed[first]), int(blocks.compressed[last])
    plain = _unpack(os.pread(fd, high - low, low), path)
    skip = begin - int(blocks.plain[first])
    return plain[skip : skip + stop - begin]


def _unpack(members: bytes, path: Path) -> bytes:
    try:
        return gzip.decompress(members)  # any number of members, each with its checksum
    except GZIP_ERRORS as error:
        raise damaged_gzip(path, error) from error


def blocks_to_gzi(blocks: Blocks) -> bytes:
    """Write the .gzi form: the number of blocks after the first, then (compressed, plain) of each."""
    pairs = np.stack([blocks.compressed[1:-1], blocks.plain[1:-1]], axis=1)
    return struct.pack("<Q", len(pairs)) + pairs.astype("<i8").tobytes()


def read_gzi(gzi: Path, fd: int, path: Path) -> Blocks:
    """Read a .gzi and find the end of the content, which it does not hold, from the last blocks.

    Raises:
        FormatError: an index that is damaged or reaches past the file.
    """
    raw = gzi.read_bytes()
    if len(raw) < 8 or len(raw) != 8 + 16 * int.from_bytes(raw[:8], "little"):
        raise FormatError("damaged bgzip index; delete it and it is made again", path=gzi)
    pairs = np.frombuffer(raw, dtype="<i8", offset=8).reshape(-1, 2).astype(np.int64)
    pairs = np.concatenate([np.zeros((1, 2), dtype=np.int64), pairs])
    size = os.fstat(fd).st_size
    if pairs[-1, 0] >= size or (np.diff(pairs, axis=0) < 0).any():
        raise FormatError(f"the index does not fit {path.name}; delete it and it is made again", path=gzi)
    offset, plain = int(pairs[-1, 0]), int(pairs[-1, 1])
    while offset < size:
        length = _block_length(fd, offset, path)
        plain += int.from_bytes(os.pread(fd, 4, offset + length - 4), "little")
        offset += length
        pairs = np.concatenate([pairs, [[offset, plain]]])
    return Blocks(pairs[:, 0].copy(), pairs[:, 1].copy())
