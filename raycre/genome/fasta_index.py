"""pyfaidx with what it leaves open closed: an index is whole or absent, damage is a named error.

It knows files and letters; codes, padding and many windows are the business of `fasta`.
"""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyfaidx

from raycre.errors import FormatError, InputError
from raycre.genome.cache import cache_folder
from raycre.genome.intervals import place
from raycre.genome.textfile import GZIP_ERRORS, GZIP_MAGIC

# What pyfaidx and Biopython raise where a file or its index is not what it should be.
_DAMAGE = (*GZIP_ERRORS, pyfaidx.FastaIndexingError, OSError, RuntimeError, ValueError, struct.error)


def open_indexed(path: Path) -> pyfaidx.Faidx:
    """Open a FASTA by its .fai (and .gzi), which are written first where there are none as new as the FASTA.

    They are written beside it, or into `RAYCRE_CACHE` (default ~/.cache/raycre) where that folder cannot be.

    Raises:
        FormatError: not FASTA, truncated, compressed but not bgzip, or an index that does not fit.
        InputError: no folder for a new index.
    """
    with path.open("rb") as file:
        magic = file.read(len(GZIP_MAGIC))
    if not magic:
        raise FormatError("the FASTA is empty", path=path)
    compressed = path.suffix.lower() in (".gz", ".bgz")  # pyfaidx goes by the name
    if magic == GZIP_MAGIC and not compressed:
        raise FormatError("gzip data in a file not named .gz; rename it", path=path)
    suffixes = (".gzi", ".fai") if compressed else (".fai",)
    stems = (path, _cache_stem(path))
    for stem in stems:
        indexes = [Path(f"{stem}{suffix}") for suffix in suffixes]
        if all(i.is_file() and i.stat().st_mtime_ns >= path.stat().st_mtime_ns for i in indexes):
            return _read_index(stem, path)
    for stem in stems:
        try:
            return _write_index(stem, suffixes, path)
        except OSError as error:
            failure = error
    raise InputError(
        f"its index can be written neither beside it nor into {stems[1].parent} ({failure}); "
        "set RAYCRE_CACHE to a folder that can be written",
        path=path,
    )


def fetch(faidx: pyfaidx.Faidx, chrom: str, start: int, end: int) -> str:
    """Read the letters of a 0-based half-open interval inside its chromosome.

    Raises:
        FormatError: a damaged file, or one that its index does not fit.
    """
    try:
        try:
            letters = str(faidx.fetch(chrom, start + 1, end))  # 1-based, closed
        except ValueError:
            if start == 0:
                raise
            # pyfaidx cannot seek to the byte after a bgzip block of 65,536 bytes (the most there can be, and
            # what Biopython writes), but it can read on into it.
            letters = str(faidx.fetch(chrom, start, end))[1:]
        if len(letters) == end - start:
            return letters
        problem = f"its {end - start:,} bp are not where the index has them"
    except _DAMAGE as error:
        problem = str(error)
    raise FormatError(
        f"{place(chrom, start, end)}: {problem}; the file is truncated or damaged, get it again; "
        "or it has changed, delete its .fai and .gzi",
        path=Path(faidx.filename),
    )


def _cache_stem(path: Path) -> Path:
    status = path.stat()
    identity = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"
    return cache_folder() / "fasta" / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}-{path.name}"


def _read_index(stem: Path, path: Path) -> pyfaidx.Faidx:
    try:
        faidx = _faidx(path, stem, rebuild=False, build_index=False)
    except _DAMAGE as error:
        message = f"not the index of {path.name} ({error}); delete it and its .gzi, and they are made again"
        raise FormatError(message, path=f"{stem}.fai") from error
    # A truncated FASTA lacks the last base of its last sequence.
    ends = [(record.offset, name, record.rlen) for name, record in faidx.index.items() if record.rlen]
    for _, name, size in sorted(ends)[-1:]:
        fetch(faidx, name, size - 1, size)
    return faidx


def _write_index(stem: Path, suffixes: tuple[str, ...], path: Path) -> pyfaidx.Faidx:
    """Write an index in a folder of its own, then rename: other processes see a whole one or none."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=stem.parent, prefix=f".{path.name}.") as folder:
        new = Path(folder, "new")
        try:
            with (gzip.open if len(suffixes) == 2 else open)(path, "rb") as lines:
                _check_widths(lines, path)
            faidx = _faidx(path, new)
        except _DAMAGE as error:
            raise FormatError(
                f"not a whole FASTA: {error}; get it again, or fold its lines (seqkit seq -w 60)", path=path
            ) from error
        for suffix in suffixes:
            Path(f"{new}{suffix}").replace(f"{stem}{suffix}")
    return faidx


def _check_widths(lines: Iterable[bytes], path: Path) -> None:
    """Refuse a last line longer than the others; pyfaidx accepts it, and reads other bases than asked for."""
    width = 0
    for number, line in enumerate(lines, start=1):
        if line.startswith(b">"):
            width = 0
        elif not width:
            width = len(line.rstrip())
        elif len(line.rstrip()) > width:
            message = "a line longer than the first of its sequence; fold the file again (seqkit seq -w 60)"
            raise FormatError(message, path=path, line=number)


def _faidx(path: Path, stem: Path, **options: bool) -> pyfaidx.Faidx:
    return pyfaidx.Faidx(path, f"{stem}.fai", gzi_indexname=f"{stem}.gzi", as_raw=True, **options)
