"""Where regions come from: the share of each class that every experiment has proposed.

CREATE, figure 5a: "Percentage of predicted CREs and background regions from different candidate sources". A
region that several experiments propose can be counted in three ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from raycre.annotate.declaration import Annotatable, Annotated, Annotation, Column, Rule, option
from raycre.errors import ConfigError, FormatError
from raycre.genome.texttable import read_text_table
from raycre.store.fields import INT, REAL, TEXT, schema_of


def source_shares(group: pd.Series, sources: pd.Series) -> pd.DataFrame:
    """Count the sources of each group.

    Args:
        group: (n,) of regions, in the order in which groups are to be listed.
        sources: (n,) names with commas between; a name that is said twice counts once.

    Returns:
        One row for each group and source, columns SOURCES_SHARES; groups and sources as they first come.
    """
    lists = sources.fillna("").str.split(",").map(lambda names: list(dict.fromkeys(filter(None, names))))
    rows = pd.DataFrame({"group": group.to_numpy(), "source": lists.to_numpy()})
    rows["share"] = 1 / rows["source"].str.len().where(rows["source"].str.len() > 0)
    pairs = rows.explode("source").dropna(subset=["source"])
    every = list(dict.fromkeys(pairs["source"]))
    found = []
    for name, of_group in rows.groupby("group", sort=False):
        mine = pairs[pairs["group"] == name]
        for source in every:
            with_it = mine[mine["source"] == source]
            found.append(
                {
                    "group": name,
                    "source": source,
                    "n_regions": len(of_group),
                    "n_regions_with_source": len(with_it),
                    "share_of_regions": len(with_it) / len(of_group),
                    "share_of_region_source_pairs": len(with_it) / len(mine) if len(mine) else 0.0,
                    "fractional_share": with_it["share"].sum() / len(of_group),
                }
            )
    return pd.DataFrame(found, columns=SOURCES_SHARES.names)


def read_sources(path: Path, names: pd.Series) -> pd.Series:
    """Read a table of region and sources, by the regions' names.

    Raises:
        FormatError: a name that is there twice, or a region that the table does not have.
    """
    rows = read_text_table(path, at_least=2, what="a table of region and sources")
    table = pd.Series(rows.strings(2).to_numpy(), index=rows.strings(1).to_numpy())
    twice = table.index.duplicated()
    if twice.any():
        row = int(twice.argmax())
        raise rows.error(row, 1, "two rows have this name; write one")
    absent = ~names.isin(table.index)
    if absent.any():
        raise FormatError(
            f"no row for {int(absent.sum()):,} of {len(names):,} regions; column 1 has their names",
            path=path,
            value=names[absent].iloc[0],
        )
    return table.reindex(names).reset_index(drop=True)


@dataclass(frozen=True)
class Options:
    """Where the sources are written."""

    sources: Path | None = option(
        None, "Table of region (its name) and sources, with commas between; else the regions' own."
    )


def annotate_sources(regions: Annotatable, options: Options) -> Annotated:
    """Count the sources of each group."""
    table = regions.table
    sources = read_sources(options.sources, table["name"]) if options.sources else table["source"]
    if sources.isna().all():
        raise ConfigError("the regions say no source; name a table of them with --sources")
    known = table["group"].notna()
    shares = source_shares(table["group"][known], sources[known])
    return Annotated(
        (Column("sources", TEXT, "experiments that propose the region, with commas between", sources),),
        {"sources": int(shares["source"].nunique())},
        {"sources_shares": shares},
    )


SOURCES_SHARES = schema_of(
    ("group", TEXT, "group of regions"),
    ("source", TEXT, "experiment"),
    ("n_regions", INT, "regions of the group"),
    ("n_regions_with_source", INT, "of them those that the experiment proposes"),
    ("share_of_regions", REAL, "n_regions_with_source of n_regions; adds up to more than 1"),
    ("share_of_region_source_pairs", REAL, "of all pairs of region and source of the group; adds up to 1"),
    ("fractional_share", REAL, "a region of k sources counts 1/k for each; adds up to 1"),
)

ANNOTATION = Annotation(
    name="sources",
    summary="Share of every experiment in the regions of each group.",
    options=Options,
    annotate=annotate_sources,
    needs=("groups",),
    tables={"sources_shares": SOURCES_SHARES},
    rules=(Rule("a region of several sources", "is counted in three ways, a column each"),),
    paper="CREATE, figure 5a",
)
