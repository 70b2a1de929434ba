"""Processes that tests start, watch and kill, read from /proc; without that, such tests are skipped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

if not Path("/proc").is_dir():
    pytest.skip("there is no /proc, from which processes are read", allow_module_level=True)

PATIENCE = 600.0  # seconds; only something that never happens takes as long, on however busy a machine


def until(condition: Callable[[], bool], why: Callable[[], str]) -> None:
    """Wait for a condition; fail with `why()` when patience ends."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)


def descendants(pid: int) -> list[int]:
    """Return all processes below `pid`."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile
            children.setdefault(parent, []).append(int(folder.name))
    found, queue = [], [pid]
    while queue:
        found += (of := children.get(queue.pop(), []))
        queue += of
    return found


def command(pid: int) -> str:
    """Return the command line of a process, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_tree(pid: int) -> None:
    """kill -9 a process and all below it, and wait until they are gone."""
    tree = [pid, *descendants(pid)]
    for each in tree:
        if alive(each):
            os.kill(each, signal.SIGKILL)
    until(lambda: not any(map(alive, tree)), lambda: f"still running: {tree}")
