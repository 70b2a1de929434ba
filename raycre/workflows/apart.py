"""A function in a process of its own, whose memory ends with it.

What a driver has once held it does not give back whole, and it lives for as long as its run.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from raycre.errors import RaycreError
from raycre.genome.textfile import READINGS
from raycre.log import LOG, say
from raycre.workflows.readings import listen

T = TypeVar("T")
R = TypeVar("R")


def apart(function: Callable[[T], R], argument: T) -> R:
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
        lines, readings, error, result = pickle.loads(child.stdout)
    except (EOFError, pickle.UnpicklingError):
        raise RaycreError(
            f"{function.__name__}: its process ended with {child.returncode} and without an answer "
            "(killed, or out of memory); run again"
        ) from None
    for line in lines:
        say(line)
    for line in readings:
        READINGS.info("%s", line)
    if error is not None:
        raise error
    found: R = result
    return found


class _Kept(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _answer() -> None:
    """Read a function and its argument from stdin; write what was said and what came of it to stdout."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints
    function, argument = pickle.load(sys.stdin.buffer)
    lines: list[str] = []
    LOG.handlers = [_Kept(lines)]
    readings, error, result = listen(), None, None
    try:
        result = function(argument)
    except Exception as caught:
        error = caught
    with out:
        out.write(pickle.dumps((lines, readings, error, result)))


if __name__ == "__main__":
    _answer()
