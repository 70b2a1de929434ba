"""What the readers took every input for: kept for run.json, and shown once all of them are read."""

from __future__ import annotations

import logging

from raycre.genome.textfile import READINGS
from raycre.log import say


class _Listener(logging.Handler):
    """Keeps every line once, in order, and knows how many it has shown."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        self.n_shown = 0

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line not in self.lines:
            self.lines.append(line)


def _listeners() -> list[_Listener]:
    return [handler for handler in READINGS.handlers if isinstance(handler, _Listener)]


def listen() -> list[str]:
    """Begin to keep what readers say in this process; return the lines, which grow as files are read.

    Whatever listened before stops: a process works on one run at a time.
    """
    for earlier in _listeners():
        READINGS.removeHandler(earlier)
    listener = _Listener()
    READINGS.addHandler(listener)
    READINGS.setLevel(logging.INFO)
    return listener.lines


def show_readings() -> None:
    """Show the lines that have not been shown; called once the inputs are read and the run is open."""
    for listener in _listeners():
        for line in listener.lines[listener.n_shown :]:
            say(f"input: {line}")
        listener.n_shown = len(listener.lines)
