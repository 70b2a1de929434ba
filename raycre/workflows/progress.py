"""Progress: a bar or a table of folds on a terminal and in a notebook, a plain line now and then else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import NamedTuple

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from raycre.log import say

_EVERY = 15.0  # seconds between plain lines


def shows_bars() -> bool:
    """Whether bars can be drawn: on a terminal, or in a notebook that has ipywidgets."""
    return sys.stderr.isatty() or ("ipykernel" in sys.modules and find_spec("ipywidgets") is not None)


@contextmanager
def progress(what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show `what` advancing to `total`; yields a function that takes the number finished so far."""
    if shows_bars():
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


@contextmanager
def downloading(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a download; yields a function that takes the bytes so far and in all (None: not known)."""
    if shows_bars():
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn())  # fmt: skip
        with Progress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task(what, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
        return
    started = said = time.monotonic()

    def line(done: int, total: int | None) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _EVERY or done == total:
            said = now
            of = "" if total is None else f" of {total / 1e6:,.1f}"
            say(f"{what}: {done / 1e6:,.1f}{of} MB after {now - started:.0f} s")

    yield line


class FoldRow(NamedTuple):
    """How far a fold is. `state`: waiting, training, evaluating, done or failed.

    epoch of epochs are done; loss, auprc (validation) and seconds are of the newest epoch, best is the best
    auprc. None: not known yet.
    """

    run: str
    fold: int
    state: str
    epoch: int
    epochs: int
    loss: float | None = None
    auprc: float | None = None
    best: float | None = None
    seconds: float | None = None

    @property
    def over(self) -> bool:
        """Nothing more is to come; a fold that stopped early counts whole."""
        return self.state in ("evaluating", "done", "failed")


@contextmanager
def watched(what: str, rows: Callable[[], list[FoldRow]]) -> Iterator[None]:
    """Show folds while they train: a live table on a terminal, else a plain line now and then.

    Args:
        what: that is trained.
        rows: reads how far each fold is; called about once a second from a thread.
    """
    over, started = threading.Event(), time.monotonic()
    with ExitStack() as stack:
        show: Callable[[list[FoldRow]], object]
        if shows_bars():
            console = Console(stderr=True)
            live = stack.enter_context(Live(console=console, auto_refresh=False))
            room = max(3, console.height - 5)
            show = lambda found: live.update(fold_table(what, found, room), refresh=True)  # noqa: E731
        else:
            show = _FoldLines(what, started)

        def watch() -> None:
            while not over.wait(1.0):
                show(rows())

        show(rows())
        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            show(rows())


def fold_table(what: str, rows: Sequence[FoldRow], room: int) -> Table:
    """Lay folds out as a table of at most `room` rows, those in training first."""
    table = Table(title=_summary(what, rows), title_justify="left", box=None)
    named = any(row.run for row in rows)
    columns = ("fold", "state", "epoch", "loss", "auPRC", "best", "s/epoch", "left at most")
    for name in ("run", *columns) if named else columns:
        table.add_column(name, justify="left" if name in ("run", "state") else "right")
    states = ("training", "evaluating", "failed", "waiting", "done")
    for row in sorted(rows, key=lambda row: states.index(row.state))[:room]:
        cells = [str(row.fold), row.state, f"{row.epoch}/{row.epochs}", _number(row.loss, 4)]
        cells += [_number(row.auprc, 3), _number(row.best, 3), _number(row.seconds, 1), _left(row)]
        table.add_row(*([row.run] if named else []), *cells)
    return table


class _FoldLines:
    """Plain lines of folds: at the start, at the end, and every few seconds when an epoch was finished."""

    def __init__(self, what: str, started: float) -> None:
        self._what, self._started, self._said, self._last = what, started, started, ""

    def __call__(self, rows: Sequence[FoldRow]) -> None:
        now, text = time.monotonic(), _summary(self._what, rows)
        ended = all(row.over for row in rows)
        if text == self._last or (self._last and not ended and now - self._said < _EVERY):
            return
        self._said, self._last = now, text
        scores = [f"{row.run} fold {row.fold} {row.auprc:.3f}".strip() for row in rows
                  if row.state == "training" and row.auprc is not None]  # fmt: skip
        newest = f"; auPRC now: {', '.join(scores[:8])}" if scores else ""
        say(f"{text} after {now - self._started:.0f} s{newest}")


def _summary(what: str, rows: Sequence[FoldRow]) -> str:
    done = sum(row.epochs if row.over else row.epoch for row in rows)
    failed = sum(row.state == "failed" for row in rows)
    total = sum(row.epochs for row in rows)
    return f"epochs of {what}: {done}/{total}" + (f" ({failed} folds failed)" if failed else "")


def _left(row: FoldRow) -> str:
    if row.over or row.seconds is None:
        return ""
    return str(timedelta(seconds=round(row.seconds * (row.epochs - row.epoch))))


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
