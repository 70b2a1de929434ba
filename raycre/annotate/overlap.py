"""Known elements and other intervals that regions overlap: how many bases of each region they cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
    chain_option,
    files,
    option,
)
from raycre.errors import FormatError
from raycre.genome.intervals import on_known_chromosomes
from raycre.genome.lifting import Lifting
from raycre.genome.overlaps import covered_bases
from raycre.genome.regions import read_regions
from raycre.store.fields import INT


def columns_of_overlap(table: pd.DataFrame, intervals: Mapping[str, pd.DataFrame]) -> tuple[Column, ...]:
    """Return a column for each kind of intervals: the bases of each region that it covers.

    Args:
        table: chrom, start, end.
        intervals: name -> chrom, start, end, overlapping or not.
    """
    return tuple(
        Column(name, INT, f"bases of the region in {name}, counted once", covered_bases(table, rows), "share")
        for name, rows in intervals.items()
    )


def intervals_by_name(
    beds: Mapping[str, Path],
    *,
    by_name: bool,
    sizes: Mapping[str, int] | None = None,
    lifting: Lifting | None = None,
) -> dict[str, pd.DataFrame]:
    """Read files of intervals; with `by_name` every name in column 4 is a kind of its own (FILE:name).

    Args:
        beds: name -> file.
        by_name: whether names tell kinds apart.
        sizes: bp of each chromosome; rows on others are left out. None keeps all.
        lifting: puts the rows of each file on the regions' assembly.

    Raises:
        InputError: as `read_regions`, and as `on_known_chromosomes` with `sizes`; FormatError for a row
            without a name, with `by_name`.
    """
    found: dict[str, pd.DataFrame] = {}
    for name, path in beds.items():
        rows = read_regions(path).table
        if lifting is not None:
            rows = lifting.rows(name, rows)
        if sizes is not None:
            rows = rows[on_known_chromosomes(rows, path, sizes)]
        if by_name and rows["name"].isna().any():
            line = int(rows.loc[rows["name"].isna(), "line"].iloc[0])
            raise FormatError("no name in column 4, which --by-name needs", path=path, line=line)
        of_file = dict(iter(rows.groupby("name"))) if by_name else {"": rows}
        found |= {f"{name}:{label!s}".rstrip(":"): part for label, part in of_file.items()}
    return found


@dataclass(frozen=True)
class Options:
    """Files of intervals."""

    beds: Mapping[str, Path] = files("[NAME=]BED...", "Known elements, one file a kind.")
    by_name: bool = option(False, "Every name in column 4 is a kind of its own.")
    chain: Path | None = chain_option("the intervals to the regions'", later=False)


def annotate_overlap(regions: Annotatable, options: Options) -> Annotated:
    """Count the bases of each region in the intervals of every file, or of every name in a file."""
    lifting = Lifting(options.chain)
    intervals = intervals_by_name(options.beds, by_name=options.by_name, lifting=lifting)
    chroms = {str(name): 0 for rows in intervals.values() for name in rows["chrom"].unique()}
    lacking = check_chromosomes(regions.table, chroms, next(iter(options.beds.values())))
    columns = columns_of_overlap(regions.table, intervals)
    facts: dict[str, Any] = {"regions_on_chromosomes_without_intervals": lacking}
    return Annotated(columns, facts | lifting.facts())


ANNOTATION = Annotation(
    name="overlap",
    summary="Bases in known elements or other intervals.",
    options=Options,
    annotate=annotate_overlap,
    rules=(Rule("a region overlaps", "by one base or more; groups are compared in the share that does"),),
    paper="CREME, Are putative CREs …: overlap with promoter and enhancer annotations",
)
