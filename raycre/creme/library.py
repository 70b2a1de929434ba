"""The library that shuffles, loaded by one process at a time.

seqpro compiles parts of itself at its first import and keeps the machine code in a cache on disk. Two first
imports at once leave a cache that is mixed up, and then every later import aborts the process (seen with two
replicas in a new environment). So the cache is one of our own, and a lock stands before it.
"""

from __future__ import annotations

import fcntl
import os
from functools import cache
from importlib.metadata import version
from types import ModuleType

from raycre.errors import InputError
from raycre.genome.cache import cache_folder


@cache
def load_seqpro() -> ModuleType:
    """Import seqpro: 2-3 s, some seconds more the first time on a machine.

    It also resets torch's threads, so whoever sets those must call this before.

    Raises:
        InputError: the cache folder cannot be written.
    """
    folder = cache_folder() / f"seqpro-{version('seqpro')}-numba-{version('numba')}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise InputError(
            f"cannot be written ({error}); set RAYCRE_CACHE to a folder that can", path=folder
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
        import seqpro
    return seqpro
