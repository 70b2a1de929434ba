"""Where raycre keeps what it can make again: `RAYCRE_CACHE`, by default ~/.cache/raycre."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder; it may not exist yet."""
    return Path(os.environ.get("RAYCRE_CACHE") or "~/.cache/raycre").expanduser()
