"""--fresh: what it removes is said first, and agreed to on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from raycre.errors import InputError
from raycre.log import say
from raycre.store.old_run import OldRun, find_old

Fresh = bool | Literal["ask"]
"""Whether the run folder is emptied of an earlier run: no, yes, or yes once a person agrees."""


def removal(fresh: Fresh) -> Callable[[OldRun], object] | None:
    """Return what `open_run` calls before it removes an old run; None where none is to be removed."""

    def announce(old: OldRun) -> None:
        say(f"--fresh removes {old}")
        if fresh == "ask" and not _agreed():
            raise InputError("--fresh was not agreed to; nothing was removed", path=old.out)

    return announce if fresh else None


def preview_removal(out: Path, verb: str, fresh: Fresh) -> None:
    """Say what a run that is not dry would remove.

    Raises:
        RunMismatchError: the folder holds something else; see `find_old`.
    """
    if fresh and (old := find_old(out, verb)) is not None:
        say(f"--fresh would remove {old}")


def _agreed() -> bool:
    try:
        return input("Remove it and start anew? [y/N] ").strip().casefold() in ("y", "yes")
    except EOFError:
        return False
