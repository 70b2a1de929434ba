"""Motifs in regions: hits by FIMO's rule, and one p for each region and motif by Fisher's method.

CREATE Methods, "Motif enrichment analysis": FIMO with default settings; "for each input sequence, we used
Fisher's method to combine the P-values of reported binding sites for each TF". Figure 5b's sizes are the
share of regions with a combined p below 0.01; with FIMO's threshold of 1e-4 any hit gives one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

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
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.meme import Motif, read_meme
from raycre.store.fields import INT, REAL, TEXT, schema_of

RATE = 150e6  # bases times motifs that a core scans in a second: what a dry run reckons with
_PART = 4_096  # regions of a part


class PerRegion(NamedTuple):
    """The hits of each pair of region and motif that has one, ordered by region and motif.

    region, motif: int64 (m,), positions.
    n_hits, n_starts: int64 (m,): hits, and places that have one on either strand.
    best: int64 (m,), position among the hits of the one with the smallest p (and largest score).
    chi2, chi2_one: float64 (m,): -2 times the sum of ln p, over hits, and over places with the smaller p.
    """

    region: NDArray[np.int64]
    motif: NDArray[np.int64]
    n_hits: NDArray[np.int64]
    n_starts: NDArray[np.int64]
    best: NDArray[np.int64]
    chi2: NDArray[np.float64]
    chi2_one: NDArray[np.float64]


def combine_hits(hits: Hits) -> PerRegion:
    """Combine the hits of each region and motif by Fisher's method; a pair without a hit has no row.

    Args:
        hits: as a `Scanner` orders them, so that both strands of a place follow each other.
    """
    n = len(hits.p)
    pair = _begins(hits.region, hits.motif)
    first = np.flatnonzero(pair)
    place = _begins(hits.region, hits.motif, hits.start)
    starts = np.flatnonzero(place)
    log = -2 * np.log(hits.p)
    of_place = np.maximum.reduceat(log, starts) if n else log
    number = np.cumsum(pair) - 1
    ordered = np.lexsort((np.arange(n), -hits.score, hits.p, number))
    best = ordered[first] if n else first
    n_pairs = len(first)
    return PerRegion(
        hits.region[first],
        hits.motif[first],
        np.bincount(number, minlength=n_pairs),
        np.bincount(number[starts], minlength=n_pairs),
        best,
        np.bincount(number, log, minlength=n_pairs).astype(np.float64),
        np.bincount(number[starts], of_place, minlength=n_pairs).astype(np.float64),
    )


def _begins(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the rows where any of the keys is another than in the row before."""
    begins = np.ones(len(keys[0]), dtype=bool)
    begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return begins


def fisher_log_p(statistic: NDArray[np.float64], n: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return -log10 of Fisher's combined p of n p-values; it does not underflow."""
    logs: NDArray[np.float64] = -chi2.logsf(statistic, 2 * n) / np.log(10)
    return logs


def per_factor(motifs: Sequence[Motif], several: str) -> list[Motif]:
    """Choose among several motifs of one factor: "each" keeps all, "first" the first of each in the file."""
    if several == "each":
        return list(motifs)
    first: dict[str, Motif] = {}
    for motif in motifs:
        first.setdefault(motif.factor, motif)
    return list(first.values())


@dataclass(frozen=True)
class Options:
    """Motifs, and how their hits are found and combined."""

    motifs: Path = file("MEME", "Motifs in MEME format (HOCOMOCO, JASPAR).")
    threshold: float = option(THRESHOLD, "Hits have a smaller p.")
    strands: Literal["both", "one"] = option(
        "both", "both: a palindrome's two hits count twice, as FIMO prints them; one: the better at a place."
    )
    several: Literal["each", "first"] = option(
        "each", "Several motifs of a factor: each by itself, or the first in the file."
    )
    hits: bool = option(False, "Write every hit, too.")

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise ConfigError("--threshold is a p between 0 and 1", value=self.threshold)


class _Kept(NamedTuple):
    """What is kept of all regions: the pairs with a hit and -log10 of their combined p."""

    region: NDArray[np.int32]
    motif: NDArray[np.int32]
    value: NDArray[np.float64]


def annotate_motifs(regions: Annotatable, options: Options) -> Annotated:
    """Scan every region for every motif, part by part."""
    motifs = per_factor(read_meme(options.motifs), options.several)
    table, names = regions.table, np.array([motif.name for motif in motifs], dtype=object)
    scanner = Scanner(motifs, options.threshold)
    kept, best = [], []
    with regions.genome() as genome, regions.progress("regions scanned", len(table)) as done:
        for number, first in enumerate(range(0, len(table), _PART)):
            part = table.iloc[first : first + _PART]
            hits = scanner.scan(read_bases(genome, part))
            pairs = combine_hits(hits)
            value = _value(pairs, options.strands)
            regions.write_part("motifs_regions", number, _pair_rows(pairs, hits, names, part, first))
            if options.hits:
                regions.write_part("motifs_hits", number, _hit_rows(hits, names, motifs, part, first))
            kept.append(_Kept((pairs.region + first).astype(np.int32), pairs.motif.astype(np.int32), value))
            best.append(_best(hits, pairs, names, len(part)))
            done(len(part))
    all_pairs = _Kept(*(np.concatenate(each) for each in zip(*kept, strict=True)))
    n, places = len(table), pd.concat(best, ignore_index=True)
    columns = (
        Column("n_motifs", INT, "motifs with at least one hit", np.bincount(all_pairs.region, minlength=n),
               "values"),
        Column("n_hits", INT, "hits of all motifs", places["n_hits"].to_numpy()),
        Column("best_motif", TEXT, "motif of the hit with the smallest p; null without a hit",
               places["motif"].to_numpy()),
        Column("best_p", REAL, "p of that hit", places["p"].to_numpy()),
        Column("best_score", REAL, "score of that hit, in bits", places["score"].to_numpy()),
    )  # fmt: skip
    found = len(np.unique(all_pairs.motif))
    facts = {
        "motifs": len(motifs),
        "motifs_with_a_hit": found,
        "pairs_with_a_hit": len(all_pairs.region),
        "share_of_pairs_with_a_hit": len(all_pairs.region) / max(1, n * len(motifs)),
    }
    return Annotated(columns, facts, measured=_measured(all_pairs, names, n))


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


def _value(pairs: PerRegion, strands: str) -> NDArray[np.float64]:
    if strands == "one":
        return fisher_log_p(pairs.chi2_one, pairs.n_starts)
    return fisher_log_p(pairs.chi2, pairs.n_hits)


def _measured(pairs: _Kept, names: NDArray[Any], n: int) -> Iterator[GroupValues]:
    """Yield for each motif -log10 p of every region (0 without a hit), and whether it has a hit."""
    order = np.argsort(pairs.motif, kind="stable")
    ends = np.searchsorted(pairs.motif[order], np.arange(len(names) + 1))
    for i, name in enumerate(names):
        mine = order[ends[i] : ends[i + 1]]
        values = np.zeros(n)
        values[pairs.region[mine]] = pairs.value[mine]
        yield GroupValues(str(name), values, "values")
        yield GroupValues(str(name), values, "share")


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


def _best(hits: Hits, pairs: PerRegion, names: NDArray[Any], n: int) -> pd.DataFrame:
    """Return the best hit of each of n regions, and how many it has."""
    order = pairs.best[np.lexsort((-hits.score[pairs.best], hits.p[pairs.best], pairs.region))]
    order = order[_begins(hits.region[order])] if len(order) else order
    found = pd.DataFrame(
        {"motif": names[hits.motif[order]], "p": hits.p[order], "score": hits.score[order]},
        index=hits.region[order],
    ).reindex(range(n))
    return found.assign(n_hits=np.bincount(hits.region, minlength=n))


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
    tables={"motifs_regions": MOTIFS_REGIONS, "motifs_hits": MOTIFS_HITS},
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
