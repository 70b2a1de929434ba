"""Regions whose name is on a list: housekeeping genes among those of each context, for example.

CREME: "Neutral context genes were enriched for housekeeping genes (22% overlap) compared with enhancing and
silencing contexts".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Column, Rule, file
from raycre.errors import FormatError
from raycre.genome.name_list import read_names
from raycre.store.fields import INT


@dataclass(frozen=True)
class Options:
    """A list of names."""

    names: Path = file("NAMES", "Names of genes or regions, one a line.")


def annotate_listed(regions: Annotatable, options: Options) -> Annotated:
    """Mark the regions whose name is on the list."""
    wanted = set(read_names(options.names))
    names = regions.table["name"]
    listed = names.isin(wanted).to_numpy()
    if not listed.any():
        shown = ", ".join(str(name) for name in names.dropna().unique()[:3]) or "none"
        raise FormatError(
            f"no region has a name of the list; the regions' names are {shown}", path=options.names
        )
    facts = {"listed": len(wanted), "listed_and_found": len(wanted & set(names.dropna()))}
    column = Column(
        "listed", INT, "1 where the name is on the list, else 0", listed.astype(np.int64), "share"
    )
    return Annotated((column,), facts)


ANNOTATION = Annotation(
    name="listed",
    summary="Whether the name is on a list (housekeeping genes).",
    options=Options,
    annotate=annotate_listed,
    rules=(Rule("genes of a CREME run", "one row a gene with `--group-by context`, named as in the run"),),
    paper="CREME, context dependence: housekeeping genes of neutral contexts",
)
