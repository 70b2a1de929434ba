"""Tables as tab-separated text: every row and column, coordinates 0-based half-open as in the run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from raycre.export.features import Features
from raycre.export.options import Options
from raycre.store.files import write_atomic

# Whole numbers stay whole beside missing ones.
_KINDS = {
    **{
        getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")()
        for name in ("Int8", "Int16", "Int32", "Int64")
    },
    pa.bool_(): pd.BooleanDtype(),
}


def write_tsv(found: Features, out: Path, options: Options) -> list[Path]:
    """Write a file for each table of the run; columns that hold lists are left out, and counted."""
    return [_write(out / f"{name}.tsv", pieces(), found) for name, pieces in found.tables.items()]


def _write(path: Path, pieces: Iterable[pa.Table], found: Features) -> Path:
    def write(temporary: Path) -> None:
        with temporary.open("w", newline="") as file:
            for number, piece in enumerate(pieces):
                rows = _flat(piece, found).to_pandas(types_mapper=_KINDS.get)
                rows.to_csv(file, sep="\t", index=False, header=number == 0, lineterminator="\n")

    write_atomic(path, write)
    return path


def _flat(table: pa.Table, found: Features) -> pa.Table:
    lists = [field.name for field in table.schema if pa.types.is_nested(field.type)]
    for name in lists:
        found.left_out[f"column left out, {name}, which holds lists"] = 1
    return table.drop_columns(lists).replace_schema_metadata(None)
