"""CRISPR-tested pairs of element and gene, each joined to the tiles of its gene that overlap the element."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.errors import ConfigError

Direction = Literal["decrease", "increase", "either"]
Combine = Literal["max", "mean", "sum"]

TSS_SLACK = 500  # bp on both sides of a table's TSS in which a gene's own may lie, where no name tells; ours
COVERED, NO_GENE, OUTSIDE, NO_TILE, NO_EFFECT = (
    "yes",
    "gene not in the run on this track",
    "outside the gene's tiles",
    "in the TSS tile or between tiles",
    "effect without a value",
)
_VERSION = r"\.\d+$"  # ENSG00000182378.15


def join_pairs(
    pairs: pd.DataFrame,
    tiles: pd.DataFrame,
    *,
    direction: Direction = "decrease",
    combine: Combine = "max",
) -> pd.DataFrame:
    """Give every pair the effect of the tiles that stand for it.

    A gene is found by its name, else by its id without version, else, where the pair has neither, by a TSS
    within `TSS_SLACK` of the pair's. A gene with several TSSs brings the tiles of all of them.

    Args:
        pairs: columns of `genome.crispr_pairs.Pairs`.
        tiles: of `TestedTiles`, of the necessity test: (WT - MUT) / WT, so a loss of activity is positive.
        direction: of expression when the element is repressed. "decrease": the score is the effect (an
            enhancer was hit); "increase": minus the effect; "either": its absolute value.
        combine: of the scores of several tiles, the largest, their mean or their sum.

    Returns:
        One row a pair, in order, columns `crispri.PAIRS`.

    Raises:
        ConfigError: another direction or way to combine.
    """
    signs = {"decrease": 1.0, "increase": -1.0, "either": 1.0}
    if direction not in signs or combine not in ("max", "mean", "sum"):
        raise ConfigError(
            "direction is decrease, increase or either; combine is max, mean or sum",
            value=(direction, combine),
        )
    genes, gene_of_tile = _genes(tiles)
    pair, gene = _genes_of_pairs(pairs, genes)
    candidates = pd.DataFrame({"pair": pair, "gene": gene}).merge(
        pd.DataFrame({"gene": gene_of_tile, "tile": np.arange(len(tiles))}), on="gene"
    )
    hits = _overlapping(pairs, tiles, candidates)
    effect = tiles["effect"].to_numpy(np.float64)[hits["tile"]]
    hits = hits.assign(
        effect=effect, score=np.abs(effect) if direction == "either" else signs[direction] * effect
    )
    known = hits[np.isfinite(effect)].groupby("pair")
    n = len(pairs)
    combined = known["score"].agg(combine).reindex(range(n)).to_numpy()
    if combine == "max":  # the effect of the very tile that gave the score
        strongest = known["score"].idxmax()
        shown = (
            pd.Series(hits.loc[strongest, "effect"].to_numpy(), strongest.index).reindex(range(n)).to_numpy()
        )
    else:
        shown = known["effect"].agg(combine).reindex(range(n)).to_numpy()
    found = pairs[["chrom", "start", "end", "gene", "outcome"]].reset_index(drop=True)
    return found.assign(
        gene=found["gene"].where(found["gene"].notna(), pairs["gene_id"].to_numpy()),
        covered=_why(n, pair, candidates, hits, combined, pairs, tiles),
        n_tiles=np.bincount(hits["pair"], minlength=n),
        effect=shown,
        score=combined,
        distance=_distances(pairs, pair, gene, genes),
    )


def _genes(tiles: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return a row for each TSS, and the row of each tile."""
    key = ["gene_id", "gene_name", "chrom", "tss", "strand"]
    gene_of_tile = tiles.groupby(key, sort=False, dropna=False).ngroup().to_numpy()
    _, first = np.unique(gene_of_tile, return_index=True)
    genes = tiles.iloc[first][key].reset_index(drop=True)
    return genes, gene_of_tile


def _genes_of_pairs(pairs: pd.DataFrame, genes: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (pair, gene) of all matches: int64 (m,) each; a pair takes the first rule that fits."""
    pair_no = pd.DataFrame({"pair": np.arange(len(pairs))})
    gene_no = pd.DataFrame({"gene_row": np.arange(len(genes)), "chrom": genes["chrom"].to_numpy()})
    found = []
    left = np.ones(len(pairs), dtype=bool)
    for ours, theirs in (
        (genes["gene_name"], pairs["gene"]),
        (_bare(genes["gene_id"]), _bare(pairs["gene_id"])),
    ):
        # The chromosome too: pseudo-autosomal genes have one name on X and Y.
        right = gene_no.assign(key=ours.to_numpy()).dropna(subset="key")
        both = pair_no.assign(key=theirs.to_numpy(), chrom=pairs["chrom"].to_numpy())[left]
        match = both.dropna(subset="key").merge(right, on=["key", "chrom"])
        found.append(match[["pair", "gene_row"]])
        left[match["pair"]] = False
    nameless = np.flatnonzero(left & pairs["gene"].isna().to_numpy() & pairs["gene_id"].isna().to_numpy())
    tss = pd.DataFrame({"pair": nameless, "chrom": pairs["tss_chrom"].to_numpy()[nameless]})
    near = tss.merge(gene_no.assign(tss=genes["tss"].to_numpy()), on="chrom")
    low, high = (pairs[c].to_numpy()[near["pair"]] for c in ("tss_start", "tss_end"))
    within = (near["tss"] >= low - TSS_SLACK) & (near["tss"] < high + TSS_SLACK) & (low >= 0)
    found.append(near.loc[within, ["pair", "gene_row"]])
    every = pd.concat(found).drop_duplicates().astype(np.int64)
    return every["pair"].to_numpy(), every["gene_row"].to_numpy()


def _bare(identifiers: pd.Series) -> pd.Series:
    return identifiers.astype(object).str.replace(_VERSION, "", regex=True)


def _overlapping(pairs: pd.DataFrame, tiles: pd.DataFrame, candidates: pd.DataFrame) -> pd.DataFrame:
    """Of candidates (pair, gene, tile), those whose tile shares a base with the pair's element."""
    pair, tile = candidates["pair"].to_numpy(), candidates["tile"].to_numpy()
    start, end = (np.asarray(pairs[c], np.int64)[pair] for c in ("start", "end"))
    low, high = (np.asarray(tiles[c], np.int64)[tile] for c in ("start", "end"))
    same = pairs["chrom"].to_numpy()[pair] == tiles["chrom"].to_numpy()[tile]
    table: pd.DataFrame = candidates[same & (start < high) & (low < end)].reset_index(drop=True)
    return table


def _why(
    n: int,
    pair: NDArray[np.int64],
    candidates: pd.DataFrame,
    hits: pd.DataFrame,
    score: NDArray[np.float64],
    pairs: pd.DataFrame,
    tiles: pd.DataFrame,
) -> NDArray[np.object_]:
    """Say of every pair whether a tile stands for it, or why none does: (n,) text."""
    why = np.full(n, NO_GENE, dtype=object)
    why[pair] = OUTSIDE
    tile = candidates["tile"].to_numpy()
    of_genes = candidates.assign(start=tiles["start"].to_numpy()[tile], end=tiles["end"].to_numpy()[tile])
    spans = of_genes.groupby(["pair", "gene"]).agg({"start": "min", "end": "max"}).reset_index()
    low, high = (pairs[c].to_numpy()[spans["pair"]] for c in ("start", "end"))
    within = (low < spans["end"]) & (spans["start"] < high)
    why[spans.loc[within, "pair"]] = NO_TILE
    why[hits["pair"]] = NO_EFFECT
    why[np.isfinite(score)] = COVERED
    return why


def _distances(
    pairs: pd.DataFrame, pair: NDArray[np.int64], gene: NDArray[np.int64], genes: pd.DataFrame
) -> NDArray[np.float64]:
    """bp from the element's midpoint to the table's TSS, else the nearest of the run's: float64 (n,)."""
    middle = (pairs["start"].to_numpy() + pairs["end"].to_numpy()) // 2
    tss = (pairs["tss_start"].to_numpy() + pairs["tss_end"].to_numpy()) // 2
    stated = (pairs["tss_start"].to_numpy() >= 0) & (pairs["tss_chrom"] == pairs["chrom"]).to_numpy()
    nearest = np.full(len(pairs), np.inf)
    np.minimum.at(nearest, pair, np.abs(genes["tss"].to_numpy()[gene] - middle[pair]).astype(np.float64))
    found = np.where(stated, np.abs(tss - middle), nearest)
    return np.where(np.isfinite(found), found, np.nan)
