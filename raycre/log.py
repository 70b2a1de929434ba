"""What a person is told, a line each: through Python's logging, and to stderr unless a program takes it over.

A program that wants the lines elsewhere gives the logger "raycre" handlers of its own in place of ours.
JSON lines (`raycre --log-json`) also have what is of use to programs alone, such as the end of each unit.
"""

from __future__ import annotations

import json
import logging
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

LOG = logging.getLogger("raycre")
_unit: ContextVar[str] = ContextVar("unit", default="")


class LogState(NamedTuple):
    """How a process logs, for those that work for it: as JSON or not, and what its lines are about."""

    as_json: bool
    about: Mapping[str, str]


class _Stderr(logging.Handler):
    """Writes the bare line, or a JSON object of it, to what is stderr at that moment."""

    as_json = False
    about: Mapping[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if self.as_json:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
            about = {**self.about, **({"unit": unit} if (unit := _unit.get()) else {})}
            line = json.dumps({"at": at, "node": socket.gethostname(), **about, "message": line})
        elif record.levelno < logging.INFO:
            return
        print(line, file=sys.stderr, flush=True)


if not LOG.handlers:
    LOG.addHandler(_Stderr(logging.DEBUG))
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def say(message: str) -> None:
    """Tell one line."""
    LOG.info("%s", message)


def detail(message: str) -> None:
    """Tell one line that only a program reads: JSON lines have it, a person is not told."""
    LOG.debug("%s", message)


def log_json(on: bool = True) -> None:
    """Tell each line as a JSON object: at, node, what `log_about` and `log_unit` have named, message."""
    _Stderr.as_json = on
    LOG.setLevel(logging.DEBUG if on else logging.INFO)


def log_about(**names: str) -> None:
    """Let JSON lines from now on name what they are about, such as the run."""
    _Stderr.about = {**_Stderr.about, **names}


@contextmanager
def log_unit(name: str) -> Iterator[None]:
    """Let JSON lines of the block name the unit of work that they are about."""
    token = _unit.set(name)
    try:
        yield
    finally:
        _unit.reset(token)


def log_state() -> LogState:
    """Return how this process logs."""
    return LogState(_Stderr.as_json, _Stderr.about)


def log_like(state: LogState) -> None:
    """Log as another process does."""
    log_json(state.as_json)
    _Stderr.about = state.about
