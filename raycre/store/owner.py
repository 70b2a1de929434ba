"""Who holds a run folder: which process on which machine, told apart from a later one of the same number."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

_ENDED = "ZX"  # states of a process that is only a record for its parent
_BOOT = ("sysctl", "-n", "kern.bootsessionuuid")  # macOS


@dataclass(frozen=True)
class Owner:
    """Who holds a folder.

    Attributes:
        epoch: number of the claim, and eight hexadecimal digits that no other claim has.
        user, host, pid, command: for a person.
        machine, started: tell this process from all others.
        since: when it began, by its own clock; for a person.
        clock: its monotonic clock then, which a process of the same machine can compare.
    """

    epoch: str
    user: str
    host: str
    pid: int
    command: str
    machine: str
    started: str
    since: str
    clock: float

    def __str__(self) -> str:
        return f"{self.command} of {self.user} on {self.host} (process {self.pid}), since {self.since}"

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine, that it would be seen among."""
        return self.machine != "" and self.machine == this_machine()

    @property
    def has_ended(self) -> bool:
        """Whether its process has surely ended."""
        if not self.is_here:
            return False
        started = start_of(self.pid)
        return started != self.started if started else not _is_there(self.pid)


def owner_here(epoch: str, command: str) -> Owner:
    """Return this process, as one that begins to hold a folder now."""
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    pid = os.getpid()
    return Owner(
        epoch, this_user(), socket.gethostname(), pid, command, this_machine(), start_of(pid), now,
        time.monotonic(),
    )  # fmt: skip


def parse_owner(text: str | None) -> Owner | None:
    """Return the owner that a claim names; None of a claim that is not whole."""
    with suppress(ValueError, TypeError, KeyError):
        value: Mapping[str, Any] = json.loads(text or "")
        return Owner(**{each.name: value[each.name] for each in fields(Owner)})
    return None


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Return what two processes share that see each other's numbers: host, boot, PID namespace.

    Empty where the system does not tell: then no process is known to be on the same machine.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = _said_by(*_BOOT), ""
    return f"{socket.gethostname()} {boot} {space}".strip() if boot else ""


def start_of(pid: int) -> str:
    """Return when a process of this machine started, in the system's own words; empty where none is seen."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            state, *rest = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "ended" if state in _ENDED else rest[18]  # field 22 of proc(5): clock ticks after the boot
    return _said_by("ps", "-o", "lstart=", "-p", str(pid))


def _is_there(pid: int) -> bool:
    """Whether a process has this number; other users' may be hidden from /proc and ps."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def this_user() -> str:
    """Return the name of the user, or its number where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _said_by(*command: str) -> str:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""
