"""What the figures of CREME's tests share: the parts of one test, and names as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from raycre.store.parquet import read_table
from raycre.store.parts import current_parts

SHARED = ["gene_id", "gene_name", "track_id", "track_name", "biosample", "metric", "effect", "call"]


def iter_effects(run: Path, test: str, more: list[str]) -> Iterator[pd.DataFrame]:
    """Yield the effects of one test gene by gene: `SHARED` and `more`, null where a part lacks a column.

    Raises:
        FormatError: a damaged part.
    """
    columns = [*SHARED, *more]
    for path in current_parts(run.glob(f"effects/test={test}/model=*/part-*.parquet")):
        rows = read_table(path, columns).to_pandas().reindex(columns=columns)
        if len(rows):
            yield rows


def track_name(row: pd.Series) -> str:
    """Return the track as people know it: its name and biosample, each once, or its number."""
    names = [str(row[c]) for c in ("track_name", "biosample") if not pd.isna(row[c])]
    return " · ".join(dict.fromkeys(names)) or f"track {row['track_id']}"
