"""One address to one file: resumed, retried, or copied from a mirror. It must not know what it brings.

The file grows where the caller says, and a note beside it keeps the server's version of it, so that bytes of
two versions are never joined. It is the standard library's urllib: fsspec and pooch do not resume, and
huggingface_hub, which does, knows one host.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from raycre import __version__
from raycre.errors import ConfigError, FetchError, FormatError, MissingInputError
from raycre.store.files import read_json, write_json

CHUNK = 1 << 16
TRIES = 5  # without any progress between them
PAUSE = 1.0  # seconds before the second try, doubled each time
TIMEOUT = 30.0  # seconds of silence after which a connection counts as cut
LONGEST_WAIT = 60.0  # seconds that a server may ask for
BUSY = (408, 429, 500, 502, 503, 504)  # HTTP statuses that may be over soon
CUT = (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)  # never a full disk

Watch = Callable[[int, int | None], object]  # bytes so far, bytes in all
Say = Callable[[str], object]


def is_offline() -> bool:
    """Whether RAYCRE_OFFLINE forbids the network."""
    return os.environ.get("RAYCRE_OFFLINE", "") not in ("", "0")


def mirrored(address: str) -> str | Path:
    """Where to get `address` from: itself, or its place on RAYCRE_MIRROR.

    A mirror is a base address or a local folder; either stands for the scheme and host of every address.

    Raises:
        ConfigError: RAYCRE_MIRROR is neither.
    """
    mirror = os.environ.get("RAYCRE_MIRROR", "")
    path = urlsplit(address).path
    if not mirror:
        return address
    if mirror.startswith(("http://", "https://")):
        return mirror.rstrip("/") + path
    if Path(mirror).is_dir():
        return Path(mirror) / unquote(path).lstrip("/")
    raise ConfigError(
        "RAYCRE_MIRROR is neither an http(s) address nor a folder that is there; correct or unset it",
        value=mirror,
    )


def note_of(partial: Path) -> Path:
    """The note beside a file that is being brought."""
    return partial.with_name(f"{partial.name}.json")


def forget(partial: Path) -> None:
    """Remove what was brought so far, and its note."""
    partial.unlink(missing_ok=True)
    note_of(partial).unlink(missing_ok=True)


def bring(
    source: str | Path,
    partial: Path,
    *,
    size: int | None = None,
    has_checksum: bool = False,
    watch: Watch = lambda done, total: None,
    say: Say = lambda text: None,
    tries: int = TRIES,
    pause: float = PAUSE,
    timeout: float = TIMEOUT,
) -> None:
    """Copy or download `source` to `partial`, going on where an earlier call was cut off.

    Args:
        source: an http(s) address, or a path.
        partial: where the bytes go; what is there already is the beginning of the same file.
        size: bytes of the file, where known.
        has_checksum: the caller will check the content, so one may go on where the server gives no version.
        watch: told how far it is.
        say: told of cuts and waits.
        tries: how often to try again without getting any further.
        pause: seconds before the first repetition, doubled each time.
        timeout: seconds of silence that count as a cut.

    Raises:
        FetchError: the server refuses, has a file of another size, or could not be reached in `tries` tries.
        MissingInputError: the mirror's folder lacks the file.
        OSError: the disk is full, or not to be written.
    """
    if isinstance(source, Path):
        _copy(source, partial, watch)
        return
    left, furthest = tries, _length(partial)
    while True:
        try:
            _continue(source, partial, size, has_checksum, watch, timeout)
            return
        except CUT as error:
            wait = _wait_of(error)  # HTTPError is a URLError; the others of its kind end here
            if wait is None:
                raise FetchError(
                    f"{source}: the server refuses it ({error}); is the address still right? "
                    "RAYCRE_MIRROR names another source",
                ) from error
            left = tries if _length(partial) > furthest else left - 1
            furthest = max(furthest, _length(partial))
            if left <= 0:
                raise FetchError(
                    f"{source}: not to be had in {tries} tries ({_reason(error)}); the {_length(partial):,} "
                    "bytes that came are kept, run again to go on. RAYCRE_MIRROR names another source"
                ) from error
            wait = max(wait, pause * 2 ** (tries - left - 1)) if left < tries else wait
            say(f"{source}: {_reason(error)}; again from byte {_length(partial):,} in {wait:.0f} s")
            time.sleep(wait)


def _copy(source: Path, partial: Path, watch: Watch) -> None:
    if not source.is_file():
        raise MissingInputError("RAYCRE_MIRROR's folder has no such file", path=source)
    total = source.stat().st_size
    forget(partial)  # the note of another source must not stand beside these bytes
    with source.open("rb") as read, partial.open("wb") as write:
        while chunk := read.read(CHUNK):
            write.write(chunk)
            watch(write.tell(), total)


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _wait_of(error: Exception) -> float | None:
    """Seconds that the server asks to wait; None where another try is of no use."""
    if not isinstance(error, HTTPError):
        return 0.0
    error.close()
    if error.code not in BUSY:
        return None
    asked = error.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdigit() else 0.0


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__


def _continue(
    source: str, partial: Path, size: int | None, has_checksum: bool, watch: Watch, timeout: float
) -> None:
    """One request: the bytes that `partial` lacks, or all of them where the server will not go on."""
    have = _length(partial)
    version = _version_noted(partial, source)
    if have and not (version or has_checksum):
        have = 0  # nothing would tell a file that was changed meanwhile
    headers = {"User-Agent": f"raycre/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if version:
            headers["If-Range"] = version
    try:
        response: HTTPResponse = urlopen(Request(source, headers=headers), timeout=timeout)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise
        error.close()
        total = _total(error.headers.get("Content-Range", ""))
        if have == (size if total is None else total):
            return  # killed after the last byte
        forget(partial)
        raise ConnectionError("the server has fewer bytes than are here; starting over") from error
    with response:
        have, total = _begin(response, source, partial, have, version)
        if None not in (size, total) and size != total:
            forget(partial)
            raise FetchError(
                f"{source}: the server's file has {total:,} bytes, the published one {size:,}; "
                "is the address, or RAYCRE_MIRROR, still right?"
            )
        with partial.open("ab" if have else "wb", buffering=0) as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                watch(have, total or size)
    wanted = size if total is None else total
    if wanted is not None and have < wanted:
        raise ConnectionError(f"cut after {have:,} of {wanted:,} bytes")


def _begin(
    response: HTTPResponse, source: str, partial: Path, have: int, version: str | None
) -> tuple[int, int | None]:
    """From which byte the answer goes on, and how many the whole file has."""
    now = _version(response)
    if response.status == 206:
        place = response.headers.get("Content-Range", "")
        if not place.startswith(f"bytes {have}-") or (version and now != version):
            forget(partial)
            raise ConnectionError("the server goes on with something else; starting over")
        return have, _total(place)
    # All of it: the first request, another version, or a server that does not go on.
    forget(partial)
    write_json(note_of(partial), {"source": source, "version": now})
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


def _total(content_range: str) -> int | None:
    found = re.fullmatch(r"bytes .*/(\d+)", content_range)
    return int(found[1]) if found else None


def _version(response: HTTPResponse) -> str | None:
    """What If-Range may name: a strong ETag, else the time of the last change."""
    etag = response.headers.get("ETag", "")
    strong = etag if etag.startswith('"') else ""
    return strong or response.headers.get("Last-Modified")


def _version_noted(partial: Path, source: str) -> str | None:
    with suppress(FormatError, MissingInputError):
        note = read_json(note_of(partial))
        if isinstance(note, dict) and note.get("source") == source:
            return str(note["version"]) if note.get("version") else None
    return None
