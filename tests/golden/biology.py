"""Tables of the golden set `biology`, for the tests that hold annotations to it; it says every size."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


def part_of(shared: Path, part: str) -> Path:
    """Folder of one part of the set; skips where it is not there."""
    folder = shared / "golden" / "biology" / part
    if not folder.is_dir():
        pytest.skip(f"no golden set at {folder}")
    return folder


def read_tsv(path: Path, *, header: int | None = 0) -> pd.DataFrame:
    """A table of the set; "." stays text."""
    return pd.read_csv(path, sep="\t", header=header, keep_default_na=False, na_values=["nan"])
