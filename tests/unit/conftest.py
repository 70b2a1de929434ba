"""Runs begin without Ray, which no unit test needs; fixtures of leases on run folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raycre.store.files import work_for
from raycre.store.lease import Lease
from tests.annotate_cli import cli  # noqa: F401 - a fixture
from tests.in_process import connect_to_nothing
from tests.lab import checkpoint, lab  # noqa: F401 - fixtures
from tests.text_files import file, said  # noqa: F401 - fixtures


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    connect_to_nothing(monkeypatch)


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
