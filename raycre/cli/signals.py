"""Ctrl-C and SIGTERM: one line that says what is kept and how to go on, and silence while the run unwinds."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE = 30.0  # seconds for a run to unwind; whatever it started ends with this process anyway
GO_ON = "the same command goes on from there"
KEPT = {
    "train": f"finished folds and epochs are kept; {GO_ON}",
    "predict": f"finished shards are kept; {GO_ON}",
    "creme": f"finished units are kept; {GO_ON}",
    "demo": f"finished parts are kept; {GO_ON}",
    "weights": f"what was fetched so far is kept; {GO_ON}",
    "annotate": f"finished parts are kept; {GO_ON}",
    "compare": "no file is half written; run it again",
    "prepare": "downloads are kept; run it again",
    "genome": f"what was fetched so far is kept; {GO_ON}",
    "export": "no file is half written; run it again",
    "report": "no file is half written; run it again",
    "compact": "the run is whole as it is; run it again",
}
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


def what_is_kept(arguments: Sequence[str]) -> str:
    """Say for a command line what an interrupted run leaves, and how to go on."""
    verb = next((word for word in arguments if not word.startswith("-")), "")
    if "--dry-run" in arguments:
        return "a dry run writes nothing; run it again"
    said = KEPT.get(verb, "run it again")
    return said.replace(GO_ON, "to go on run it again without --fresh") if "--fresh" in arguments else said


class Stopped:
    """Whether a signal came. `exit_code` is then 128 and the signal's number, else None."""

    exit_code: int | None = None


@contextmanager
def interruptible(arguments: Sequence[str]) -> Iterator[Stopped]:
    """End what runs inside at the first signal by KeyboardInterrupt, the process itself at the second.

    From the first on, nothing but the one line reaches stdout and stderr: Ray and the progress bars are
    still there while the run unwinds.
    """
    stopped = Stopped()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stopped.exit_code is not None:
            os._exit(stopped.exit_code)
        stopped.exit_code = 128 + number
        _say_last(f"stopped by {NAMES[signal.Signals(number)]}: {what_is_kept(arguments)}")
        end = threading.Timer(PATIENCE, os._exit, [stopped.exit_code])
        end.daemon = True
        end.start()
        raise KeyboardInterrupt  # the one exception that Ray lets through from a signal

    before = {number: signal.signal(number, handle) for number in NAMES}
    try:
        yield stopped
    finally:
        if stopped.exit_code is None:
            for number, handler in before.items():
                signal.signal(number, handler)


def _say_last(message: str) -> None:
    """Print a line on stderr, and nothing any more afterwards, whoever writes."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # A bar may stand on the line, and hide the cursor.
    text = f"\r\x1b[K{message}\x1b[?25h\n" if os.isatty(2) else f"{message}\n"
    with suppress(OSError):
        os.write(2, text.encode())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
