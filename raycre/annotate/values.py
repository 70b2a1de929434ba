"""Numbers that regions already have: columns of any table, so that its groups can be compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Column, Rule, option
from raycre.errors import ConfigError, near
from raycre.store.fields import REAL

_OWN = ("chrom", "start", "end", "name", "strand", "source", "group")


@dataclass(frozen=True)
class Options:
    """Which columns."""

    columns: tuple[str, ...] = option(
        (), "Columns of numbers, with commas between; default: all but probabilities.", none=""
    )


def annotate_values(regions: Annotatable, options: Options) -> Annotated:
    """Take columns as they are."""
    known = [str(name) for name in regions.table if name not in _OWN]
    for name in options.columns:
        if name not in known:
            have = ", ".join(known) or "none"
            raise ConfigError(f"the regions have no column of numbers of this name{near(name, known)}; "
                              f"there are {have}", value=name)  # fmt: skip
    chosen = list(options.columns) or [name for name in known if not name.startswith("p_")] or known
    if not chosen:
        raise ConfigError("the regions have no column of numbers; give a table that has some")
    columns = tuple(
        Column(
            name, REAL, f"column {name} of the regions", regions.table[name].to_numpy(np.float64), "values"
        )
        for name in dict.fromkeys(chosen)
    )
    return Annotated(columns)


ANNOTATION = Annotation(
    name="values",
    summary="Numbers that regions already have, in any table: to compare its groups.",
    options=Options,
    annotate=annotate_values,
    needs=("values",),
    rules=(
        Rule("which columns", "all of numbers, but not probabilities", "`--columns`"),
        Rule('an empty cell, ".", NA or nan', "is no value, and in no test"),
    ),
)
