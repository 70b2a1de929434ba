"""What several verbs write: failed units, and codes of codebooks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from raycre.store.fields import INT, TEXT, schema_of

FAILURES = schema_of(
    ("unit", TEXT, "unit of work in plan.parquet"),
    ("what", TEXT, "the gene or the regions it stands for"),
    ("attempts", pa.int32(), "times it was tried"),
    ("error", TEXT, "the last error"),
    ("traceback", TEXT, "where the last error was raised; null of a process that ended without a word"),
)

CENTRED = "of the centred window, forward strand"


def codes_field(n_codes: int) -> tuple[str, pa.DataType, str]:
    """Return the column of a region's codes, for a codebook of n_codes."""
    kind = pa.from_numpy_dtype(np.min_scalar_type(n_codes - 1))  # uint8 to 256 codes, uint16 above
    return (
        "codes",
        pa.list_(kind),
        f"26 x M codes {CENTRED}, position by position, in the smallest unsigned type that holds K; "
        "codebook[codes] laid end to end is the quantised embedding (26, embedding), codebook being the "
        "fold's codebook.parquet, or quantizer.codebook of its weights",
    )


def codes_schema(n_codes: int) -> pa.Schema:
    """Schema of the codes of predicted regions, for a codebook of n_codes."""
    return schema_of(
        ("region_id", INT, "number of the region in the run, in input order"),
        ("fold", pa.int32(), "fold whose codebook it is"),
        codes_field(n_codes),
    )
