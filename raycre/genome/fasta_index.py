"""pyfaidx with what it leaves open closed: an index is whole or absent, damage is a named error.

It knows files and letters; codes, padding and many windows are the business of `fasta`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pyfaidx

from raycre.errors import FormatError, InputError
from raycre.genome.cache import cache_folder
from raycre.genome.file_kinds import GZIP_MAGIC
from raycre.genome.index_check import check_fits
from raycre.genome.intervals import place
from raycre.genome.textfile import GZIP_ERRORS

# What pyfaidx and Biopython raise where a file or its index is not what it should be.
_DAMAGE = (*GZIP_ERRORS, pyfaidx.FastaIndexingError, OSError, RuntimeError, ValueError, struct.error)


class Indexed(NamedTuple):
    """An open FASTA, and what a person should know of its index; "" where there is nothing to say."""

    faidx: pyfaidx.Faidx
    note: str = ""


def open_indexed(path: Path) -> Indexed:
    """Open a FASTA by its .fai (and .gzi), which are made again where they are older or do not fit.

    An index fits where every record's header, lines and end are where it has them; see `index_check`. A new
    one is written beside the FASTA, or into `RAYCRE_CACHE` (default ~/.cache/raycre) where that folder cannot
    be written.

    Raises:
        FormatError: not FASTA, truncated, compressed but not bgzip, or an index that does not fit.
        InputError: no folder for a new index.
    """
    path = Path(os.fspath(path))  # of an object in a bucket: its copy on this node
    with path.open("rb") as file:
        magic = file.read(len(GZIP_MAGIC))
    if not magic:
        raise FormatError("the FASTA is empty", path=path)
    compressed = path.suffix.lower() in (".gz", ".bgz")  # pyfaidx goes by the name
    if magic == GZIP_MAGIC and not compressed:
        raise FormatError("gzip data in a file not named .gz; rename it", path=path)
    suffixes = (".gzi", ".fai") if compressed else (".fai",)
    stems, note = (path, _cache_stem(path)), ""
    for stem in stems:
        indexes = [Path(f"{stem}{suffix}") for suffix in suffixes]
        if all(i.is_file() and i.stat().st_mtime_ns >= path.stat().st_mtime_ns for i in indexes):
            faidx, wrong = _read_index(stem, path)
            if faidx is not None and not wrong:
                return Indexed(faidx, note)
            if faidx is not None:
                faidx.close()
            note = f"{stem}.fai is not the index of {path.name} ({wrong}); a new one is made"
    for stem in stems:
        try:
            return Indexed(_write_index(stem, suffixes, path), note)
        except OSError as error:
            failure = error
    raise InputError(
        f"{note and f'{note}, but '}its index can be written neither beside it nor into {stems[1].parent} "
        f"({failure}); "
        "set RAYCRE_CACHE to a folder that can be written",
        path=path,
    )


def fetch_letters(faidx: pyfaidx.Faidx, chrom: str, start: int, end: int) -> str:
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


def _read_index(stem: Path, path: Path) -> tuple[pyfaidx.Faidx | None, str | None]:
    """Open a FASTA by an index that is there; say what of it does not fit."""
    try:
        faidx = _faidx(path, stem, rebuild=False, build_index=False)
    except (
        *GZIP_ERRORS,
        struct.error,
    ) as error:  # of the FASTA: whoever makes a new index says what is wrong
        return None, f"{path.name} does not unpack: {error}"
    except _DAMAGE as error:
        message = f"not the index of {path.name} ({error}); delete it and its .gzi, and they are made again"
        raise FormatError(message, path=f"{stem}.fai") from error
    try:
        return faidx, check_fits(faidx, path)
    except BaseException:
        faidx.close()
        raise


def _write_index(stem: Path, suffixes: tuple[str, ...], path: Path) -> pyfaidx.Faidx:
    """Write an index in a folder of its own, then rename: other processes see a whole one or none."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat()
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
        now = path.stat()
        if (before.st_size, before.st_mtime_ns, before.st_ino) != (now.st_size, now.st_mtime_ns, now.st_ino):
            raise FormatError("the FASTA was replaced while its index was made; run again", path=path)
        for suffix in suffixes:
            # A FASTA from a machine whose clock is ahead would else stay newer than its index for ever.
            os.utime(f"{new}{suffix}", ns=(time.time_ns(), max(time.time_ns(), now.st_mtime_ns)))
            Path(f"{new}{suffix}").replace(f"{stem}{suffix}")
    return faidx


def _check_widths(lines: Iterable[bytes], path: Path) -> None:
    """Refuse what pyfaidx accepts and reads wrong: a last line longer than the others, CR as line end."""
    width = 0
    for number, line in enumerate(lines, start=1):
        if b"\r" in line.rstrip(b"\r\n"):
            message = "a line end of one CR; write the file with LF (tr '\\r' '\\n')"
            raise FormatError(message, path=path, line=number)
        if line.startswith(b">"):
            width = 0
        elif not width:
            width = len(line.rstrip())
        elif len(line.rstrip()) > width:
            message = "a line longer than the first of its sequence; fold the file again (seqkit seq -w 60)"
            raise FormatError(message, path=path, line=number)


def _faidx(path: Path, stem: Path, **options: bool) -> pyfaidx.Faidx:
    return pyfaidx.Faidx(path, f"{stem}.fai", gzi_indexname=f"{stem}.gzi", as_raw=True, **options)
