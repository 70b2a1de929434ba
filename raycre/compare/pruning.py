"""How much of an element's activity do the bases bring back that saliency, motifs and chance choose?

CREME Methods, "Fine-tile search", figure 3b,c: chosen bases are embedded with the TSS tile in shuffled
sequence and scored by the model, over the whole element. What the fine-tile search itself keeps stands in
the run's own effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.compare.declaration import (
    Compared,
    Comparison,
    ComparisonResult,
    groups_option,
    json_rows,
    option,
)
from raycre.compare.embedded import Embedding, Window, genes_of, read_gene_window, runs_of
from raycre.compare.tiles import GROUP, TILE
from raycre.creme.formulas import fold_change
from raycre.creme.recovery import RECOVERY, Curve, bp_at_score
from raycre.errors import ConfigError
from raycre.genome.interval_files import read_intervals
from raycre.store.fields import INT, REAL, TEXT, schema_of

SALIENCY, RANDOM, MOTIFS = "saliency", "random", "motifs"

PRUNING = schema_of(
    *TILE,
    GROUP,
    ("method", TEXT, "who chose the bases: saliency, random, or motifs (the hits of --hits)"),
    ("pruned_bp", INT, "bases of the element that are shuffled"),
    ("left_bp", INT, "bases of the element that are embedded, beside the TSS tile"),
    ("score", REAL, "activity over that with the whole element; null where that is not above 0"),
)


@dataclass(frozen=True)
class Options:
    """Which elements, in how many steps and backgrounds, and the motif hits."""

    groups: tuple[str, ...] = groups_option()
    step: int = option(500, "Bases that each step of saliency and random shuffles more.", least=1)
    shuffles: int = option(10, "Shuffled backgrounds, the same for all methods.", least=1)
    rank: Literal["absolute", "signed"] = option(
        "absolute", "Saliency of a base: the size of gradient times input, or with its sign."
    )
    hits: Path | None = option(None, "Motif hits in the genome (BED): what FIMO finds of XSTREME's motifs.")
    seed: int = option(
        0, "Seed of the backgrounds and of chance: the run's own for its backgrounds.", least=0
    )
    gpu: bool = option(False, "Compute on the GPU.")


def compare_pruning(run: Compared, options: Options) -> ComparisonResult:
    """Embed what each method chooses of every called tile, and score it.

    A whole pass for each step and background: (2 x (tile / step) + 2) x shuffles of every element.

    Raises:
        ConfigError: no tile is called.
    """
    import torch

    from raycre.backbones.saliency import gradient_times_input

    table = run.table[run.table["call"].isin(options.groups)]
    if table.empty:
        raise ConfigError("no tile is of these groups", value=",".join(options.groups))
    hits = None if options.hits is None else read_intervals(options.hits).table
    model, device = run.model(gpu=options.gpu)
    embedding = Embedding(model, device, run.track_id, options.shuffles, options.seed)
    genome, rows = run.genome(), []
    with run.progress("elements embedded", len(table)) as show:
        for mine in genes_of(table):
            window = read_gene_window(genome, mine.iloc[0].to_dict(), model.seq_len)
            codes = torch.from_numpy(window.bases[None]).to(device)
            saliency = gradient_times_input(model, codes, [run.track_id])[0, 0].cpu().numpy()
            for _, tile in mine.iterrows():
                rows += pruned_elements(embedding, window, tile, saliency, hits, options)
                show(len({(r["gene_id"], r["start"]) for r in rows}))
    scores = pd.DataFrame(rows)
    return ComparisonResult(
        {"elements": len(table), "methods": json_rows(_summary(scores))}, {"pruning": scores}
    )


def pruned_elements(
    embedding: Embedding,
    window: Window,
    tile: pd.Series,
    saliency: NDArray[np.floating],
    hits: pd.DataFrame | None,
    options: Options,
) -> list[dict[str, object]]:
    """Score one element by each method.

    Args:
        embedding, window: of the gene.
        tile: a row of the run's tiles.
        saliency: float (L,), gradient times input.
        hits: chrom, start, end in the genome; None: no motifs.
        options: see `Options`.
    """
    start, end = int(tile["offset_start"]), int(tile["offset_end"])
    whole = embedding.activity(window, (window.tss_tile, (start, end)))
    own = {c: tile[c] for c in ("gene_id", "gene_name", "chrom", "start", "end", "effect")}
    own["group"] = tile["call"]

    def row(method: str, kept: NDArray[np.int64]) -> dict[str, object]:
        at = np.sort(kept)
        score = float(
            fold_change(np.array(embedding.activity(window, (window.tss_tile, *runs_of(at)))), whole)
        )
        gone = end - start - len(at)
        return own | {"method": method, "pruned_bp": gone, "left_bp": len(at), "score": score}

    positions = np.arange(start, end)
    value = saliency[start:end].astype(np.float64)
    sign = -1.0 if tile["call"] == "silencer" else 1.0
    rank = np.abs(value) if options.rank == "absolute" else sign * value
    chance = np.random.default_rng([options.seed, *window.key.encode(), start, end])
    orders = {
        SALIENCY: positions[np.argsort(-rank, kind="stable")],
        RANDOM: chance.permutation(positions),
    }
    rows = [
        row(method, order[: len(order) - gone])
        for method, order in orders.items()
        for gone in [*range(0, end - start, options.step), end - start]
    ]
    if hits is not None:
        rows.append(row(MOTIFS, positions[hit_bases(tile, hits)]))
    return rows


def hit_bases(tile: pd.Series, hits: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which bases of a tile lie in a hit, in the gene's direction: bool (tile bp,)."""
    first, last = int(tile["start"]), int(tile["end"])
    mine = hits[(hits["chrom"] == tile["chrom"]) & (hits["start"] < last) & (hits["end"] > first)]
    inside = np.zeros(last - first, dtype=bool)
    for a, b in zip(mine["start"], mine["end"], strict=True):
        inside[max(0, a - first) : b - first] = True
    return inside[::-1] if tile["strand"] == "-" else inside


def _summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Return by group and method: elements, and the mean bp that are left at a score of 0.8."""
    found = []
    for (group, method), mine in scores.groupby(["group", "method"], sort=False):
        bp = [
            bp_at_score(Curve(c["left_bp"].to_numpy(np.float64), c["score"].to_numpy(np.float64)))
            for _, c in mine.sort_values("pruned_bp").groupby(["gene_id", "start"])
        ]
        known = [b for b in bp if b == b]
        found.append({
            "group": group, "method": method, "elements": len(bp), "mean_score": float(mine["score"].mean()),
            f"bp_left_at_{RECOVERY:g}": float(np.mean(known)) if known and method != MOTIFS else np.nan,
        })  # fmt: skip
    return pd.DataFrame(found)


COMPARISON = Comparison(
    name="pruning",
    summary="Embed the bases that saliency, motif hits and chance choose of called tiles, and score them.",
    options=Options,
    compare=compare_pruning,
    needs=("model",),
    calls=lambda options: frozenset(options.groups),
    tables={"pruning": PRUNING},
)
