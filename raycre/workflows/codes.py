"""Codebook features of regions as a table, as training and prediction write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raycre.store.parquet import as_table
from raycre.store.schemas import codes_schema


def codes_table(
    region_id: NDArray[Any],
    fold: int,
    codes: NDArray[Any],
    n_codes: int,
    metadata: dict[str, str] | None = None,
) -> pa.Table:
    """Codes of predicted regions as a table of `schemas.codes_schema`.

    Args:
        region_id: integer (n,).
        fold: whose codebook it is; folds share none.
        codes: integer (n, 26, M), 0 to n_codes - 1.
    """
    fields = {"region_id": region_id, "fold": np.full(len(codes), fold), "codes": flat_rows(codes)}
    return as_table(fields, codes_schema(n_codes), metadata)


def flat_rows(array: NDArray[Any]) -> list[NDArray[Any]]:
    """One flat array a region, as a list column wants them."""
    return list(array.reshape(len(array), -1))
