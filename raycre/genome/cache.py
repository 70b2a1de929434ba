"""Where raycre keeps what it can make again: `RAYCRE_CACHE`, by default ~/.cache/raycre."""

from __future__ import annotations

import os
from pathlib import Path

from raycre.errors import ConfigError


def cache_folder() -> Path:
    """Return the folder; it may not exist yet.

    Raises:
        ConfigError: RAYCRE_CACHE is an address, and no folder on a disk of this machine.
    """
    given = os.environ.get("RAYCRE_CACHE") or "~/.cache/raycre"
    if "://" in given:
        scheme = given.partition("://")[0]
        raise ConfigError(
            "RAYCRE_CACHE is a folder on a disk of this machine; leave it out, or name one",
            value=f"{scheme}://…",
        )
    return Path(given).expanduser()
