"""Whether files and runs that a command names are there: asked before what takes a second is imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from raycre.errors import MissingInputError
from raycre.options import Taken, named_files, split_label
from raycre.store.bucket_path import BucketPath
from raycre.store.summary import read_record


def check_files(taken: Sequence[Taken], given: Mapping[str, Any]) -> None:
    """Look for the files among what a declared command is given.

    Args:
        taken: its files and options.
        given: by name.

    Raises:
        MissingInputError: one is not there.
        ConfigError: a name that two files have.
    """
    check_paths(path for each in taken for path in _paths(each, given.get(each.name)))


def check_paths(paths: Iterable[Path]) -> None:
    """Look for files or folders on a disk; those in a bucket are asked for by their readers.

    Raises:
        MissingInputError: one is not there.
    """
    for path in paths:
        if not isinstance(path, BucketPath) and not path.exists():
            raise MissingInputError("no such file; check the path", path=path)


def check_runs(given: Iterable[str | Path]) -> None:
    """Look for the run.json of runs, each given as [NAME=]FOLDER.

    Raises:
        MissingInputError: no run there.
        FormatError: run.json is damaged, or no record of a run.
    """
    for each in given:
        path = split_label(each)[1] if isinstance(each, str) else each
        if not isinstance(path, BucketPath) and not path.is_file():  # of a file its reader says what it is
            read_record(path)


def check_folder(run: Path) -> None:
    """Look for the folder of a run that may not have a run.json yet.

    Raises:
        MissingInputError: there is nothing of this name.
    """
    if not isinstance(run, BucketPath) and not run.exists():
        read_record(run)


def _paths(taken: Taken, value: Any) -> Iterator[Path]:
    if taken.takes == "files":
        yield from named_files(value or ()).values()
    elif isinstance(value, Path) and value != Path():
        yield value
