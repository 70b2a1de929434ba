"""Contacts of regions, as promoter-capture Hi-C gives them: fragments, and pairs of them.

CREATE Methods, "Overlaps with promoter-capture HiC regions": "the numbers of pcHiC regions overlapping"; a
fragment that takes part in many contacts is one region.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Compare,
    Rule,
    chain_option,
    file,
    option,
)
from raycre.annotate.lifted import lifting_to
from raycre.genome.loops import read_anchors
from raycre.genome.overlaps import overlap_pairs, overlap_sums
from raycre.store.fields import INT

AT_ONCE = 32_768  # regions whose pairs with anchors are in memory at once


def count_contacts(table: pd.DataFrame, anchors: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """Count what overlaps each region by a base or more.

    Args:
        table: chrom, start, end.
        anchors: of `read_anchors`.

    Returns:
        Each int64 (n,). anchor_rows: anchors, as often as they are listed. distinct_anchors: each once.
        contacts: rows of the file, once where both anchors overlap.
    """
    place = ["chrom", "start", "end"]
    contacts = [_contacts(table.iloc[i : i + AT_ONCE], anchors) for i in range(0, len(table), AT_ONCE)]
    return {
        "anchor_rows": overlap_sums(table, anchors)[0],
        "distinct_anchors": overlap_sums(table, anchors.drop_duplicates(place))[0],
        "contacts": np.concatenate([np.zeros(0, dtype=np.int64), *contacts]),
    }


def _contacts(table: pd.DataFrame, anchors: pd.DataFrame) -> NDArray[np.int64]:
    """Count the contacts of some regions: their pairs with anchors are in memory at once."""
    pairs = overlap_pairs(table, anchors)
    touched = pd.DataFrame({"region": pairs.first, "contact": anchors["contact"].to_numpy()[pairs.second]})
    return np.bincount(touched.drop_duplicates()["region"], minlength=len(table))


@dataclass(frozen=True)
class Options:
    """Contacts, and what of them groups are compared in."""

    contacts: Path = file("BEDPE", "Contacts, two anchors a row (promoter-capture Hi-C, loops).")
    count: Literal["distinct_anchors", "anchor_rows", "contacts"] = option(
        "distinct_anchors", "Groups are compared in: distinct_anchors, anchor_rows or contacts."
    )
    chain: Path | None = chain_option("the contacts to the regions'")


_MEANINGS = {
    "anchor_rows": "anchors that overlap, a fragment as often as the file lists it",
    "distinct_anchors": "distinct fragments that overlap",
    "contacts": "rows of the file with an anchor that overlaps, once where both do",
}


def annotate_contacts(regions: Annotatable, options: Options) -> Annotated:
    """Count the anchors and contacts of each region."""
    lifting = lifting_to(regions, options.chain)
    anchors = lifting.pairs("anchors", read_anchors(options.contacts), "contact")
    names = {str(name): 0 for name in anchors["chrom"].unique()}
    lacking = check_chromosomes(regions.table, names, options.contacts)
    counts = count_contacts(regions.table, anchors)

    def compare(name: str) -> Compare | None:
        return "values" if name == options.count else None

    columns = tuple(
        Column(name, INT, meaning, counts[name], compare(name)) for name, meaning in _MEANINGS.items()
    )
    return Annotated(columns, {"regions_on_chromosomes_without_contacts": lacking} | lifting.facts())


ANNOTATION = Annotation(
    name="contacts",
    summary="Fragments and contacts (promoter-capture Hi-C, loops) that overlap.",
    options=Options,
    annotate=annotate_contacts,
    rules=(
        Rule("what is counted", "distinct fragments", "`--count anchor_rows` or `contacts`"),
        Rule("overlap", "one base or more; touching is none"),
        Rule("an anchor of zero length", "is the base at its start, and is counted"),
        Rule("a contact of another assembly, one of whose anchors is not mapped", "is left out whole"),
    ),
    paper="CREATE, Methods (Overlaps with promoter-capture HiC regions), figures 5f and 6e",
)
