"""What schemas are written with: kinds of columns, and a description on every field."""

from __future__ import annotations

import pyarrow as pa

TEXT, INT, REAL = pa.string(), pa.int64(), pa.float64()
# Columns that are also part of the path: pandas reads such a folder only if both have one type.
KEY = pa.dictionary(pa.int32(), pa.string())


def schema_of(*fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    """Make a schema of columns, each with its name, its type and what it means."""
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in fields])


def table_of_fields(schema: pa.Schema) -> str:
    """Return the schema as a Markdown table (the documentation's tables are made with it)."""
    rows = [f"| `{f.name}` | {f.type} | {f.metadata[b'description'].decode()} |" for f in schema]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])
