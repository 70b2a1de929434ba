"""A function in another process, whose memory ends with it: a new one here, or a task of the cluster.

What a driver has once held it does not give back whole, and it lives for as long as its run.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from raycre.errors import RaycreError
from raycre.genome.textfile import READINGS
from raycre.log import LOG, say
from raycre.workflows.readings import listen

T = TypeVar("T")
R = TypeVar("R")


class Answer(NamedTuple):
    """What a function said, what readers said of files, and what it raised or returned."""

    lines: list[str]
    readings: list[str]
    error: Exception | None
    result: Any


def call_apart(function: Callable[[T], R], argument: T) -> R:
    """Call a function of a module in a new process.

    What it raises is raised, what it says is said here, and what readers said of files is heard here.

    Raises:
        RaycreError: the process ended without an answer.
    """
    child = subprocess.run(
        [sys.executable, "-m", "raycre.workflows.apart"],
        input=pickle.dumps((function, argument)),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    try:
        answer = Answer(*pickle.loads(child.stdout))
    except (EOFError, pickle.UnpicklingError):
        raise RaycreError(
            f"{function.__name__}: its process ended with {child.returncode} and without an answer "
            "(killed, or out of memory); run again"
        ) from None
    found: R = take(answer)
    return found


def answer(call: tuple[Callable[[T], R], T]) -> Answer:
    """Call a function with an argument, in a process that others listen to."""
    function, argument = call
    lines: list[str] = []
    before, LOG.handlers = LOG.handlers, [_Kept(lines)]
    readings, error, result = listen(), None, None
    try:
        result = function(argument)
    except Exception as caught:
        error = caught
    finally:
        LOG.handlers = before
    return Answer(lines, readings, error, result)


def take(answer: Answer) -> Any:
    """Say here what was said there; return what was returned there, or raise what was raised."""
    for line in answer.lines:
        say(line)
    for line in answer.readings:
        READINGS.info("%s", line)
    if answer.error is not None:
        raise answer.error
    return answer.result


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _answer() -> None:
    """Read a call from stdin, write the answer to stdout."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints
    call = pickle.load(sys.stdin.buffer)
    with out:
        out.write(pickle.dumps(tuple(answer(call))))


if __name__ == "__main__":
    _answer()
