"""Functions that a process of its own calls in tests of `workflows/apart.py`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from raycre.errors import RegionError
from raycre.genome.textfile import took
from raycre.log import say


def say_and_add(numbers: tuple[int, int]) -> tuple[int, int]:
    """Add; return the process as well."""
    say("note: adding")
    took(Path("a.txt"), "two numbers")
    print("to nobody", flush=True)
    return sum(numbers), os.getpid()


def refuse(value: int) -> None:
    """Raise."""
    raise RegionError("cannot be", path="regions.bed", line=3, value=value)


def end(value: int) -> None:
    """End the process."""
    os.kill(os.getpid(), signal.SIGKILL)
