"""What the readers took every input for: shown once on stderr, and kept for run.json."""

from __future__ import annotations

import logging

from raycre.engine.progress import say
from raycre.genome.textfile import READINGS


class _Listener(logging.Handler):
    """Shows every line once, and keeps them in order."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line not in self.lines:
            self.lines.append(line)
            say(f"input: {line}")


def listen() -> list[str]:
    """Begin to show what readers say in this process; return the lines, which grow as files are read.

    Whatever listened before stops: a process works on one run at a time.
    """
    for earlier in [h for h in READINGS.handlers if isinstance(h, _Listener)]:
        READINGS.removeHandler(earlier)
    listener = _Listener()
    READINGS.addHandler(listener)
    READINGS.setLevel(logging.INFO)
    READINGS.propagate = False
    return listener.lines
