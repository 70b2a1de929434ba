"""The index of a FASTA file: where each sequence lies (.fai) and, for bgzip, where blocks begin (.gzi).

Reads the indexes of samtools, and makes and keeps its own. It knows nothing of nucleotides or regions.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raycre.errors import FormatError, InputError
from raycre.genome import bgzip
from raycre.genome.fasta_scan import Sequence, scan_sequences
from raycre.genome.textfile import GZIP_MAGIC

_CHUNK = 1 << 23  # bytes scanned at once


class FastaIndex(NamedTuple):
    """`sequences` by name, in file order; `blocks` is None for a plain FASTA."""

    sequences: dict[str, Sequence]
    blocks: bgzip.Blocks | None


def load_index(fd: int, path: Path) -> FastaIndex:
    """Read the index of an open FASTA, or make it where there is none as new as the FASTA.

    A new index is written beside the FASTA, or into `RAYCRE_CACHE` (default ~/.cache/raycre) where that
    folder cannot be written.

    Args:
        fd: the FASTA's file descriptor.
        path: where it lies.

    Raises:
        FormatError: not FASTA, truncated, plain gzip, or an index that does not fit.
        InputError: no folder for a new index.
    """
    compressed = os.pread(fd, 2, 0) == GZIP_MAGIC
    if compressed:
        bgzip.check_whole(fd, path)
    cached = _cache_stem(fd, path)
    newest = os.fstat(fd).st_mtime_ns
    # A cached index carries the FASTA's size and time in its name, so its own time need not be asked.
    for stem, not_before in ((path, newest), (cached, 0)):
        files = _index_files(stem, compressed)
        if all(f.is_file() and f.stat().st_mtime_ns >= not_before for f in files):
            return _read_index(files, fd, path)
    index = _scan(fd, path) if compressed else FastaIndex(scan_sequences(_chunks(fd), path), None)
    try:
        _write_index(_index_files(path, compressed), index)
    except OSError:
        try:
            cached.parent.mkdir(parents=True, exist_ok=True)
            _write_index(_index_files(cached, compressed), index)
        except OSError as error:
            raise InputError(
                f"its index can be written neither beside it nor into {cached.parent} ({error}); "
                "set RAYCRE_CACHE to a folder that can be written",
                path=path,
            ) from error
    return index


def _index_files(stem: Path, compressed: bool) -> list[Path]:
    return [stem.with_name(stem.name + suffix) for suffix in ([".gzi", ".fai"] if compressed else [".fai"])]


def _cache_stem(fd: int, path: Path) -> Path:
    status = os.fstat(fd)
    identity = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    folder = Path(os.environ.get("RAYCRE_CACHE") or "~/.cache/raycre").expanduser()
    return folder / "fasta" / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}-{path.name}"


def _chunks(fd: int) -> Iterator[bytes]:
    offset = 0
    while chunk := os.pread(fd, _CHUNK, offset):
        yield chunk
        offset += len(chunk)


def _scan(fd: int, path: Path) -> FastaIndex:
    """Unpack a bgzip FASTA once for both indexes."""
    compressed, plain = [], [0]

    def chunks() -> Iterator[bytes]:
        waiting: list[bytes] = []
        for offset, block in bgzip.iterate_blocks(fd, path):
            compressed.append(offset)
            plain.append(plain[-1] + len(block))
            waiting.append(block)
            if len(waiting) * len(block) > _CHUNK:
                yield b"".join(waiting)
                waiting.clear()
        yield b"".join(waiting)

    sequences = scan_sequences(chunks(), path)
    compressed.append(os.fstat(fd).st_size)
    return FastaIndex(sequences, bgzip.Blocks(np.array(compressed), np.array(plain)))


def _read_index(files: list[Path], fd: int, path: Path) -> FastaIndex:
    blocks = bgzip.read_gzi(files[0], fd, path) if len(files) == 2 else None
    fai = files[-1]
    sequences = {}
    for number, row in enumerate(fai.read_text(encoding="utf-8").splitlines(), start=1):
        name, *numbers = row.split("\t")
        if len(numbers) != 4 or not all(n.isdecimal() for n in numbers):
            raise FormatError(
                "not a line of a FASTA index; delete it and it is made again",
                path=fai,
                line=number,
                value=row,
            )
        sequences[name] = Sequence(*(int(n) for n in numbers))
    content = int(blocks.plain[-1]) if blocks else os.fstat(fd).st_size
    end = max((s.offset_of(s.length - 1) + 1 for s in sequences.values() if s.length), default=0)
    if not sequences or end > content:
        raise FormatError(
            f"holds {content:,} bytes where its index {fai.name} speaks of {end:,}: the FASTA is truncated "
            "or the index is another file's; get the FASTA again, or delete the index",
            path=path,
        )
    return FastaIndex(sequences, blocks)


def _write_index(files: list[Path], index: FastaIndex) -> None:
    """Write index files so that another process sees a whole one or none."""
    rows = [f"{name}\t" + "\t".join(map(str, sequence)) for name, sequence in index.sequences.items()]
    contents = ["".join(f"{row}\n" for row in rows).encode()]
    if index.blocks is not None:
        contents.insert(0, bgzip.blocks_to_gzi(index.blocks))
    for target, content in zip(files, contents, strict=True):
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=target.name, delete=False) as temporary:
            temporary.write(content)
        whole = Path(temporary.name)
        whole.chmod(0o644)  # a temporary file is its maker's only; an index is everyone's
        try:
            whole.replace(target)
        finally:
            whole.unlink(missing_ok=True)
