"""Golden set A of CREME, for every test that holds one of its tests to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.creme_fixture import Arrays, read_arrays


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    """The set's folder."""
    return shared / "golden" / "creme"


@pytest.fixture(scope="module")
def config(golden: Path) -> dict[str, Any]:
    """Sizes and constants of the toy set."""
    loaded: dict[str, Any] = json.loads((golden / "toy_A" / "config.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def analytic(golden: Path) -> Arrays:
    """The set that can be derived by hand."""
    return read_arrays(golden / "analytic" / "analytic.npz")
