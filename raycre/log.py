"""What a person is told, a line each: through Python's logging, and to stderr unless a program takes it over.

A program that wants the lines elsewhere gives the logger "raycre" handlers of its own in place of ours.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import time

LOG = logging.getLogger("raycre")


class _Stderr(logging.Handler):
    """Writes the bare line, or a JSON object of it, to what is stderr at that moment."""

    as_json = False
    about: dict[str, str] = {}  # noqa: RUF012 - of the process

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if self.as_json:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            line = json.dumps({"at": at, "node": socket.gethostname(), **self.about, "message": line})
        print(line, file=sys.stderr, flush=True)


if not LOG.handlers:
    LOG.addHandler(_Stderr(logging.INFO))
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def say(message: str) -> None:
    """Tell one line."""
    LOG.info("%s", message)


def log_json(on: bool = True) -> None:
    """Tell each line as a JSON object: at, node, what `log_about` has named, message."""
    _Stderr.as_json = on


def log_about(**names: str) -> None:
    """Let JSON lines from now on name what they are about, such as the run."""
    _Stderr.about = _Stderr.about | names
