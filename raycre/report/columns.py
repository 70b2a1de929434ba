"""Tables as compressed columns inside a page: what 500,000 rows take without a file beside it.

A column is bytes of one type, the bytes of equal rank together (first the lowest of all rows, and so on),
which compresses better; then gzip, then base64. `assets/columns.js` reads them back.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DIGITS = 4  # significant digits of a real number in a page; a table shows three
NULL = -32768  # the mantissa of a number that is not there
_LARGEST_INT32 = 2**31 - 1


@dataclass(frozen=True)
class PackedColumn:
    """A packed column.

    Attributes:
        name: its key. title: what stands above it.
        kind: place (whole numbers), number (`DIGITS` digits and a power of ten), category, or text.
        n: rows.
        values: of a category, its texts; codes are positions in them.
        width: bytes of a code, or of a step from one place to the next.
        base: a column whose values are taken off these: an end is kept as a length.
        payload: base64 of gzip.
    """

    name: str
    title: str
    kind: str
    n: int
    payload: str
    values: Sequence[str] = ()
    width: int = 0
    base: str = ""

    def about(self) -> dict[str, Any]:
        """Return what the page says of it, without the payload."""
        return {
            "name": self.name,
            "title": self.title,
            "kind": self.kind,
            "values": list(self.values),
            "width": self.width,
            "base": self.base,
        }


@dataclass(frozen=True)
class PackedTable:
    """A table of packed columns.

    Attributes:
        name: its key in the page.
        n: rows.
        columns: in the order in which a grid shows them.
        roles: what the page takes it for: chrom, start, end, gene, label -> name of a column.
        hidden: columns that no grid shows.
    """

    name: str
    n: int
    columns: Sequence[PackedColumn]
    roles: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[str] = ()

    @property
    def size(self) -> int:
        """Bytes of all payloads."""
        return sum(len(column.payload) for column in self.columns)

    def about(self) -> dict[str, Any]:
        """Return what the page says of it, without the payloads."""
        return {
            "n": self.n,
            "columns": [column.about() for column in self.columns],
            "roles": dict(self.roles),
            "hidden": list(self.hidden),
        }


def pack_table(
    name: str,
    rows: pd.DataFrame,
    titles: Mapping[str, str],
    roles: Mapping[str, str],
    hidden: Sequence[str] = (),
) -> PackedTable:
    """Pack the columns of `rows` that `titles` names, in its order."""
    columns = []
    for key, title in titles.items():
        if key == roles.get("end") and "start" in roles:
            length = pack_column(key, title, rows[key] - rows[roles["start"]])
            columns.append(replace(length, base=roles["start"]))
        else:
            columns.append(pack_column(key, title, rows[key]))
    return PackedTable(name, len(rows), columns, roles, hidden)


def pack_column(name: str, title: str, values: pd.Series) -> PackedColumn:
    """Pack one column by what it holds: whole numbers, reals, few texts, or many."""
    if pd.api.types.is_float_dtype(values):
        mantissa, exponent = as_decimals(values.to_numpy(np.float64))
        return PackedColumn(name, title, "number", len(values), pack(_planes(mantissa) + exponent.tobytes()))
    if pd.api.types.is_integer_dtype(values):
        steps = np.diff(values.to_numpy(np.int64), prepend=0)
        fits = not len(steps) or int(np.abs(steps).max()) <= _LARGEST_INT32
        kept = steps.astype("<i4") if fits else steps.astype("<f8")
        return PackedColumn(name, title, "place", len(values), pack(_planes(kept)), width=kept.itemsize)
    codes, texts = pd.factorize(values.astype(object).where(values.notna(), ""))
    names = [str(text) for text in texts]
    if len(names) > max(64, len(values) // 4):
        text = json.dumps([names[code] for code in codes], ensure_ascii=False, separators=(",", ":"))
        return PackedColumn(name, title, "text", len(values), pack(text.encode()))
    width = 1 if len(names) < 2**8 else 2 if len(names) < 2**16 else 4
    return PackedColumn(
        name, title, "category", len(values), pack(_planes(codes.astype(f"<u{width}"))), names, width
    )


def as_decimals(values: NDArray[np.float64]) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return mantissa and power of ten of each number, `DIGITS` digits: value = mantissa × 10^exponent.

    What is not finite has the mantissa `NULL`; 0 has the mantissa 0. Round half to even.
    """
    known = np.isfinite(values) & (values != 0)
    size = np.zeros(len(values), np.int64)
    size[known] = np.floor(np.log10(np.abs(values[known]))).astype(np.int64)
    exponent = np.clip(size - (DIGITS - 1), -120, 120)
    mantissa = np.zeros(len(values), np.float64)
    mantissa[known] = np.rint(values[known] / 10.0 ** exponent[known])
    over = np.abs(mantissa) >= 10**DIGITS
    mantissa[over], exponent[over] = mantissa[over] / 10, exponent[over] + 1
    mantissa[~np.isfinite(values)] = NULL
    exponent[~known] = 0
    return mantissa.astype("<i2"), exponent.astype(np.int8)


def pack(data: bytes) -> str:
    """Return bytes as gzip in base64; equal bytes give equal text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()


def _planes(values: NDArray[Any]) -> bytes:
    return values.view(np.uint8).reshape(len(values), values.itemsize).T.tobytes()
