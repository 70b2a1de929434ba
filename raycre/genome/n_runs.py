"""Where a genome has N: runs of unknown bases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from raycre.genome.fasta import Fasta
from raycre.genome.twobit import TwoBit

_PIECE = 1 << 20  # bp read at once; Biopython's time for one read of bgzip grows with its square


def runs_of_n(fasta: Fasta | TwoBit, chromosomes: Sequence[str]) -> pd.DataFrame:
    """Find runs of N or n.

    Returns:
        chrom, start, end: ascending on each chromosome, runs that touch joined.
    """
    found = []
    for chrom in chromosomes:
        size = fasta.sizes[chrom]
        edges = [np.empty(0, dtype=np.int64)]
        before = np.zeros(1, dtype=np.int8)
        for start in range(0, size, _PIECE):
            mask = fasta.read_n(chrom, start, min(start + _PIECE, size)).astype(np.int8)
            edges.append(np.flatnonzero(np.diff(np.concatenate([before, mask]))) + start)
            before = mask[-1:]
        if before[0]:
            edges.append(np.array([size], dtype=np.int64))
        ends = np.concatenate(edges).reshape(-1, 2)
        found.append(pd.DataFrame({"chrom": chrom, "start": ends[:, 0], "end": ends[:, 1]}))
    return pd.concat(found, ignore_index=True)
