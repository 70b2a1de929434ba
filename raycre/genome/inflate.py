"""Decompression of the zlib and gzip blocks of bigWig and bgzip files, by ISA-L where it is installed.

Both libraries give the same bytes. What ISA-L refuses is handed to zlib, whose word it is that a block is
damaged.
"""

from __future__ import annotations

import zlib

try:
    from isal import isal_zlib as _fast
except ImportError:  # the extra `fast` is not installed: more time, the same bytes
    _fast = zlib

GZIP = zlib.MAX_WBITS + 16
# Bytes of room beyond what is expected: without them the end of the stream asks for another buffer.
_MORE = 16


def inflate(block: bytes | memoryview, size: int, wbits: int = zlib.MAX_WBITS) -> bytes:
    """Return the bytes of a compressed block.

    Args:
        block: whole.
        size: bytes that it is likely to have.
        wbits: as zlib has it; `GZIP` for a block of gzip.

    Raises:
        zlib.error: truncated or damaged.
    """
    try:
        unpacked: bytes = _fast.decompress(block, wbits, size + _MORE)
        return unpacked
    except Exception:  # of ISA-L's own kind
        return zlib.decompress(block, wbits, size)
