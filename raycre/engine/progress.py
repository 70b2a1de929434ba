"""Progress on stderr: a bar on a terminal, a plain line now and then otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_EVERY = 15.0  # seconds between plain lines


def say(message: str) -> None:
    """Print one line for the person on stderr."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show `what` advancing to `total`; yields a function that takes the number finished so far."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task(what, total=total, completed=done)
            yield lambda finished: bars.update(task, completed=finished)
        return
    started = said = time.monotonic()
    last = done
    say(f"{what}: {done}/{total}")

    def line(finished: int) -> None:
        nonlocal said, last
        now = time.monotonic()
        if finished != last and (finished >= total or now - said >= _EVERY):
            said, last = now, finished
            say(f"{what}: {finished}/{total} after {now - started:.0f} s")

    yield line
