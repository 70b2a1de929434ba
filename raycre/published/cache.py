"""Published files in the cache: where they lie, whether they are right, and bringing them there.

    RAYCRE_CACHE/published/NAME/FILE           whole and checked, or absent
                                fetched.json   source, size and SHA-256 of what was first fetched
                                .part-FILE     what was brought so far

A checksum in the table of published files holds; where the table has none, that of `fetched.json` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raycre.errors import FetchError, FormatError, MissingInputError
from raycre.genome.cache import cache_folder
from raycre.published.catalogue import Published, find_published
from raycre.published.download import (
    PAUSE,
    TIMEOUT,
    TRIES,
    Say,
    Watch,
    bring,
    forget,
    is_offline,
    mirrored,
)
from raycre.store.files import TEMPORARY, put_in_place, read_json, sha256_of, write_json
from raycre.store.lock import locked

REGISTRY = "registry:"  # before a name, where a path may stand, too


def place_of(item: Published) -> Path:
    """Where the file is, or would be."""
    return cache_folder() / "published" / item.name / item.file


def partial_of(item: Published) -> Path:
    """Where it grows while it is fetched."""
    return place_of(item).with_name(f"{TEMPORARY}{item.file}")


def record_of(item: Published) -> dict[str, Any]:
    """What was first fetched: source, size, sha256, time; empty where nothing was."""
    path = _record_path(item)
    if not path.exists():
        return {}
    record = read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("sha256"), str):
        raise FormatError("is no record of a fetch; remove it, and fetch again", path=path)
    return record


def _record_path(item: Published) -> Path:
    return place_of(item).with_name("fetched.json")


def _held(item: Published) -> Published:
    """The row, with the recorded checksum where the table has none."""
    return item if item.sha256 or item.git_blob else replace(item, sha256=record_of(item).get("sha256"))


def misfit(path: Path, item: Published) -> str | None:
    """Say what about the file is not as published (size, SHA-256, git's name); None if all is. Reads it."""
    size = path.stat().st_size
    if item.size not in (None, size):
        return f"has {size:,} bytes, the published file {item.size:,}"
    if item.sha256 and (found := sha256_of(path)) != item.sha256:
        return f"its SHA-256 is {found}, not {item.sha256}"
    if item.git_blob and (found := git_blob_of(path)) != item.git_blob:
        return f"its git blob is {found}, not {item.git_blob}"
    if item.md5 and (found := md5_of(path)) != item.md5:
        return f"its MD5 is {found}, not {item.md5}"
    return None


def git_blob_of(path: Path) -> str:
    """Name that git gives the file's content: SHA-1 of "blob SIZE\\0" and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, in hexadecimal: what UCSC, GENCODE and ENCODE publish."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_cached(item: Published) -> Path:
    """Check the cached file and return its path.

    Raises:
        MissingInputError: it is not there, or nothing is known to check it by.
        FormatError: it is not the published file.
    """
    path, held = place_of(item), _held(item)
    if not path.is_file():
        raise MissingInputError(how_to_get([item]), value=f"{REGISTRY}{item.name}")
    if not (held.sha256 or held.git_blob):
        raise MissingInputError(
            f"its checksum was never recorded; `{item.fetch_command}` records it", path=path
        )
    if wrong := misfit(path, held):
        raise FormatError(
            f"{wrong}; remove it and run `{item.fetch_command}`"
            f"{'' if item.sha256 or item.git_blob or item.md5 else f' ({_record_path(item)} is its record)'}",
            path=path,
        )
    return path


def how_to_get(items: Iterable[Published]) -> str:
    """Say how each of these comes into the cache, with and without a network."""
    rows = list(items)
    by_hand = "; ".join(
        f"{item.address}{f' ({item.size:,} bytes)' if item.size else ''} as {place_of(item)}" for item in rows
    )
    command = rows[0].command.format(name=" ".join(item.name for item in rows))
    return f"not in the cache; run `{command}`, or put {by_hand}"


def resolve(given: str) -> str:
    """The checked cached file that `registry:NAME` means; any other text as it is.

    Raises:
        ConfigError: no such name.
        MissingInputError, FormatError: see `check_cached`.
    """
    if not given.startswith(REGISTRY):
        return given
    (item,) = find_published([_escaped(given.removeprefix(REGISTRY))])
    return str(check_cached(item))


def check_fetched(given: str) -> None:
    """Look whether the cache has what `registry:NAME` means; `resolve` checks its content.

    Raises:
        ConfigError: no such name.
        MissingInputError: it is not there.
    """
    (item,) = find_published([_escaped(given.removeprefix(REGISTRY))])
    if not place_of(item).is_file():
        raise MissingInputError(how_to_get([item]), value=f"{REGISTRY}{item.name}")


def _escaped(name: str) -> str:
    return name.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")  # one file, so no pattern


def fetch(
    item: Published,
    *,
    offline: bool = False,
    watch: Watch = lambda done, total: None,
    say: Say = lambda text: None,
    tries: int = TRIES,
    pause: float = PAUSE,
    timeout: float = TIMEOUT,
) -> bool:
    """Bring a published file into the cache, unless it is there; either way it is checked.

    Args:
        item: which.
        offline: use no network; RAYCRE_OFFLINE says the same. A mirror that is a folder may be used.
        watch, say, tries, pause, timeout: see `bring`.

    Returns:
        Whether it had to be brought.

    Raises:
        MissingInputError: offline, and neither the cache nor the mirror's folder has it.
        FetchError: it could not be had, or what came is not the published file; nothing is then in its place.
        FormatError: the file in the cache is not the published one.
    """
    path, partial = place_of(item), partial_of(item)
    source = mirrored(item.address)
    no_network = (offline or is_offline()) and isinstance(source, str)
    if no_network and not path.is_file():
        raise MissingInputError(f"offline, and {how_to_get([item])}", value=item.name)
    with locked(path.with_name("lock"), say):
        held = _held(item)
        if path.is_file():
            if held.sha256 or held.git_blob:
                check_cached(item)
            else:
                _record(item, path, "put there by hand")
            return False
        known = bool(held.sha256 or held.git_blob)
        bring(
            source,
            partial,
            size=item.size,
            has_checksum=known,
            watch=watch,
            say=say,
            tries=tries,
            pause=pause,
            timeout=timeout,
        )
        if wrong := misfit(partial, held):
            forget(partial)
            raise FetchError(f"{source}: {wrong}; {_advice(item)}")
        if not record_of(item):
            _record(item, partial, str(source))
        put_in_place(partial, path)
        forget(partial)
        return True


def _advice(item: Published) -> str:
    if item.sha256 or item.git_blob or item.md5:
        return "it was changed or came damaged, and is thrown away; try again, or another RAYCRE_MIRROR"
    first = record_of(item).get("time", "earlier")
    return (
        f"which was recorded {first}: it was changed at its address or came damaged, and is thrown away. "
        f"Try again; to take it as it is now, remove {_record_path(item)}"
    )


def _record(item: Published, path: Path, source: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"source": source, "size": path.stat().st_size, "sha256": sha256_of(path), "time": now}
    write_json(_record_path(item), facts)
