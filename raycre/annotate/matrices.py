"""Matrices of motifs as a table, from which their logos are drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.genome.meme import Motif
from raycre.store.fields import INT, REAL, TEXT, schema_of

BASES = ("A", "C", "G", "T")
MATRICES = schema_of(
    ("motif", TEXT, "name of the motif"),
    ("factor", TEXT, "the transcription factor"),
    ("position", INT, "position in the motif, from 1"),
    *((base, REAL, f"frequency of {base} there, as the file of motifs has it") for base in BASES),
)


def matrix_rows(motifs: Iterable[Motif]) -> pd.DataFrame:
    """Return the rows of `MATRICES` of motifs, one after another."""
    tables = [
        pd.DataFrame(motif.frequencies, columns=list(BASES)).assign(
            motif=motif.name, factor=motif.factor, position=np.arange(1, len(motif) + 1)
        )
        for motif in motifs
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=MATRICES.names)


def frequencies_by_motif(rows: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return float64 (width, 4) by name of the motif, in the order of the rows."""
    return {
        str(name): mine.sort_values("position")[list(BASES)].to_numpy(np.float64)
        for name, mine in rows.groupby("motif", sort=False)
    }
