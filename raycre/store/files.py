"""Whole or absent: every file a run writes goes through here.

A file is written beside its final name, synced and renamed, so that a reader sees the old file, the new
one or none; never a piece. Two processes that write the same file both succeed, the last one wins. An object
in a bucket is put under its final name at once, which is as whole.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from raycre.errors import FormatError, MissingInputError
from raycre.genome.fingerprint import sha256_of
from raycre.store.bucket_path import BucketPath

__all__ = [
    "STAMP",
    "TEMPORARY",
    "TEMPORARY_NAME",
    "folders_synced_at_end",
    "parse_json",
    "put_in_place",
    "read_json",
    "sha256_of",
    "stamped",
    "temporary_of",
    "work_for",
    "write_atomic",
    "write_json",
]

STAMP = "run"  # key of a JSON object that says which run it is of
TEMPORARY = ".part-"  # the prefix of a file that is being written; readers ignore it
_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP)  # what mounted file systems say that cannot sync a folder
TEMPORARY_NAME = re.compile(
    r"\.part-(?:(\d{5,}\.[0-9a-f]{8})-)?\d+-[0-9a-f]{8}-"
)  # how its whole name begins

_epoch = ""  # of the run that this process works for; see store/lease.py
_together: ContextVar[dict[Path, None] | None] = ContextVar("folders", default=None)  # to be synced


def work_for(epoch: str) -> None:
    """Let the names of temporary files that this process writes from now on carry an epoch."""
    global _epoch
    _epoch = epoch


def temporary_of(path: Path) -> Path:
    """Return a name beside `path`, for this process alone, to write it under."""
    epoch = f"{_epoch}-" if _epoch else ""
    return path.with_name(f"{TEMPORARY}{epoch}{os.getpid()}-{uuid.uuid4().hex[:8]}-{path.name}")


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary)` and rename the result to `path`, or put it there in a bucket.

    Raises:
        OSError: disk full, no permission, a bucket that refuses: `path` is then as it was before.
    """
    if isinstance(path, BucketPath):
        with tempfile.TemporaryDirectory(prefix="raycre-") as folder:
            write(whole := Path(folder, path.name))
            path.put(whole)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
    try:
        write(temporary)
        put_in_place(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a whole file to its final name, in the same folder, so that it outlives a power cut."""
    _sync(temporary, os.O_RDWR)
    temporary.replace(path)
    if (folders := _together.get()) is None:
        _sync_folder(path.parent)
    else:
        folders[path.parent] = None


@contextmanager
def folders_synced_at_end() -> Iterator[None]:
    """Sync a folder once for all the files that the block puts there, at its end, and not after each.

    A file is whole or absent all the same, since it is synced before it is renamed. What a power cut may take
    with it is names, so nobody may rely on them before the block has ended.
    """
    folders: dict[Path, None] = {}
    token = _together.set(folders)
    try:
        yield
    finally:
        _together.reset(token)
        for folder in folders:
            with suppress(FileNotFoundError):  # it was removed with all that it held
                _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    # The rename itself must outlive a power cut, too.
    try:
        _sync(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def _sync(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    text = json.dumps(value, indent=2, sort_keys=False, default=str) + "\n"
    if isinstance(path, BucketPath):
        path.put(text.encode())
        return
    write_atomic(path, lambda temporary: temporary.write_text(text))


def stamped(value: Mapping[str, object], metadata: Mapping[str, str]) -> dict[str, object]:
    """Return a JSON object that also says which run it is of, as the metadata of Parquet files do."""
    return {**value, STAMP: dict(metadata)}


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        MissingInputError: no such file.
        FormatError: not JSON.
    """
    if not path.is_file():
        raise MissingInputError("no such file", path=path)
    return parse_json(path.read_text(), path)


def parse_json(text: str | bytes, path: Path) -> Any:
    """Parse the JSON that a file holds.

    Raises:
        FormatError: not JSON.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(
            f"not JSON ({error.msg}); the file is damaged", path=path, line=error.lineno
        ) from error
