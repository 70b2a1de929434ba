"""What every verb does first: see that its files are there, and know them by their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from raycre.errors import InputError, MissingInputError
from raycre.store.files import sha256_of


def hash_inputs(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of every input file, by its key in the configuration.

    Raises:
        MissingInputError: a file is not there; the key is named.
    """
    for key, path in paths.items():
        if not path.is_file():
            hint = "; remote paths are not read yet, copy it first" if "://" in str(path) else ""
            raise MissingInputError(f"{key}: no such file{hint}", path=path)
    return {key: sha256_of(path) for key, path in paths.items()}


def check_out(out: Path) -> None:
    """Raise where the run folder cannot be made or is a file."""
    if out.exists() and not out.is_dir():
        raise InputError("run.out is a file; name a folder", path=out)
