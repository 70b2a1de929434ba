"""Fixtures of leases on run folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raycre.store.files import work_for
from raycre.store.lease import Lease


@pytest.fixture
def no_epoch() -> Iterator[None]:
    """Afterwards this process works for no run."""
    yield
    work_for("")


@pytest.fixture
def mine(tmp_path: Path, no_epoch: None) -> Iterator[Lease]:
    """A lease on `tmp_path` that this process holds."""
    held = Lease(tmp_path, "raycre predict")
    held.claim()
    yield held
    held.release()
