"""Motifs in regions: hits by FIMO's rule, and one p for each region and motif by Fisher's method.

CREATE Methods, "Motif enrichment analysis": FIMO with default settings; "for each input sequence, we used
Fisher's method to combine the P-values of reported binding sites for each TF". Figure 5b's sizes are the
share of regions with a combined p below 0.01; with FIMO's threshold of 1e-4 any hit gives one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from raycre.annotate.combined import PerRegion, combine_hits, fisher_log_p
from raycre.annotate.declaration import (
    Annotatable,
    Annotated,
    Annotation,
    Column,
    GroupValues,
    Rule,
    file,
    option,
)
from raycre.annotate.fimo import THRESHOLD, Hits, Scanner
from raycre.annotate.matrices import MATRICES, matrix_rows
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.meme import Motif, read_meme
from raycre.store.fields import INT, REAL, TEXT, schema_of

RATE = 110e6  # bases times motifs that a core does in a second, all included: what a dry run reckons with
_PART = 2_048  # regions of a part
_AT_ONCE = 64  # motifs whose values are in memory at once


def per_factor(motifs: Sequence[Motif], several: str) -> list[Motif]:
    """Choose among several motifs of one factor: "each" keeps all, "first" the first of each in the file."""
    if several == "each":
        return list(motifs)
    first: dict[str, Motif] = {}
    for motif in motifs:
        first.setdefault(motif.factor, motif)
    return list(first.values())


@dataclass(frozen=True)
class ScanOptions:
    """Motifs, and how their hits are found and combined."""

    motifs: Path = file("MEME", "Motifs in MEME format (HOCOMOCO, JASPAR).")
    threshold: float = option(THRESHOLD, "Hits have a smaller p.")
    strands: Literal["both", "one"] = option(
        "both", "both: a palindrome's two hits count twice, as FIMO prints them; one: the better at a place."
    )
    several: Literal["each", "first"] = option(
        "each", "Several motifs of a factor: each by itself, or the first in the file."
    )

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ConfigError("--threshold is a p between 0 and 1", value=self.threshold)


@dataclass(frozen=True)
class Options(ScanOptions):
    """The same, and whether every hit is written."""

    hits: bool = option(False, "Write every hit, too.")


class MotifScan:
    """Scans parts of regions: a `PartWorker`."""

    def __init__(self, options: Options) -> None:
        self.hits = options.hits
        self.motifs = per_factor(read_meme(options.motifs), options.several)
        self.names = np.array([motif.name for motif in self.motifs], dtype=object)
        self.scanner = Scanner(self.motifs, options.threshold)

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> dict[str, pd.DataFrame]:
        """Return the pairs of region and motif with a hit, and the hits."""
        assert genome is not None  # the annotation needs it
        hits = self.scanner.scan(read_bases(genome, part))
        found = {"motifs_regions": _pair_rows(combine_hits(hits), hits, self.names, part, first)}
        if self.hits:
            found["motifs_hits"] = _hit_rows(hits, self.names, self.motifs, part, first)
        return found


def annotate_motifs(regions: Annotatable, options: Options) -> Annotated:
    """Scan every region for every motif, part by part."""
    motifs = per_factor(read_meme(options.motifs), options.several)
    names, n = np.array([motif.name for motif in motifs], dtype=object), len(regions.table)
    tables = ("motifs_hits", "motifs_regions") if options.hits else ("motifs_regions",)
    regions.do_parts(MotifScan, (options,), _PART, tables)
    n_motifs, n_hits = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    seen = Counter[str]()
    best = []
    for number in range(-(-n // _PART)):
        rows = regions.read_part("motifs_regions", number)
        n_motifs += np.bincount(rows["region_id"], minlength=n)
        n_hits += np.bincount(rows["region_id"], rows["n_hits"], minlength=n).astype(np.int64)
        seen.update({str(name): int(k) for name, k in rows["motif"].value_counts().items()})
        best.append(best_of(rows))
    places = pd.concat(best).reindex(range(n))
    columns = (
        Column("n_motifs", INT, "motifs with at least one hit", n_motifs, "values"),
        Column("n_hits", INT, "hits of all motifs", n_hits),
        Column("best_motif", TEXT, "motif of the hit with the smallest p; null without a hit",
               places["motif"].to_numpy()),
        Column("best_p", REAL, "p of that hit", places["best_p"].to_numpy()),
        Column("best_score", REAL, "score of that hit, in bits", places["best_score"].to_numpy()),
    )  # fmt: skip
    n_pairs = int(n_motifs.sum())
    facts = {
        "motifs": len(motifs),
        "motifs_with_a_hit": len(seen),
        "pairs_with_a_hit": n_pairs,
        "share_of_pairs_with_a_hit": n_pairs / max(1, n * len(motifs)),
    }
    value = "neglog10_fisher_p" if options.strands == "both" else "neglog10_fisher_p_one_strand"
    # The motifs that most regions have first: of several hundred a person looks at a few.
    hit = sorted((m for m in motifs if m.name in seen), key=lambda motif: -seen[motif.name])
    return Annotated(
        columns,
        facts,
        {"motifs_matrices": matrix_rows(hit)},
        _measured(regions, names, value),
        logos={motif.name: motif.frequencies for motif in hit},
    )


def read_bases(genome: Fasta, table: pd.DataFrame) -> list[NDArray[np.uint8]]:
    """Read the bases of regions of any lengths, codes uint8 (length,) each."""
    lengths = (table["end"] - table["start"]).to_numpy()
    bases: list[Any] = [None] * len(table)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        of_length = table.iloc[rows]
        read = genome.read_many(of_length["chrom"], of_length["start"].to_numpy(), int(length), pad=False)
        for row, each in zip(rows, read, strict=True):
            bases[row] = each
    return bases


def best_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the pair with the smallest best_p (then the largest score) of each region, by region_id."""
    ordered = rows.sort_values(["best_p", "best_score"], ascending=[True, False], kind="stable")
    return ordered.drop_duplicates("region_id").set_index("region_id").sort_index()


def _measured(regions: Annotatable, names: NDArray[Any], value: str) -> Iterator[GroupValues]:
    """Yield for each motif -log10 p of every region (0 without a hit), and whether it has a hit.

    The parts are read again for some motifs at a time, so that memory does not grow with all pairs.
    """
    n = len(regions.table)
    for first in range(0, len(names), _AT_ONCE):
        some = pd.Index(names[first : first + _AT_ONCE])
        values = np.zeros((len(some), n))
        for number in range(-(-n // _PART)):
            rows = regions.read_part("motifs_regions", number, ["region_id", "motif", value])
            motif = some.get_indexer(rows["motif"])
            mine = motif >= 0
            values[motif[mine], rows["region_id"].to_numpy()[mine]] = rows[value].to_numpy()[mine]
        for name, of_motif in zip(some, values, strict=True):
            yield GroupValues(str(name), of_motif, "values")
            yield GroupValues(str(name), of_motif, "share")


def _pair_rows(
    pairs: PerRegion, hits: Hits, names: NDArray[Any], part: pd.DataFrame, first: int
) -> pd.DataFrame:
    log_p = fisher_log_p(pairs.chi2, pairs.n_hits)
    rows = part.iloc[pairs.region]
    return pd.DataFrame(
        {
            "region_id": pairs.region + first,
            "chrom": rows["chrom"].to_numpy(),
            "start": rows["start"].to_numpy(),
            "end": rows["end"].to_numpy(),
            "motif": names[pairs.motif],
            "n_hits": pairs.n_hits,
            "best_p": hits.p[pairs.best],
            "best_score": hits.score[pairs.best],
            "fisher_chi2": pairs.chi2,
            "fisher_df": 2 * pairs.n_hits,
            "fisher_p": chi2.sf(pairs.chi2, 2 * pairs.n_hits),
            "neglog10_fisher_p": log_p,
            "neglog10_fisher_p_one_strand": fisher_log_p(pairs.chi2_one, pairs.n_starts),
        }
    )


def _hit_rows(
    hits: Hits, names: NDArray[Any], motifs: Sequence[Motif], part: pd.DataFrame, first: int
) -> pd.DataFrame:
    start = part["start"].to_numpy()[hits.region] + hits.start
    widths = np.array([len(motif) for motif in motifs])
    return pd.DataFrame(
        {
            "region_id": hits.region + first,
            "chrom": part["chrom"].to_numpy()[hits.region],
            "start": start,
            "end": start + widths[hits.motif],
            "strand": np.where(hits.minus, "-", "+"),
            "motif": names[hits.motif],
            "score": hits.score,
            "p": hits.p,
        }
    )


_KEY = (
    ("region_id", INT, "number of the region, in input order"),
    ("chrom", TEXT, "chromosome"),
)
MOTIFS_REGIONS = schema_of(
    *_KEY,
    ("start", INT, "start of the region"),
    ("end", INT, "end of the region"),
    ("motif", TEXT, "name of the motif; a pair of region and motif without a hit has no row"),
    ("n_hits", INT, "hits, those on both strands of one place counting twice"),
    ("best_p", REAL, "smallest p of a hit"),
    ("best_score", REAL, "score of that hit, in bits"),
    ("fisher_chi2", REAL, "-2 times the sum of ln p over the hits"),
    ("fisher_df", INT, "twice the number of hits"),
    ("fisher_p", REAL, "Fisher's combined p"),
    ("neglog10_fisher_p", REAL, "-log10 of it; it does not underflow"),
    ("neglog10_fisher_p_one_strand", REAL, "the same with one strand for each place, that of the smaller p"),
)
MOTIFS_HITS = schema_of(
    *_KEY,
    ("start", INT, "start of the hit in the genome"),
    ("end", INT, "end of the hit"),
    ("strand", TEXT, "strand of the hit"),
    ("motif", TEXT, "name of the motif"),
    ("score", REAL, "in bits"),
    ("p", REAL, "p of that score or more, of one place"),
)


def cost_of_motifs(n: int, bases: int, options: Options) -> dict[str, Any]:
    """Reckon the scan: bases times motifs, and the seconds of one core."""
    motifs = len(per_factor(read_meme(options.motifs), options.several))
    return {"motifs": motifs, "Mb_x_motifs": bases * motifs / 1e6, "cpu_seconds": bases * motifs / RATE}


ANNOTATION = Annotation(
    name="motifs",
    summary="Motif hits by FIMO's rule, combined by Fisher's method for each region and motif.",
    options=Options,
    annotate=annotate_motifs,
    needs=("genome",),
    tables={"motifs_regions": MOTIFS_REGIONS, "motifs_hits": MOTIFS_HITS, "motifs_matrices": MATRICES},
    rules=(
        Rule("background of the motifs", "the MEME suite's NRDB, both strands averaged; not the file's"),
        Rule("pseudocount", "0.1 sites of the background, against the motif's nsites (20 where none)"),
        Rule("p of a hit", "exact, of whole-number scores; a hit is below 1e-4", "`--threshold`"),
        Rule("both strands hit at one place", "two hits, as FIMO prints them", "`--strands one`"),
        Rule("a window with N", "is not scored"),
        Rule("a region without a hit", "-log10 p is 0, and it counts as not significant"),
        Rule("several motifs of one factor", "each by itself", "`--several first`"),
        Rule("share of regions with a motif", "those with a hit, against the other group: by chance 18 % of "
             "1-kb regions have one"),
    ),
    paper="CREATE, Methods (Motif enrichment analysis), figures 4a-c and 5b,c",
    cost=cost_of_motifs,
)  # fmt: skip
