"""A comparison of one's own, whole in one file: tiles of genes on a list against tiles of all other genes.

To give it to raycre, name its declaration in the `pyproject.toml` of your package and install that:

    [project.entry-points."raycre.comparisons"]
    listed = "lab_parts.listed:COMPARISON"

From then on `raycre compare listed RUN genes.txt` runs it, and `raycre report RUN` draws what it has found.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from raycre.compare.declaration import Compared, Comparison, ComparisonResult, file, json_rows, option
from raycre.errors import ConfigError
from raycre.genome.name_list import read_names
from raycre.store.fields import INT, REAL, TEXT, schema_of

# 1. The table that it writes: raycre stores it with these descriptions.
LISTED = schema_of(
    ("genes", TEXT, "listed, or others"),
    ("mean_effect", REAL, "mean absolute effect of their tiles; null where none has a value"),
    ("tiles", INT, "tiles with an effect"),
)


@dataclass(frozen=True)
class Options:
    """2. What it takes: the files and options of the command, with their help."""

    genes: Path = file("GENES", "Names of genes, one a line.")
    within: int = option(1_000_000, "Tiles at most so many bp from the TSS.", least=0)


def compare_listed(run: Compared, options: Options) -> ComparisonResult:
    """3. The comparison: the run's tiles and the options in, facts to print and rows to write out."""
    wanted = set(read_names(options.genes))
    tiles = run.table[run.table["distance"].abs() <= options.within]
    listed = tiles["gene_name"].isin(wanted)
    if not listed.any():
        raise ConfigError("no gene of the list is in the run", path=options.genes)
    rows = [
        {"genes": name, "mean_effect": mine["effect"].abs().mean(), "tiles": int(mine["effect"].count())}
        for name, mine in (("listed", tiles[listed]), ("others", tiles[~listed]))
    ]
    table = pd.DataFrame(rows)
    return ComparisonResult({"within": options.within, "genes": json_rows(table)}, {"listed": table})


# 4. Its declaration. The figure `bars` draws a table's first column of numbers; without one it is a table.
COMPARISON = Comparison(
    name="listed",
    summary="Compare the effects of tiles of listed genes with those of all others.",
    options=Options,
    compare=compare_listed,
    test="necessity",
    tables={"listed": LISTED},
    figure="bars",
)
