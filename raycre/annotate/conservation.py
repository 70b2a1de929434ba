"""Conservation of regions, or any other score of bases in a bigWig: UCSC's bigWigAverageOverBed.

CREATE Methods, "Conservation scores computation": phastCons "calculated via UCSC tool bigWigAverageOverBed".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from raycre.annotate.averaged import AVERAGED, average_in_parts, cost_of_signals
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
from raycre.annotate.lifted import lifting_from
from raycre.errors import FormatError
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.textfile import require_file
from raycre.store.fields import INT, REAL


@dataclass(frozen=True)
class Options:
    """A bigWig, and which of its means groups are compared in."""

    scores: Path = file("BIGWIG", "bigWig of scores (phastCons, phyloP); values may be negative.")
    compared: Literal["mean0", "mean"] = option(
        "mean0", "Groups are compared in mean0 (bases without a score are 0) or mean (bases with one alone)."
    )
    chain: Path | None = chain_option("the regions to the scores'")


_MEANINGS = (
    ("size", INT, "bp of the region"),
    ("covered", INT, "bases with a score"),
    ("sum", REAL, "sum of the scores"),
    ("mean0", REAL, "sum / size: bases without a score are 0"),
    ("mean", REAL, "sum / covered; 0 where nothing is covered"),
    ("min", REAL, "lowest score; 0 where nothing is covered"),
    ("max", REAL, "highest score; 0 where nothing is covered"),
)


def annotate_conservation(regions: Annotatable, options: Options) -> Annotated:
    """Average the scores over each region."""
    path = require_file(options.scores)
    if not is_bigwig(path):
        raise FormatError(
            "not a bigWig; make one of bedGraph (bedGraphToBigWig FILE chrom.sizes NEW.bw)", path=path
        )
    lifting = lifting_from(regions, options.chain)
    moved = lifting.regions(regions.table)
    signal = BigWig(path, signed=True)
    try:
        lengths = {name: length for name, length in signal.lengths.items() if length is not None}
        lifting.check(target=lengths)
        lacking = check_chromosomes(moved.table, lengths, path)
    finally:
        signal.close()
    [averages] = average_in_parts(
        regions, "conservation_signals", {"scores": path}, signed=True, chain=options.chain
    ).values()

    def compare(name: str) -> Compare | None:
        return "values" if name == options.compared else None

    columns = tuple(
        Column(name, kind, meaning, averages[name], compare(name)) for name, kind, meaning in _MEANINGS
    )
    bare = int((averages["covered"] == 0).sum())
    facts = {"regions_without_score": bare, "regions_on_chromosomes_without_data": lacking}
    return Annotated(columns, facts | lifting.facts())


ANNOTATION = Annotation(
    name="conservation",
    summary="Mean score of bases (phastCons) as bigWigAverageOverBed gives it.",
    options=Options,
    annotate=annotate_conservation,
    tables={"conservation_signals": AVERAGED},
    cost=lambda n, bases, options: cost_of_signals(bases, 1),
    rules=(
        Rule("bases without a score", "count as 0 (mean0)", "`--compared mean`"),
        Rule("a region without any score", "mean, min and max are 0, as UCSC's program prints them"),
        Rule("a chromosome that the file lacks, or bases past its end", "have no score, and are counted"),
        Rule("scores of another assembly", "the regions are lifted to it; null where one is not mapped"),
    ),
    paper="CREATE, Methods (Conservation scores computation), figures 5e and 6c",
)
