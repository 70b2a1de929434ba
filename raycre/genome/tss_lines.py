"""TSSs from a table of one a line: BED of single bases or of promoters, as the EPD's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.errors import FormatError
from raycre.genome.interval_files import read_intervals
from raycre.genome.region_files import BED_TITLES
from raycre.genome.textfile import took
from raycre.genome.texttable import read_text_table

_THICK = 8  # columns of EPDnew's BED: 60 bp round the TSS, thick from the TSS on in its direction


def read_tss_lines(path: Path) -> pd.DataFrame:
    """Read TSSs: the first base of each interval in its direction, or of its thick part in BED of 8 columns.

    Returns:
        chrom, start, end, name, strand, source, summit, line and tss (int64, 0-based base).

    Raises:
        FormatError: an interval of several bases without a strand, whose first base cannot be told.
    """
    table, kind, _ = read_intervals(path)
    start, end = table["start"].to_numpy(np.int64), table["end"].to_numpy(np.int64)
    strand = table["strand"]
    where = "the first base of each"
    if kind == "bed":
        rows = read_text_table(path, at_least=3, what="BED", titles=BED_TITLES)
        if rows.n_columns == _THICK and not rows.roles:
            thick = rows.integers(7, "thick start"), rows.integers(8, "thick end")
            inside = (thick[0] >= start) & (thick[1] <= end) & (thick[1] > thick[0])
            if inside.all():
                start, end = thick
                where = "the first base of each thick part"
    unsure = ~strand.isin(["+", "-"]).to_numpy() & (end - start > 1)
    if unsure.any():
        row = int(np.argmax(unsure))
        raise FormatError(
            "an interval of several bases without a strand, whose TSS cannot be told; give strands, or "
            "BED of single bases",
            path=path,
            line=int(table["line"].iloc[row]),
            value=table["strand"].iloc[row],
        )
    took(path, f"{len(table):,} TSSs, {where}")
    return table.assign(tss=np.where(strand == "-", end - 1, start))
