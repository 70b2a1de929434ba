"""An annotation of one's own, whole in one file: the share of G and C in every region.

To give it to raycre, name its declaration in the `pyproject.toml` of your package and install that:

    [project.entry-points."raycre.annotations"]
    gc-content = "lab_parts.gc_content:ANNOTATION"

From then on `raycre annotate gc-content --regions F --fasta GENOME` runs it, and compares groups of regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Column, Rule, option
from raycre.store.fields import REAL


@dataclass(frozen=True)
class Options:
    """1. What it takes: the files and options of the command, with their help."""

    percent: bool = option(False, "Percent in place of a share.")


def annotate_gc(regions: Annotatable, options: Options) -> Annotated:
    """2. The annotation: regions and options in, columns and facts to print out."""
    shares = np.full(len(regions.table), np.nan)
    with regions.genome() as genome:
        for i, (chrom, start, end) in enumerate(
            regions.table[["chrom", "start", "end"]].itertuples(index=False)
        ):
            bases = genome.read(chrom, start, end)
            known = bases < 4  # A, C, G, T are 0 to 3
            if known.any():
                shares[i] = np.isin(bases[known], (1, 2)).mean()
    values = 100 * shares if options.percent else shares
    column = Column("gc", REAL, "share of G and C; null where no base is known", values, compare="values")
    return Annotated((column,), {"regions_without_a_known_base": int(np.isnan(shares).sum())})


# 3. Its declaration. `needs` gives it what it reads, and `rules` are printed in the documentation.
ANNOTATION = Annotation(
    name="gc-content",
    summary="Share of G and C.",
    options=Options,
    annotate=annotate_gc,
    needs=("genome",),
    rules=(Rule("N", "is left out"),),
)
