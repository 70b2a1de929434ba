"""Dual-function elements: silencers of one cell type that are enhancers in another.

CREATE, "Characterization of dual-function regulatory elements": silencers "that overlapped with predicted
enhancers in HepG2 by at least 600 bps as DFREs and the rest … as normal ones"; normal enhancers are
"non-overlapping with any silencers or enhancers in K562".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    GroupValues,
    Rule,
    chain_option,
    option,
)
from raycre.annotate.groups import GROUP_TESTS, group_tests
from raycre.annotate.lifted import lifting_to
from raycre.errors import ConfigError
from raycre.genome.overlaps import OverlapPairs, overlap_pairs, overlapping
from raycre.store.fields import INT, TEXT, schema_of

MIN_OVERLAP = 600  # bp with one element; 600 itself counts
DUAL, NORMAL = "DFRE", "normal_silencer"
NORMAL_PARTNER, PARTNER, NEITHER = "normal_enhancer", "DFRE_partner", "neither"


def longest_overlap(pairs: OverlapPairs, n: int) -> NDArray[np.int64]:
    """Return the longest overlap of each of n intervals with one other, bp; 0 without any."""
    longest = np.zeros(n, dtype=np.int64)
    np.maximum.at(longest, pairs.first, pairs.bp)
    return longest


def dual_partners(
    ours: pd.DataFrame, theirs: pd.DataFrame, *, first: str, second: str, min_overlap: int = MIN_OVERLAP
) -> pd.DataFrame:
    """Sort the enhancers of the other cell type.

    Args:
        ours: chrom, start, end, group, of the cell type of the silencers.
        theirs: the same of the other, with name.
        first, second: what an element is in ours, and in theirs: silencer, enhancer.
        min_overlap: bp.

    Returns:
        chrom, start, end, name, p_* where there are any, and class of every `second` of theirs:
        normal_enhancer (touches no `first` or `second` of ours), DFRE_partner (shares `min_overlap` with one
        `first`), else neither.
    """
    partners = theirs[theirs["group"] == second].reset_index(drop=True)
    silencers = ours[ours["group"] == first]
    either = ours[ours["group"].isin([first, second])]
    found = np.where(
        overlapping(partners, silencers, min_overlap=min_overlap),
        PARTNER,
        np.where(overlapping(partners, either), NEITHER, NORMAL_PARTNER),
    )
    probabilities = [name for name in partners if str(name).startswith("p_")]
    return partners[["chrom", "start", "end", "name", *probabilities]].assign(**{"class": found})


@dataclass(frozen=True)
class Options:
    """The other cell type, and what makes an element of both."""

    partner: Path = option(Path(), "Calls of the other cell type: a run of `raycre predict`, or a table.")
    min_overlap: int = option(MIN_OVERLAP, "bp shared with one element; so many count.", least=1)
    first: str = option("silencer", "What an element is here.")
    second: str = option("enhancer", "What it is in the other cell type.")
    chain: Path | None = chain_option("the other cell type's calls to the regions'")

    def __post_init__(self) -> None:
        if self.partner == Path():
            raise ConfigError("name the other cell type's calls with --partner")


def annotate_dual(regions: Annotatable, options: Options) -> Annotated:
    """Tell dual-function silencers from normal ones, and sort the other cell type's enhancers."""
    ours, lifting = regions.table, lifting_to(regions, options.chain)
    if options.chain is None:
        theirs = regions.read_calls(options.partner)
    else:
        theirs = lifting.rows("partner", regions.read_calls(options.partner, other_assembly=True))
    for table, group, whose in (
        (ours, options.first, "regions"),
        (theirs, options.second, "partner's regions"),
    ):
        if not (table["group"] == group).any():
            known = ", ".join(sorted(table["group"].dropna().unique())) or "none"
            raise ConfigError(f"no region of the {whose} has this call; there are {known}", value=group)
    silencer = (ours["group"] == options.first).to_numpy()
    enhancers = theirs[theirs["group"] == options.second].reset_index(drop=True)
    pairs = overlap_pairs(ours, enhancers)
    pairs = OverlapPairs(*(each[silencer[pairs.first]] for each in pairs))
    longest = longest_overlap(pairs, len(ours))
    enough = pairs.bp >= options.min_overlap
    n_enough = np.bincount(pairs.first[enough], minlength=len(ours))
    names = _joined(pairs.first[enough], _names(enhancers)[pairs.second[enough]], len(ours))
    kind = np.where(n_enough > 0, DUAL, NORMAL).astype(object)
    kind[~silencer] = None
    partners = dual_partners(
        ours, theirs, first=options.first, second=options.second, min_overlap=options.min_overlap
    )
    columns = (
        Column("dual_class", TEXT, f"{DUAL} or {NORMAL}; null for what is no {options.first}", kind),
        Column(
            "max_overlap_bp", INT, f"longest overlap with one {options.second} of the partner, bp", longest
        ),
        Column("n_partners", INT, f"{options.second}s of the partner that share enough bp", n_enough),
        Column("partners", TEXT, "their names, or places, with commas between; null without any", names),
    )
    counts = partners["class"].value_counts()
    facts: dict[str, Any] = {
        "partner_regions": len(theirs),
        f"{options.first}s": int(silencer.sum()),
        DUAL: int((kind == DUAL).sum()),
        NORMAL: int((kind == NORMAL).sum()),
        f"partner_{options.second}s": len(partners),
        **{name: int(counts.get(name, 0)) for name in (NORMAL_PARTNER, PARTNER, NEITHER)},
        **lifting.facts(),
    }
    of_partners = group_tests(
        _probabilities(partners), partners["class"].to_numpy(), [(PARTNER, NORMAL_PARTNER)]
    )
    tables = {"dual_partners": partners}
    if len(of_partners):
        tables["dual_partner_groups"] = of_partners
    return Annotated(columns, facts, tables, _probabilities(ours), kind, ((DUAL, NORMAL),))


def _probabilities(table: pd.DataFrame) -> list[GroupValues]:
    names = [str(name) for name in table if str(name).startswith("p_")]
    return [GroupValues(name, table[name].to_numpy(), "values") for name in names]


def _names(table: pd.DataFrame) -> NDArray[Any]:
    places = [f"{c}:{s}-{e}" for c, s, e in zip(table["chrom"], table["start"], table["end"], strict=True)]
    return table["name"].where(table["name"].notna(), places).to_numpy(object)


def _joined(row: NDArray[np.int64], names: NDArray[Any], n: int) -> NDArray[Any]:
    joined = np.full(n, None, dtype=object)
    for i, each in pd.Series(names).groupby(row):
        joined[int(str(i))] = ",".join(sorted(each))
    return joined


DUAL_PARTNERS = schema_of(
    ("chrom", TEXT, "chromosome"),
    ("start", INT, "start of the partner's element"),
    ("end", INT, "end of the partner's element"),
    ("name", TEXT, "its name, null if none"),
    ("class", TEXT, f"{NORMAL_PARTNER}: touches no silencer or enhancer of ours; {PARTNER}; else {NEITHER}"),
)

ANNOTATION = Annotation(
    name="dual",
    summary="Dual-function elements: silencers here, enhancers in another run.",
    options=Options,
    annotate=annotate_dual,
    needs=("groups",),
    tables={"dual_partners": DUAL_PARTNERS, "dual_partner_groups": GROUP_TESTS},
    rules=(
        Rule("enough overlap", "600 bp or more with one element", "`--min-overlap`"),
        Rule("normal enhancer", "touches no silencer and no enhancer of ours by a base"),
    ),
    paper="CREATE, Characterization of dual-function regulatory elements, figure 6",
)
