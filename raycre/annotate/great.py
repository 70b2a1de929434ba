"""Regions of each group as BED, for GREAT and tools like it, with all regions as their background."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Rule


@dataclass(frozen=True)
class Options:
    """None: the regions are all it takes."""


def bed_lines(table: pd.DataFrame) -> Iterator[str]:
    """Yield BED4 lines, each interval once, named by its place."""
    places = table[["chrom", "start", "end"]].drop_duplicates()
    for chrom, start, end in places.itertuples(index=False):
        yield f"{chrom}\t{start}\t{end}\t{chrom}:{start}-{end}\n"


def annotate_great(regions: Annotatable, options: Options) -> Annotated:
    """Write a BED for each group, and one of all regions."""
    table = regions.table
    for group, mine in table.groupby("group", sort=False):
        name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in str(group))
        regions.write_text(f"{name}.bed", bed_lines(mine))
    regions.write_text("all.background.bed", bed_lines(table))
    return Annotated(())


ANNOTATION = Annotation(
    name="great",
    summary="BED of each group and of all regions, for GREAT.",
    options=Options,
    annotate=annotate_great,
    needs=("groups",),
    rules=(Rule("background", "all regions that are given; GREAT's foreground must be part of it"),),
    paper="",
)
