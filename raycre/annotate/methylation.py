"""Methylation of regions: the mean over their CpGs, then over replicates.

CREATE Methods, "Methylation levels computation", says BEDTools and no more. Rows without coverage, which
ENCODE writes as 0 %, are no measurement; counting them in would lower the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.annotate.averaged import AVERAGED, average_in_parts
from raycre.annotate.chromosomes import check_chromosomes
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
    absent,
    chain_option,
    files,
    option,
)
from raycre.annotate.lifted import lifting_to
from raycre.errors import ConfigError
from raycre.genome.bedmethyl import iter_bedmethyl
from raycre.genome.bigwig import BigWig, is_bigwig
from raycre.genome.lifting import UNLIFTED, Lifting
from raycre.genome.overlaps import overlap_sums
from raycre.genome.textfile import require_file
from raycre.store.fields import INT, REAL

Weigh = Literal["cpg", "coverage"]
_FIXED = 1_000_000  # percent are added up as whole millionths, which is exact


class Replicate(NamedTuple):
    """One replicate's CpGs in each region.

    n: int64 (m,), CpGs with the coverage asked for. mean: float64 (m,), of their percent; NaN where none.
    covered, methylated: float64 (m,), sums of coverage, and of coverage times percent / 100.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    covered: NDArray[np.float64]
    methylated: NDArray[np.float64]

    @property
    def weighted(self) -> NDArray[np.float64]:
        """Mean percent weighted by coverage, float64 (m,); NaN where no CpG is covered."""
        return _ratio(100 * self.methylated, self.covered)


def measure_replicate(
    table: pd.DataFrame, path: Path, least: int = 1, lifting: Lifting = UNLIFTED
) -> Replicate:
    """Average a replicate's CpGs over regions.

    Args:
        table: chrom, start, end.
        path: bedMethyl.
        least: reads that a CpG must have; 0 counts those without any as 0 %, as ENCODE writes them.
        lifting: from the replicate's assembly.

    Raises:
        InputError: as the readers; ChromosomeError for none of the regions' chromosomes.
    """
    sums, seen = np.zeros((4, len(table)), dtype=np.int64), dict[str, int]()
    for block in iter_bedmethyl(path):
        places = lifting.places(path.name, block)
        seen |= dict.fromkeys(places["chrom"].unique(), 0)
        enough = block["coverage"] >= least
        rows = block[enough]
        percent = np.rint(rows["percent"].to_numpy() * _FIXED).astype(np.int64)
        coverage = rows["coverage"].to_numpy()
        sums += overlap_sums(table, places[enough], [percent, coverage, percent * coverage])
    check_chromosomes(table, seen, path)
    n, percent, covered, methylated = sums
    return Replicate(n, _ratio(percent / _FIXED, n), covered.astype(float), methylated / (100 * _FIXED))


def _of_bigwigs(regions: Annotatable, files: Mapping[str, Path]) -> dict[str, Replicate]:
    """Average bigWig files of percent, where every base with a value is a CpG of coverage 1."""
    for path in files.values():
        signal = BigWig(path)
        try:
            lengths = {name: length or 0 for name, length in signal.lengths.items()}
            check_chromosomes(regions.table, lengths, path)
        finally:
            signal.close()
    found = average_in_parts(regions, "methylation_signals", files, signed=False) if files else {}
    return {
        name: Replicate(
            each["covered"],
            _ratio(each["sum"], each["covered"]),
            each["covered"].astype(float),
            each["sum"] / 100,
        )
        for name, each in found.items()
    }


def _ratio(total: NDArray[np.float64], n: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(total, n, out=absent(len(n)), where=n > 0)
    return found


def mean_of_replicates(replicates: list[Replicate]) -> NDArray[np.float64]:
    """Return the mean of the replicates' means, over those that have one; NaN where none has."""
    means = np.array([each.mean for each in replicates])
    known = ~np.isnan(means)
    return _ratio(np.where(known, means, 0).sum(axis=0), known.sum(axis=0))


def pooled(replicates: list[Replicate]) -> NDArray[np.float64]:
    """Return the mean percent weighted by coverage over all replicates' CpGs; NaN where none is covered."""
    covered = np.sum([each.covered for each in replicates], axis=0)
    return _ratio(100 * np.sum([each.methylated for each in replicates], axis=0), covered)


@dataclass(frozen=True)
class Options:
    """Replicates, and how their CpGs are averaged."""

    replicates: Mapping[str, Path] = files(
        "[NAME=]FILE...", "bedMethyl (or bigWig of percent), one a replicate."
    )
    coverage: int = option(1, "Reads that a CpG must have; 0 takes those without any as 0 %.", least=0)
    weigh: Weigh = option("cpg", "Groups are compared in the mean over CpGs, or weighted by coverage.")
    chain: Path | None = chain_option("the CpGs to the regions'")


def annotate_methylation(regions: Annotatable, options: Options) -> Annotated:
    """Average each replicate's CpGs over each region, then the replicates."""
    lifting = lifting_to(regions, options.chain)
    bigwigs = {name: path for name, path in options.replicates.items() if is_bigwig(require_file(path))}
    if bigwigs and options.chain is not None:
        raise ConfigError(
            "a chain lifts the rows of bedMethyl, not a bigWig: give the bedMethyl of the experiment, or a "
            "bigWig of the regions' assembly",
            path=next(iter(bigwigs.values())),
        )
    measured = {
        name: measure_replicate(regions.table, path, options.coverage, lifting)
        for name, path in options.replicates.items()
        if name not in bigwigs
    }
    measured |= _of_bigwigs(regions, bigwigs)
    found = {name: measured[name] for name in options.replicates}
    every = list(found.values())
    mean, weighted = mean_of_replicates(every), pooled(every)
    by_coverage = options.weigh == "coverage"
    columns = [
        Column("methylation", REAL, "mean percent over CpGs, then over replicates; null without a CpG", mean,
               None if by_coverage else "values"),
        Column("methylation_weighted", REAL, "mean percent weighted by coverage, replicates pooled", weighted,
               "values" if by_coverage else None),
    ]  # fmt: skip
    for name, each in found.items():
        columns += [
            Column(f"{name}_n", INT, f"CpGs of {name} with the coverage asked for", each.n),
            Column(f"{name}_mean", REAL, f"mean percent of {name}", each.mean),
            Column(f"{name}_weighted", REAL, f"mean percent of {name} weighted by coverage", each.weighted),
        ]
    return Annotated(tuple(columns), {"regions_without_cpg": int(np.isnan(mean).sum())} | lifting.facts())


ANNOTATION = Annotation(
    name="methylation",
    summary="Mean methylation over CpGs, then over replicates.",
    options=Options,
    annotate=annotate_methylation,
    tables={"methylation_signals": AVERAGED},
    rules=(
        Rule("CpGs without coverage", "are no measurement", "`--coverage 0`, or `--coverage 10`"),
        Rule("mean of a replicate", "every CpG counts the same", "`--weigh coverage`"),
        Rule("mean of replicates", "over those that have a CpG in the region"),
        Rule("a region without a CpG", "has no value, never 0, and is in no test"),
        Rule("both strands of a CpG", "are two rows, as in the file"),
    ),
    paper="CREATE, Methods (Methylation levels computation), figures 5d and 6d",
)  # fmt: skip
