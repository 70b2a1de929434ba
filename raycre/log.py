"""What a person is told, a line each: through Python's logging, and to stderr unless a program takes it over.

A program that wants the lines elsewhere gives the logger "raycre" handlers of its own in place of ours.
"""

from __future__ import annotations

import logging
import sys

LOG = logging.getLogger("raycre")


class _Stderr(logging.Handler):
    """Writes the bare line to what is stderr at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


if not LOG.handlers:
    LOG.addHandler(_Stderr(logging.INFO))
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def say(message: str) -> None:
    """Tell one line."""
    LOG.info("%s", message)
