"""Methylation of CpGs, row by row: ENCODE's bedMethyl, and modkit's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from raycre.errors import FormatError
from raycre.genome.intervals import check_possible
from raycre.genome.textcolumns import TextTable
from raycre.genome.textfile import iter_text, require_file, took
from raycre.genome.texttable import parse_table

_COLUMNS = 11  # chrom, start, end, name, score, strand, thick start and end, colour, coverage, percent
_WHAT = "bedMethyl (column 10 is the coverage, 11 the percent)"
_METHYLATED_C = "m"  # modkit's code of 5mC, beside which it writes rows of h (5hmC)


def iter_bedmethyl(path: str | Path) -> Iterator[pd.DataFrame]:
    """Yield the CpGs of a file in blocks: chrom, start, end, coverage (int64), percent (float64).

    Of modkit's rows those of 5mC are taken, and the others counted and left out.

    Raises:
        MissingInputError: no such file.
        FormatError: fewer than 11 columns, a coverage or percent that cannot be, or no row of 5mC.
        RegionError: an interval that cannot be.
    """
    path = require_file(path)
    n_before, n_rows, n_other = 0, 0, 0
    for block in iter_text(path, _WHAT):
        n_lines = block.count(b"\n")
        if not block.strip():
            continue
        lines = np.arange(n_before + 1, n_before + n_lines + 1)
        rows = _split_tail(parse_table(block, path, at_least=10, what=_WHAT, line=lines))
        n_before += n_lines
        codes = rows.strings(4)
        if codes.isin(["h", "m", "a"]).all():
            mine = (codes == _METHYLATED_C).to_numpy()
            n_other += int((~mine).sum())
            rows = rows.select(mine)
        n_rows += len(rows)
        if len(rows):
            yield _checked(rows)
    if not n_rows:
        raise FormatError("the file has no row of 5mC; leave it out, or give another", path=path)
    left = f", {n_other:,} rows of other modifications than 5mC left out" if n_other else ""
    took(path, f"{n_rows:,} rows read as bedMethyl, coverage in column 10 and percent in 11{left}")


def _split_tail(rows: TextTable) -> TextTable:
    """Return rows whose last column is taken apart at its blanks, as modkit writes it."""
    if rows.n_columns >= _COLUMNS:
        return rows
    tail = pc.split_pattern(rows.arrow(10), " ")
    lengths = pc.list_value_length(tail).to_numpy()
    if (lengths < 2).any():
        row = int(np.argmax(lengths < 2))
        raise FormatError(
            f"{rows.n_columns} columns where {_WHAT} has {_COLUMNS}; give the experiment's bedMethyl",
            path=rows.path,
            line=int(rows.line[row]),
        )
    columns = rows.columns.set_column(9, "9", pc.list_element(tail, 0))
    return TextTable(rows.path, columns.append_column("10", pc.list_element(tail, 1)), rows.line)


def _checked(rows: TextTable) -> pd.DataFrame:
    chrom, start, end = rows.strings(1), rows.integers(2, "start"), rows.integers(3, "end")
    check_possible(chrom, start, end, rows.line, rows.path)
    coverage, percent = rows.integers(10, "coverage"), rows.floats(11, "percent")
    bad = ~((percent >= 0) & (percent <= 100))
    if bad.any() or (coverage < 0).any():
        column, wrong = (11, bad) if bad.any() else (10, coverage < 0)
        what = "percent is not between 0 and 100" if bad.any() else "coverage is negative"
        raise rows.error(int(np.argmax(wrong)), column, f"the {what}; is this bedMethyl?")
    return pd.DataFrame(
        {"chrom": chrom, "start": start, "end": end, "coverage": coverage, "percent": percent}
    )
