"""A gzip file made bgzip, whose parts can be read alone."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

from raycre.errors import FetchError
from raycre.genome.textfile import GZIP_ERRORS, damaged_gzip
from raycre.store.files import write_atomic

_PIECE = 1 << 20  # bytes


def recompress(
    source: Path,
    target: Path,
    *,
    unpacked_sha256: str | None = None,
    watch: Callable[[int], object] = lambda done: None,
) -> str:
    """Write what a gzip file holds to `target` as bgzip, whole or not at all.

    Args:
        source: gzip, of any kind.
        target: its name ends in .gz.
        unpacked_sha256: of the content, where it is known.
        watch: told the bytes unpacked so far.

    Returns:
        SHA-256 of the content.

    Raises:
        FormatError: gzip that does not unpack.
        FetchError: the content is not the published one.
    """
    digest = hashlib.sha256()

    def write(temporary: Path) -> None:
        from Bio.bgzf import BgzfWriter

        done = 0
        with gzip.open(source, "rb") as read, BgzfWriter(str(temporary), "wb") as packed:  # type: ignore[no-untyped-call]
            while piece := read.read(_PIECE):
                digest.update(piece)
                packed.write(piece)
                done += len(piece)
                watch(done)
        if unpacked_sha256 is not None and digest.hexdigest() != unpacked_sha256:
            raise FetchError(
                f"{source.name}: the SHA-256 of its text is {digest.hexdigest()}, not the published "
                f"{unpacked_sha256}; remove {source} and fetch again"
            )

    try:
        write_atomic(target, write)
    except GZIP_ERRORS as error:
        raise damaged_gzip(source, error) from error
    return digest.hexdigest()
