"""Repeats of RepeatMasker in regions, by class or family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Rule, chain_option, file, option
from raycre.annotate.lifted import lifting_to
from raycre.annotate.overlap import columns_of_overlap
from raycre.genome.repeats import read_repeats


@dataclass(frozen=True)
class Options:
    """Repeats, and what tells them apart."""

    repeats: Path = file("FILE", "rmsk.txt of UCSC, .out of RepeatMasker, or BED by class.")
    by: Literal["class", "family"] = option("class", "class or family.")
    chain: Path | None = chain_option("the repeats to the regions'")


def repeats_by(rows: pd.DataFrame, by: str) -> dict[str, pd.DataFrame]:
    """Return the repeats of each class or family; `any` is all of them."""
    return {"any": rows, **{str(name): part for name, part in rows.groupby(by)}}


def annotate_repeats(regions: Annotatable, options: Options) -> Annotated:
    """Count the bases of each region in the repeats of each class or family; `any` is all of them."""
    lifting = lifting_to(regions, options.chain)
    rows = lifting.rows("repeats", read_repeats(options.repeats))
    chroms = {str(name): 0 for name in rows["chrom"].unique()}
    lacking = check_chromosomes(regions.table, chroms, options.repeats)
    columns = columns_of_overlap(regions.table, repeats_by(rows, options.by))
    return Annotated(columns, {"regions_on_chromosomes_without_repeats": lacking} | lifting.facts())


ANNOTATION = Annotation(
    name="repeats",
    summary="Bases in RepeatMasker's repeats, class by class.",
    options=Options,
    annotate=annotate_repeats,
    rules=(
        Rule("a doubtful class (LTR?)", "counts as a sure one"),
        Rule("how repeats are told apart", "by class", "`--by family`"),
    ),
    paper="CREME, Methods (Biochemical characterization of CREs), Supplementary Table 1",
)
