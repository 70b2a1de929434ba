"""What a lease asks of its storage: list and read claims, create one if absent, write a beat, remove both.

A file system and a bucket have these alike.
"""

from __future__ import annotations

import re
from pathlib import Path

from raycre.store.bucket_path import BucketPath

_CLAIM = re.compile(r"(\d{5,})\.json")
_WIDTH = 40  # bytes of a beat, always: a full disk has room for it


def claim_path(folder: Path, number: int) -> Path:
    """Return where the claim of an epoch lies in the lease's folder."""
    return folder / f"{number:05d}.json"


def beat_path(folder: Path, number: int) -> Path:
    """Return where its beat lies."""
    return folder / f"{number:05d}.beat"


def read_claims(folder: Path) -> dict[int, str]:
    """Return the text of every claim in the lease's folder, by its number."""
    try:
        names = [match for path in folder.iterdir() if (match := _CLAIM.fullmatch(path.name))]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    texts = {int(match[1]): text_at(folder / match[0]) for match in names}
    return {number: text for number, text in texts.items() if text is not None}


def text_at(path: Path) -> str | None:
    """Return what a file holds; None where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def write_new(path: Path, text: str) -> bool:
    """Create a file; False where it exists, or its folder has just gone."""
    if isinstance(path, BucketPath):  # a repeated request finds what the first one wrote
        return path.create(text.encode()) or text_at(path) == text
    try:
        with path.open("x") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink()
                raise
    except (FileExistsError, FileNotFoundError):
        return False
    return True


def put_text(path: Path, text: str) -> None:
    """Write a short text over what is there, without asking for room."""
    if isinstance(path, BucketPath):
        path.put(text.ljust(_WIDTH).encode())
        return
    try:
        file = path.open("r+b", buffering=0)
    except FileNotFoundError:
        file = path.open("xb", buffering=0)
    with file:
        file.write(text.ljust(_WIDTH).encode())


def remove_claim(*paths: Path) -> None:
    """Remove files; those that are gone are no fault."""
    for path in paths:
        path.unlink(missing_ok=True)
