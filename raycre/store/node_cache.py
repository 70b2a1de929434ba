"""Copies of objects on this node, one for each content, for whoever opens files by name.

    RAYCRE_CACHE/objects/SHA256/NAME           the content: whole and checked, or absent
                         of/VERSION.json       of one version of one object: SHA-256, looks of its copy
                         of/VERSION.part       what has come so far

A version is the object's place, tag and size. A copy whose size or times are not those of its record is
hashed again; where its content is another, it is thrown away and brought again.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from raycre.errors import BucketError
from raycre.events import CACHE, emit
from raycre.genome.cache import cache_folder
from raycre.log import say
from raycre.store import bucket
from raycre.store.bucket import Entry, Place
from raycre.store.files import put_in_place, read_json, sha256_of, write_json
from raycre.store.lock import locked

TRIES = 5  # in a row that bring nothing
PAUSE = 0.5  # seconds before the second of them, doubled each time


def local_copy(place: Place) -> Path:
    """Return the path of an object's copy on this node; it is brought unless it is there and whole.

    Raises:
        MissingInputError: there is no such object.
        BucketAccessError, BucketError: it cannot be had.
        OSError: the disk is full, or not to be written.
    """
    found = bucket.head(place)
    if found is None:
        raise bucket.no_object(place)
    version = hashlib.sha256(f"{place}\0{found.tag}\0{found.size}".encode()).hexdigest()[:32]
    record = cache_folder() / "objects" / "of" / f"{version}.json"
    if (path := _held(record)) is not None:
        emit(CACHE, what="objects", hit=True)
        return path
    with locked(record.with_suffix(".lock"), say):
        if (path := _held(record)) is not None:  # another process has brought it meanwhile
            emit(CACHE, what="objects", hit=True)
            return path
        emit(CACHE, what="objects", hit=False)
        return _bring(place, found, record)


def _held(record: Path) -> Path | None:
    """The copy that a record is of; None where there is none, or it is not what was brought."""
    known: Any = read_json(record) if record.is_file() else None
    if not isinstance(known, dict):
        return None
    path = _place_of(known["sha256"], known["name"])
    if not path.is_file():
        return None
    if _looks(path) == known["looks"]:
        return path
    if path.stat().st_size == known["size"] and sha256_of(path) == known["sha256"]:
        write_json(record, known | {"looks": _looks(path)})
        return path
    say(f"note: {path} is not what was brought from {known['of']}: it is brought again")
    path.unlink(missing_ok=True)
    return None


def _place_of(sha256: str, name: str) -> Path:
    return cache_folder() / "objects" / sha256 / name


def _looks(path: Path) -> list[int]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _bring(place: Place, found: Entry, record: Path) -> Path:
    part = record.with_suffix(".part")
    failed, pause = 0, PAUSE
    while (have := part.stat().st_size if part.is_file() else 0) != found.size or not part.is_file():
        if have > found.size:
            part.unlink()
            continue
        try:
            with part.open("ab") as file:
                for piece in bucket.content_from(place, found.tag, have):
                    file.write(piece)
        except BucketError:
            pass
        except FileNotFoundError:
            raise bucket.no_object(place) from None
        now = part.stat().st_size
        failed = failed + 1 if now == have and now != found.size else 0
        if failed >= TRIES:
            raise BucketError(
                f"{place}: {now:,} of {found.size:,} bytes came, and in {TRIES} tries no more; they are "
                "kept: run again to go on"
            )
        if failed:
            time.sleep(pause)
            pause *= 2
    sha256, name = sha256_of(part), place.key.rpartition("/")[2]
    path = _place_of(sha256, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(part, path)
    write_json(
        record,
        {"of": str(place), "name": name, "size": found.size, "sha256": sha256, "looks": _looks(path)},
    )
    return path
