"""Motifs in regions as they are, decoded, and decoded without the major feature of their class.

CREATE Results, "Generation and interpretation of CRE-specific feature spectrum", and figure 4c: the
significance of a repressor's motif "is obviously higher in the original sequences compared to the
reconstructed sequences" of silencers whose major feature is zeroed, by one-sided rank-sum tests. What is
decoded is the likeliest base of each place, so that the decoder's own errors count, too: whether it is
higher in what is decoded with the feature is tested beside it (ours).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from raycre.annotate.combined import combine_hits, fisher_log_p
from raycre.annotate.declaration import (
    DECODED,
    KINDS,
    Annotatable,
    Annotated,
    Annotation,
    Column,
    Rule,
)
from raycre.annotate.fimo import Scanner
from raycre.annotate.groups import rank_sum_test
from raycre.annotate.matrices import MATRICES, matrix_rows
from raycre.annotate.motifs import RATE, ScanOptions, per_factor
from raycre.errors import ConfigError
from raycre.genome.fasta import Fasta
from raycre.genome.meme import read_meme
from raycre.genome.sequence import letter_codes
from raycre.store.fields import INT, REAL, TEXT, schema_of

_PART = 1_024  # regions of a part
_AT_ONCE = 64  # motifs whose values are in memory at once
_TOLD = 3  # motifs of a class that are printed
_FEWEST = 2  # regions of a class; of fewer there is no test


class DecodedScan:
    """Scans the three sequences of each region: a `PartWorker`."""

    def __init__(self, options: ScanOptions) -> None:
        self.one_strand = options.strands == "one"
        motifs = per_factor(read_meme(options.motifs), options.several)
        self.names = np.array([motif.name for motif in motifs], dtype=object)
        self.scanner = Scanner(motifs, options.threshold)

    def __call__(self, genome: Fasta | None, part: pd.DataFrame, first: int) -> dict[str, pd.DataFrame]:
        """Return the pairs of region and motif with a hit in any of the three."""
        n = len(self.names)
        chosen = part.index[part["sequence_original"].notna()].to_numpy()
        keys, values, hits = [], [], []
        for kind in KINDS:
            pairs = combine_hits(
                self.scanner.scan([letter_codes(text) for text in part.loc[chosen, f"sequence_{kind}"]])
            )
            statistic, count = (
                (pairs.chi2_one, pairs.n_starts) if self.one_strand else (pairs.chi2, pairs.n_hits)
            )
            keys.append(chosen[pairs.region] * n + pairs.motif)
            values.append(fisher_log_p(statistic, count))
            hits.append(count)
        every = np.unique(np.concatenate(keys))
        rows: dict[str, Any] = {"region_id": every // n + first, "motif": self.names[every % n]}
        for kind, key, value, count in zip(KINDS, keys, values, hits, strict=True):
            at = np.searchsorted(every, key)
            for name, each, empty in ((f"n_hits_{kind}", count, 0), (f"neglog10_p_{kind}", value, 0.0)):
                rows[name] = np.full(len(every), empty)
                rows[name][at] = each
        return {"decoded_regions": pd.DataFrame(rows)}


def annotate_decoded(regions: Annotatable, options: ScanOptions) -> Annotated:
    """Scan what a training has decoded for every motif, part by part, and compare class by class."""
    table = regions.table
    if table["sequence_original"].isna().all():
        raise ConfigError("the training's model reads no bases, so none are decoded")
    motifs = per_factor(read_meme(options.motifs), options.several)
    regions.do_parts(DecodedScan, (options,), _PART, ("decoded_regions",), DECODED)
    n_parts, seen = -(-len(table) // _PART), Counter[str]()
    n_hits = {kind: np.zeros(len(table), dtype=np.int64) for kind in KINDS}
    for number in range(n_parts):
        rows = regions.read_part("decoded_regions", number)
        for kind, total in n_hits.items():
            found = np.bincount(rows["region_id"], rows[f"n_hits_{kind}"], minlength=len(table))
            total += found.astype(np.int64)
        seen.update({str(name): int(k) for name, k in rows["motif"].value_counts().items()})
    group = table["group"].to_numpy(object)
    names = [motif.name for motif in motifs if motif.name in seen]
    tests = compare_kinds(_values(regions, names, n_parts), group)
    columns = (
        Column("fold", INT, "fold that decoded the region", table["fold"].to_numpy()),
        Column("code", INT, "major feature of its class in that fold", table["code"].to_numpy()),
        Column("n_pieces", INT, "pieces of its embedding that are the major feature",
               table["n_pieces"].to_numpy()),
        *(Column(f"n_hits_{kind}", INT, f"hits of all motifs, {kind}", total)
          for kind, total in n_hits.items()),
    )  # fmt: skip
    first = tests.sort_values("p_value", kind="stable")["motif"].drop_duplicates()
    logos = {motif.name: motif.frequencies for motif in motifs}
    facts = {
        "motifs": len(motifs),
        "motifs_with_a_hit": len(seen),
        "regions_with_the_feature": int((table["n_pieces"] > 0).sum()),
        "most_lost": _most_lost(tests),
    }
    return Annotated(
        columns,
        facts,
        {"decoded_motifs": tests, "decoded_matrices": matrix_rows(m for m in motifs if m.name in seen)},
        logos={name: logos[name] for name in first},
    )


def _values(
    regions: Annotatable, names: Sequence[str], n_parts: int
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield for each motif -log10 p of every region and kind, float64 (3, n); 0 without a hit."""
    columns = [f"neglog10_p_{kind}" for kind in KINDS]
    for first in range(0, len(names), _AT_ONCE):
        some = pd.Index(names[first : first + _AT_ONCE])
        values = np.zeros((len(some), len(KINDS), len(regions.table)))
        for number in range(n_parts):
            rows = regions.read_part("decoded_regions", number, ["region_id", "motif", *columns])
            motif = some.get_indexer(pd.Index(rows["motif"]))
            mine = rows[motif >= 0]
            values[motif[motif >= 0], :, mine["region_id"].to_numpy()] = mine[columns].to_numpy(np.float64)
        yield from zip(map(str, some), values, strict=True)


def compare_kinds(values: Iterator[tuple[str, NDArray[np.float64]]], group: NDArray[Any]) -> pd.DataFrame:
    """Compare what regions are decoded as with what they are, motif by motif.

    Args:
        values: name of a motif, and -log10 p of it in every region and kind, float64 (3, n).
        group: (n,) class of each region.

    Returns:
        One row for each class and motif, columns DECODED_MOTIFS; p is corrected over the table.
    """
    members = {str(name): np.flatnonzero(group == name) for name in dict.fromkeys(group)}
    found = []
    for motif, of_motif in values:
        for name, rows in members.items():
            mine = of_motif[:, rows]
            row: dict[str, Any] = {"group": name, "motif": motif, "n": len(rows)}
            for kind, each in zip(KINDS, mine, strict=True):
                row |= {f"mean_{kind}": float(each.mean()), f"share_{kind}": float((each > 0).mean())}
            row |= {"auc": np.nan, "p_value": np.nan, "p_decoded": np.nan}
            if len(rows) >= _FEWEST:
                original, decoded, without = mine
                against = rank_sum_test(original, without)
                row |= {"auc": against.auc, "p_value": against.p,
                        "p_decoded": rank_sum_test(decoded, without).p}  # fmt: skip
            found.append(row)
    table = pd.DataFrame(found, columns=DECODED_MOTIFS.names[:-2])
    p = table["p_value"].to_numpy(np.float64)
    known, corrected = ~np.isnan(p), np.full(len(p), np.nan)
    if known.any():
        corrected[known] = false_discovery_control(p[known])
    return table.assign(p_bonferroni=np.minimum(1, p * known.sum()), p_bh=corrected)


def _most_lost(tests: pd.DataFrame) -> list[dict[str, Any]]:
    """The motifs of each class that differ most, for people."""
    shown = ["group", "motif", "n", "mean_original", "mean_zeroed", "auc", "p_value", "p_bh", "p_decoded"]
    known = tests.dropna(subset=["p_value"]).sort_values("p_value", kind="stable")
    rows = known.groupby("group", sort=False).head(_TOLD).sort_values("group", kind="stable")
    return [{str(key): value for key, value in row.items()} for row in rows[shown].to_dict("records")]


def cost_of_decoded(n: int, bases: int, options: ScanOptions) -> dict[str, Any]:
    """Reckon the scan: bases of the three sequences times motifs, and the seconds of one core."""
    motifs = len(per_factor(read_meme(options.motifs), options.several))
    work = len(KINDS) * bases * motifs
    return {"motifs": motifs, "Mb_x_motifs": work / 1e6, "cpu_seconds": work / RATE}


_OF = {"original": "of the input", "reconstructed": "decoded", "zeroed": "decoded without the major feature"}
DECODED_REGIONS = schema_of(
    ("region_id", INT, "number of the region, in input order"),
    ("motif", TEXT, "name of the motif; a pair of region and motif without any hit has no row"),
    *((f"n_hits_{kind}", INT, f"hits {text}") for kind, text in _OF.items()),
    *((f"neglog10_p_{kind}", REAL, f"-log10 of Fisher's combined p, {text}; 0 without a hit")
      for kind, text in _OF.items()),
)  # fmt: skip
DECODED_MOTIFS = schema_of(
    ("group", TEXT, "class of the regions"),
    ("motif", TEXT, "name of the motif"),
    ("n", INT, "regions of the class"),
    *((f"mean_{kind}", REAL, f"mean -log10 p over all of them, {text}") for kind, text in _OF.items()),
    *((f"share_{kind}", REAL, f"share of them with a hit, {text}") for kind, text in _OF.items()),
    ("auc", REAL, "of original against zeroed: 0.5 is none"),
    ("p_value", REAL, "one-sided rank-sum test: is original greater than zeroed? null for fewer than two"),
    ("p_decoded", REAL, "the same of reconstructed against zeroed: without the decoder's own errors"),
    ("p_bonferroni", REAL, "p_value times the number of p-values in the table, at most 1"),
    ("p_bh", REAL, "p_value corrected over the table by Benjamini and Hochberg"),
)

ANNOTATION = Annotation(
    name="decoded",
    summary="Motifs that a training's regions lose when they are decoded without their major feature.",
    options=ScanOptions,
    annotate=annotate_decoded,
    needs=("decoded",),
    tables={
        "decoded_regions": DECODED_REGIONS,
        "decoded_motifs": DECODED_MOTIFS,
        "decoded_matrices": MATRICES,
    },
    rules=(
        Rule("which regions", "those that the training keeps base by base, users of the feature or not",
             "`interpretation.base_by_base` of the training"),
        Rule("what is decoded", "the likeliest base of each place"),
        Rule("which fold", "each region by the fold that tests it"),
        Rule("hits and their p", "as of motifs: FIMO's rule and Fisher's method"),
    ),
    paper="CREATE, Generation and interpretation of CRE-specific feature spectrum, figure 4c",
    cost=cost_of_decoded,
)  # fmt: skip
