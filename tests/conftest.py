"""Fixtures that every test may use: where the shared data lies, and one thread for torch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden fixtures and real data: RAYCRE_SHARED, or ../shared beside the project."""
    path = Path(os.environ.get("RAYCRE_SHARED", ROOT.parent / "shared"))
    if not path.is_dir():
        pytest.skip(f"no shared data at {path}; set RAYCRE_SHARED")
    return path
