"""The rows that a page holds whole: regions of a prediction, tiles and genes of a CREME run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from raycre.creme.formulas import SHUFFLED_OVER_WT
from raycre.creme.tests import tile_tests
from raycre.genome.classes import CLASSES
from raycre.store.parquet import iter_parts, read_table
from raycre.store.parts import current_parts

CALLED = ("enhancer", "silencer")
CONTEXT = "context"
_P, _SD = [f"p_{c}" for c in CLASSES], [f"sd_{c}" for c in CLASSES]
_REGION = ["chrom", "start", "end", "name", "call", "call_argmax", "score_margin", *_P, *_SD]
_TILE = [
    "gene_id", "gene_name", "tss", "strand", "tile_chrom", "tile_start", "tile_end", "distance", "track_id",
    "track_name", "biosample", "wt", "sd", "effect", "metric", "call",
]  # fmt: skip
REGIONS = {
    "chrom": "chromosome", "start": "start", "end": "end", "name": "name", "call": "call",
    "p": "probability", "sd": "s.d. over folds", "margin": "above its cutoff", "likely": "most probable",
}  # fmt: skip
TILES = {
    "gene": "gene", "test": "test", "track": "track", "chrom": "chromosome", "start": "start", "end": "end",
    "distance": "distance (bp)", "effect": "effect", "sd": "s.d.", "call": "call",
}  # fmt: skip
GENES = {
    "gene": "gene", "id": "id", "chrom": "chromosome", "tss": "TSS", "strand": "strand", "track": "track",
    "context": "context", "enhancers": "enhancer tiles", "silencers": "silencer tiles",
    "strongest": "strongest effect", "found": "called tiles",
}  # fmt: skip


def read_region_rows(run: Path) -> pd.DataFrame:
    """Return the regions of a prediction along the genome: the columns of `REGIONS`.

    A region without a call, for want of cutoffs, has the most probable class as its call.

    Raises:
        FormatError: a damaged part.
    """
    parts = [read_table(path, _REGION).to_pandas() for path in iter_parts(run / "predictions")]
    if not parts:
        return pd.DataFrame(columns=list(REGIONS))
    rows = pd.concat(parts, ignore_index=True)
    call = rows["call"].where(rows["call"].notna(), rows["call_argmax"])
    at = pd.Index(CLASSES).get_indexer(pd.Index(call))
    each = np.arange(len(rows))
    table = pd.DataFrame(
        {
            "chrom": rows["chrom"], "start": rows["start"], "end": rows["end"],
            "name": rows["name"].fillna(""), "call": call, "p": rows[_P].to_numpy(np.float64)[each, at],
            "sd": rows[_SD].to_numpy(np.float64)[each, at],
            "margin": rows["score_margin"].astype(np.float64), "likely": rows["call_argmax"],
        }
    )  # fmt: skip
    return along_the_genome(table)


def read_tile_rows(run: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tiles of a CREME run's tests with one effect of each (`TILES`), and its genes (`GENES`).

    s.d. is that of the effect over shuffles, where the effect is the mutant over the wild type. A gene has a
    row for each track.

    Raises:
        FormatError: a damaged part.
    """
    wanted = (*tile_tests(), CONTEXT)
    parts = [
        read_table(path, _TILE).to_pandas().assign(test=test)
        for test in wanted
        for path in current_parts(run.glob(f"effects/test={test}/model=*/part-*.parquet"))
    ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(TILES)), pd.DataFrame(columns=list(GENES))
    rows = pd.concat(parts, ignore_index=True)
    rows["gene"] = gene_labels(rows)
    rows["track"] = track_labels(rows)
    rows["chrom"], rows["start"], rows["end"] = rows["tile_chrom"], rows["tile_start"], rows["tile_end"]
    spread = rows["sd"].astype(np.float64) / rows["wt"].astype(np.float64).where(rows["wt"] > 0)
    rows["sd"] = spread.where(rows["metric"] == SHUFFLED_OVER_WT)
    rows["effect"] = rows["effect"].astype(np.float64)
    genes = _genes(rows)
    tiles = rows[rows["test"] != CONTEXT].assign(call=lambda t: t["call"].fillna("unknown"))
    return along_the_genome(tiles[[*TILES, "strand"]]), genes


def _genes(rows: pd.DataFrame) -> pd.DataFrame:
    key = ["gene", "track"]
    first = rows.drop_duplicates(key).set_index(key)
    tiles = rows[rows["test"] != CONTEXT]
    per_tile = tiles.groupby([*key, "tile_start", "tile_end"], sort=False)
    count = {
        f"{call}s": tiles[tiles["call"] == call].drop_duplicates([*key, "tile_start"]).groupby(key).size()
        for call in CALLED
    }
    strongest = (
        tiles.loc[tiles["effect"].abs().groupby([tiles["gene"], tiles["track"]]).idxmax().dropna()]
        if tiles["effect"].notna().any()
        else tiles[:0]
    )
    context = rows[rows["test"] == CONTEXT].drop_duplicates(key).set_index(key)["call"]
    tested = set(per_tile.size().droplevel([2, 3]).index)
    known = tiles[tiles["call"].notna()].groupby(key).size()
    table = pd.DataFrame(
        {
            "id": first["gene_id"], "chrom": first["tile_chrom"], "tss": first["tss"],
            "strand": first["strand"], "context": context.reindex(first.index).fillna(""),
            **{name: n.reindex(first.index).fillna(0).astype(np.int64) for name, n in count.items()},
            "strongest": strongest.set_index(key)["effect"].reindex(first.index).astype(np.float64),
        }
    ).reset_index()  # fmt: skip
    index = pd.MultiIndex.from_frame(table[key])
    called = (table["enhancers"] + table["silencers"] > 0).to_numpy()
    silent = np.array([pair in tested for pair in index]) & index.isin(known.index)
    table["found"] = np.where(called, "some", np.where(silent, "none", "not known"))
    return along_the_genome(table[list(GENES)], "tss")


def gene_labels(rows: pd.DataFrame) -> pd.Series:
    """Return each row's gene by its name, or its id; one at several TSSs or ids, with the TSS."""
    name = rows["gene_name"].where(rows["gene_name"].notna() & (rows["gene_name"] != ""), rows["gene_id"])
    several = rows.groupby(name)[["gene_id", "tss"]].nunique().max(axis=1) > 1
    return name.where(~name.map(several), name + "@" + rows["tss"].astype(str))


def track_labels(rows: pd.DataFrame) -> pd.Series:
    """Return each row's track by name and biosample, each once, or by its number."""
    number = "track " + rows["track_id"].astype(str)
    name = rows["track_name"].where(rows["track_name"].notna(), number)
    biosample = rows["biosample"].where(rows["biosample"].notna(), name)
    return name.where(biosample == name, name + " · " + biosample)


def along_the_genome(rows: pd.DataFrame, position: str = "start") -> pd.DataFrame:
    """Sort rows by chromosome, chr2 before chr10, and position; equal ones keep their order."""
    names = sorted(rows["chrom"].unique(), key=_natural)
    rank = rows["chrom"].map({name: i for i, name in enumerate(names)})
    order = np.lexsort((np.arange(len(rows)), rows[position].to_numpy(np.int64), rank.to_numpy(np.int64)))
    return rows.iloc[order].reset_index(drop=True)


def _natural(name: str) -> tuple[int, int, str]:
    digits = name.removeprefix("chr")
    return (0, int(digits), name) if digits.isascii() and digits.isdigit() else (1, 0, name)
