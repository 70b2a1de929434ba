"""Which file it is: SHA-256, size and times, so that every process can tell that it opens the same one.

A path is no identity: a file can be replaced while a run, or a worker that outlives it, goes on. Sizes and
times are compared first; where they differ, as on a copy of another node, the content decides.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from raycre.errors import BucketAccessError, BucketError, ChangedInputError, MissingInputError

# Two writes within one tick of the file system's clock leave the same times; git calls such a file racy.
_TICK = 50_000_000  # ns
_CLOCKS_APART = 1_000_000_000  # ns; times further ahead are of another machine's clock


class Status(NamedTuple):
    """What changes when a file is written or replaced: bytes, times in ns, inode."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class Fingerprint:
    """A file as it was when it was hashed.

    Attributes:
        path: absolute.
        sha256: 64 hexadecimal digits.
        status: before and after hashing.
        settled: it was last written long enough before that a later write shows in `status`.
    """

    path: Path
    sha256: str
    status: Status
    settled: bool


_proven: dict[
    Fingerprint, Status
] = {}  # of this process: other statuses whose content was seen to be the same


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    if not path.is_file():
        raise MissingInputError("no such file", path=path)
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fingerprint(path: Path) -> Fingerprint:
    """Hash a file.

    Raises:
        MissingInputError: no such file.
        ChangedInputError: it was written while it was read.
    """
    return _hashed(path, sha256_of)


def read_hashed(path: Path) -> tuple[bytes, Fingerprint]:
    """Read a file and hash it, in one reading; errors are those of `fingerprint`."""
    content = b""

    def read(path: Path) -> str:
        nonlocal content
        content = path.read_bytes()
        return hashlib.sha256(content).hexdigest()

    found = _hashed(path, read)
    return content, found


def _hashed(path: Path, read: Callable[[Path], str]) -> Fingerprint:
    if not path.is_file():
        raise MissingInputError("no such file", path=path)
    before, began = _status(path), time.time_ns()
    sha256 = read(path)
    if _status(path) != before:
        raise ChangedInputError(
            "the file was written while it was read; run again once it is whole", path=path
        )
    return Fingerprint(path.absolute(), sha256, before, _is_settled(before, began))


def check_unchanged(fingerprints: Iterable[Fingerprint]) -> None:
    """See that files are those that were hashed: by size and times, and where these differ by content.

    Raises:
        ChangedInputError: the first that is not.
    """
    for each in fingerprints:
        try:
            now, began = _status(each.path), time.time_ns()
            if (now == each.status and each.settled) or _proven.get(each) == now:
                continue
            same = sha256_of(each.path) == each.sha256
        except (BucketAccessError, BucketError):  # that it cannot be asked says nothing of the object
            raise
        except (OSError, MissingInputError):
            same = False
        if not same:
            raise ChangedInputError(
                "the file was replaced after the run had begun; start the run again with --fresh, or put the "
                f"file back and run again (seen on {socket.gethostname()}; every node must have it)",
                path=each.path,
            )
        if _is_settled(now, began):
            _proven[each] = now


def _status(path: Path) -> Status:
    found = path.stat()
    return Status(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _is_settled(status: Status, at: int) -> bool:
    age = at - max(status.mtime_ns, status.ctime_ns)
    return age > _TICK or age < -_CLOCKS_APART
