"""Intervals from bigBed and bigWig, through pyBigWig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyBigWig

from raycre.errors import FormatError
from raycre.genome.textfile import took
from raycre.genome.value_rows import runs_above_zero

_TAIL = 4  # bytes: both formats repeat their magic number at the end


def read_bigbed(path: Path) -> bytes:
    """Return a bigBed's records as the lines of the BED that it was made of.

    Raises:
        FormatError: truncated, damaged, or without records.
    """
    file = _open(path, "bigBed")
    try:
        lines = [
            f"{chrom}\t{start}\t{end}" + (f"\t{rest}" if rest else "")
            for chrom, length in file.chroms().items()
            for start, end, rest in file.entries(chrom, 0, length) or ()
        ]
    except RuntimeError as error:
        raise _cut(path, "bigBed") from error
    finally:
        file.close()
    if not lines:
        raise FormatError("the bigBed holds no record; get it again, or leave it out", path=path)
    return "\n".join([*lines, ""]).encode()


def read_runs_of_bigwig(path: Path) -> tuple[pd.DataFrame, int]:
    """Return runs of touching values above 0, and how many stored values are none such; line is a number.

    Raises:
        FormatError: truncated, damaged, or without a value.
    """
    file = _open(path, "bigWig")
    parts, values = [], []
    try:
        for chrom, length in file.chroms().items():
            stored = file.intervals(chrom, 0, length) or ()
            if stored:
                start, end, value = (np.array(column) for column in zip(*stored, strict=True))
                parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": end}))
                values.append(value)
    except RuntimeError as error:
        raise _cut(path, "bigWig") from error
    finally:
        file.close()
    if not parts:
        raise FormatError("the bigWig holds no value, only a header; get it again", path=path)
    value = np.concatenate(values).astype(np.float64)
    table = pd.concat(parts, ignore_index=True).assign(line=np.arange(1, len(value) + 1))
    found = runs_above_zero(table, value)
    took(path, f"bigWig of {len(value):,} values: {len(found):,} runs of values above 0 are regions")
    return found, int((~(value > 0)).sum())


def _open(path: Path, what: str) -> Any:
    with path.open("rb") as file:
        head = file.read(_TAIL)
        file.seek(0, 2)
        if file.tell() < 64 + _TAIL:  # pyBigWig crashes on a header that is cut
            raise _cut(path, what)
        file.seek(-_TAIL, 2)
        if file.read(_TAIL) != head:
            raise _cut(path, what)
    try:
        return pyBigWig.open(os.fspath(path))
    except RuntimeError as error:
        raise _cut(path, what) from error


def _cut(path: Path, what: str) -> FormatError:
    return FormatError(f"the {what} is truncated or damaged; get the file again", path=path)
