"""What a Ray of the run's own needs of this machine: processors, and room for sockets and objects."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from raycre.errors import ConfigError
from raycre.log import say

SHARED_MEMORY = Path("/dev/shm")
_CGROUPS = Path("/sys/fs/cgroup")
# Ray's longest socket: its name below the temporary folder. The system's limit is below, `_socket_limit`.
_SOCKET = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
_ROOM = 100 * 2**20  # bytes that logs and sockets of a session may need


def usable_cpus() -> int:
    """Return how many processors this process may use: by its affinity, and by the quota of its cgroup."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    n = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = cgroup_cpus()
    return n if quota is None else max(1, min(n, int(quota)))


def apple_gpus() -> int:
    """Return 1 on a Mac with Apple silicon, whose GPU Ray does not count by itself; else 0."""
    return int(sys.platform == "darwin" and platform.machine() == "arm64")


def cgroup_cpus(root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Return the smallest quota of processors over this process's cgroup and those above it; None: no quota.

    Args:
        root: where cgroups are mounted, version 1 or 2.
        own: says which cgroup the process is in.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:  # no Linux
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        base = root if not controllers else root / "cpu"
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = base / path.strip("/")
        for folder in (group, *group.parents):
            quotas.append(_quota(folder))
            if folder == base:
                break
    return min((q for q in quotas if q is not None), default=None)


def _quota(folder: Path) -> float | None:
    """Processors that one cgroup allows; None without a limit."""
    try:
        if (folder / "cpu.max").is_file():  # version 2
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
    except (OSError, ValueError):
        return None


@contextmanager
def local_options() -> Iterator[dict[str, Any]]:
    """Yield arguments of `ray.init` for a Ray of this machine alone; what is in its way is found before.

    Raises:
        ConfigError: no folder for Ray's sockets and logs, or no room there.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(_short(_temporary()))
        options: dict[str, Any] = {"include_dashboard": False, "num_cpus": usable_cpus()}
        options |= {"_temp_dir": str(folder), **({"num_gpus": n} if (n := apple_gpus()) else {})}
        # Only Linux has such a folder; elsewhere Ray keeps objects in files of its temporary folder anyway.
        why = _refused(SHARED_MEMORY) if sys.platform == "linux" else None
        if why is not None and SHARED_MEMORY.parent.is_dir():
            _note(f"NOTE: {SHARED_MEMORY} cannot be written ({why}): Ray keeps objects on disk, in {folder}")
            options["_plasma_directory"] = str(folder)
        yield options


@lru_cache
def _note(text: str) -> None:
    say(text)  # once, though a run asks before it begins and again when it starts Ray


def _temporary() -> Path:
    """Return Ray's temporary folder, which can be written."""
    given = os.environ.get("RAY_TMPDIR")
    if given is not None:
        _check_room(Path(given), f"RAY_TMPDIR={given}")
        return Path(given).resolve() / "ray"
    base = Path(os.environ.get("TMPDIR") or "/tmp")
    why = _refused(base)
    if why is not None and base != Path("/tmp"):
        _note(f"NOTE: TMPDIR={base} cannot be written ({why}): Ray uses /tmp")
        base = Path("/tmp")
    _check_room(base, str(base))
    return base.resolve() / "ray"


def _check_room(folder: Path, named: str) -> None:
    why = _refused(folder)
    free = 0 if why is not None else shutil.disk_usage(folder).free
    if why is None and free < _ROOM:
        why = f"{free / 2**20:.0f} MiB are free there, and its logs may need {_ROOM / 2**20:.0f}"
    if why is not None:
        raise ConfigError(
            f"{named}: Ray cannot keep its sockets and logs in this folder ({why}); set RAY_TMPDIR to one "
            "that can be written"
        )


def _refused(folder: Path) -> str | None:
    """Return why no file can be written in a folder, None where it can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _socket_limit() -> int:
    """Bytes of a socket's path, of its 108 (104 on macOS) the last is a zero (`sun_path` in sys/un.h)."""
    return 103 if sys.platform == "darwin" else 107


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """Yield a folder whose sockets' paths the system takes: itself, or a link in /tmp to it."""
    limit = _socket_limit()
    if len(os.fsencode(folder)) + len(_SOCKET) <= limit:
        yield folder
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        links = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    except OSError as error:
        longest = limit - len(_SOCKET) - len("/ray")
        raise ConfigError(
            f"{folder}: too long for Ray's sockets, and /tmp cannot hold a link ({error.strerror}); set "
            f"RAY_TMPDIR to a folder of at most {longest} characters"
        ) from error
    link = Path(links) / "ray"
    link.symlink_to(folder)
    try:
        yield link
    finally:
        shutil.rmtree(links, ignore_errors=True)
