"""Effects of tiles against CRISPR experiments on pairs of element and gene: precision and recall."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from raycre.compare.declaration import (
    Compared,
    Comparison,
    ComparisonResult,
    chain_option,
    file,
    option,
)
from raycre.compare.pairs import COVERED, Combine, Direction, join_pairs
from raycre.errors import ConfigError
from raycre.genome.crispr_pairs import read_pairs
from raycre.genome.intervals import on_known_chromosomes
from raycre.genome.lifting import PLACE, Lifting
from raycre.store.fields import INT, REAL, TEXT, schema_of

Missing = Literal["drop", "lowest"]

PAIRS = schema_of(
    ("chrom", TEXT, "chromosome of the tested element"),
    ("start", INT, "start of the element"),
    ("end", INT, "end of the element"),
    ("gene", TEXT, "gene as the table names it, null where it has only a TSS"),
    ("outcome", pa.bool_(), "whether the experiment found that the element regulates the gene"),
    ("covered", TEXT, "yes, or why no tile stands for the pair"),
    ("n_tiles", INT, "tiles of the gene that overlap the element"),
    ("effect", REAL, "combined effect of these tiles"),
    ("score", REAL, "the effect in the direction asked for; null where not covered"),
    ("distance", REAL, "bp from the element's middle base to the TSS; null where no TSS is known"),
)

PR_CURVES = schema_of(
    ("predictor", TEXT, "creme, or distance (the nearer the likelier)"),
    ("recall", REAL, "share of the positives that reach the threshold"),
    ("precision", REAL, "share of positives among pairs that reach the threshold"),
    ("threshold", REAL, "lowest score that passes; null at recall 0"),
)


def score_pairs(
    joined: pd.DataFrame, *, missing: Missing = "drop"
) -> tuple[dict[str, float | int], pd.DataFrame]:
    """Measure how well scores, and distance alone, tell pairs that regulate from those that do not.

    Args:
        joined: of `join_pairs`.
        missing: pairs without a score are left out, or ("lowest") take a score below all others.

    Returns:
        (numbers, curves): pairs, positives, average_precision, baseline (the positives' share, the average
        precision of a coin), average_precision_distance on the same pairs (those without a known TSS last),
        best_f1; and the points of both curves, columns PR_CURVES.

    Raises:
        ConfigError: no pair, or no positive or negative one, is left.
    """
    from sklearn.metrics import average_precision_score  # a second to import

    score = joined["score"].to_numpy(np.float64)
    if missing == "lowest":
        known = score[np.isfinite(score)]
        score = np.where(np.isfinite(score), score, (known.min() if len(known) else 0.0) - 1)
    kept = np.isfinite(score)
    truth, score = joined["outcome"].to_numpy(bool)[kept], score[kept]
    if not truth.any() or truth.all():
        raise ConfigError(
            f"{len(truth):,} pairs can be scored, {int(truth.sum()):,} of them positive; precision "
            "and recall need both kinds. Run more of the table's genes, or --missing lowest"
        )
    distance = joined["distance"].to_numpy(np.float64)[kept]
    nearness = -np.where(np.isfinite(distance), distance, np.inf)
    lowest = nearness[np.isfinite(nearness)].min(initial=0.0) - 1
    nearness = np.where(np.isfinite(nearness), nearness, lowest)
    curves = {"creme": _curve(truth, score), "distance": _curve(truth, nearness)}
    ours = curves["creme"]
    total = ours["precision"] + ours["recall"]
    f1 = 2 * ours["precision"] * ours["recall"] / total.where(total > 0, 1)
    numbers = {
        "pairs": len(truth),
        "positives": int(truth.sum()),
        "average_precision": float(average_precision_score(truth, score)),
        "average_precision_distance": float(average_precision_score(truth, nearness)),
        "baseline": float(truth.mean()),
        "best_f1": float(f1.max()),
    }
    return numbers, pd.concat(
        [rows.assign(predictor=name) for name, rows in curves.items()], ignore_index=True
    )


def _curve(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> pd.DataFrame:
    from sklearn.metrics import precision_recall_curve

    precision, recall, threshold = precision_recall_curve(truth, score)
    # The last point, recall 0 and precision 1, is a convention that no threshold reaches.
    return pd.DataFrame({"recall": recall, "precision": precision, "threshold": [*threshold, np.nan]})


@dataclass(frozen=True)
class Options:
    """The table of pairs, and how their tiles are scored; see `pairs.join` and `score_pairs`."""

    pairs: Path = file("TABLE", "TSV of the EPCrispr benchmark, or BEDPE of pairs.")
    direction: Direction = option("decrease", "Of expression on repression: decrease, increase or either.")
    combine: Combine = option("max", "Scores of a pair's tiles: max, mean or sum.")
    missing: Missing = option("drop", "Pairs without a tile: drop, or lowest (ranked last).")
    outcome_column: int | None = option(None, "BEDPE: column, from 1, with TRUE or FALSE.")
    gene_column: int | None = option(None, "BEDPE: column with the gene's name; else by TSS.")
    chain: Path | None = chain_option("the pairs to the run's")


def lift_pairs(pairs: pd.DataFrame, lifting: Lifting) -> pd.DataFrame:
    """Put elements and TSSs on the run's assembly; a pair whose element is not mapped is left out.

    Args:
        pairs: columns of `genome.crispr_pairs.Pairs`. A TSS that is not mapped is none.
        lifting: from their assembly.
    """
    if lifting.chains is None:
        return pairs
    known = (pairs["tss_start"] >= 0).to_numpy()
    if known.any():
        columns = ["tss_chrom", "tss_start", "tss_end"]
        tss = pairs.loc[known, columns].set_axis(PLACE, axis=1)
        pairs = pairs.astype({"tss_chrom": object})
        pairs.loc[known, columns] = lifting.places("TSSs", tss).to_numpy(object)
        pairs = pairs.astype({"tss_start": np.int64, "tss_end": np.int64})
    return lifting.rows("elements", pairs)


def compare_crispri(run: Compared, options: Options) -> ComparisonResult:
    """Join every tested pair to its tiles, and measure precision and recall of their effects."""
    lengths, _ = run.sizes()
    tested, n_read, n_invalid, n_unknown = read_pairs(
        options.pairs, outcome_column=options.outcome_column, gene_column=options.gene_column
    )
    lifting = Lifting(options.chain)
    lifting.check(target=lengths)
    tested = lift_pairs(tested, lifting)
    on_known_chromosomes(tested, options.pairs, lengths)
    joined = join_pairs(tested, run.table, direction=options.direction, combine=options.combine)
    numbers, curves = score_pairs(joined, missing=options.missing)
    positive = joined["outcome"]
    why = [
        {"covered": str(reason), "pairs": int(mine.sum()), "positives": int((mine & positive).sum())}
        for reason in joined["covered"].value_counts().index
        for mine in [joined["covered"] == reason]
    ]
    facts = {
        "direction": options.direction,
        "combine": options.combine,
        "missing": options.missing,
        "pairs_read": n_read,
        "pairs_invalid": n_invalid,
        "pairs_without_outcome": n_unknown,
        "pairs_covered": int((joined["covered"] == COVERED).sum()),
        **{f"scored_{key}" if key in ("pairs", "positives") else key: v for key, v in numbers.items()},
        "join": why,
        **lifting.facts(),
    }
    return ComparisonResult(facts, {"crispri_pairs": joined, "crispri_curve": curves})


COMPARISON = Comparison(
    name="crispri",
    summary="Score CRISPR-tested pairs of element and gene: precision and recall.",
    options=Options,
    compare=compare_crispri,
    test="necessity",
    needs=("sizes",),
    tables={"crispri_pairs": PAIRS, "crispri_curve": PR_CURVES},
    figure="precision",
)
