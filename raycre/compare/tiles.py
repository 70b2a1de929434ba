"""The perturbed tiles of a CREME run as one frame, the input of every comparison.

A row is a tile of a gene: where windows of genes overlap, a stretch of the genome can be in several rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from raycre.creme.selection import order_by_hash
from raycre.creme.tests import tile_tests
from raycre.errors import ConfigError, FormatError, MissingInputError, TrackError, near
from raycre.store.fields import INT, REAL, TEXT
from raycre.store.parquet import iter_parts, read_table

TILE_TESTS = tile_tests()  # one row for each tile of a gene
NEUTRAL_EFFECT = 0.1  # CREME Methods, "Biochemical characterization": lower absolute sufficiency values
_RENAMED = {"tile_chrom": "chrom", "tile_start": "start", "tile_end": "end"}
_COLUMNS = [
    *_RENAMED, "gene_id", "gene_name", "tss", "strand", "offset_start", "offset_end", "distance", "track_id",
    "track_name", "wt", "effect", "call",
]  # fmt: skip
_GENE = ["gene_id", "tile_chrom", "tss", "strand"]


GROUP = (
    "group",
    TEXT,
    "call of the tile: enhancer, silencer, …; or neutral, a sample of tiles that do little",
)
TILE = (
    ("gene_id", TEXT, "gene identifier in the annotation"),
    ("gene_name", TEXT, "gene name in the annotation"),
    ("chrom", TEXT, "chromosome of the tile"),
    ("start", INT, "start of the tile in the genome"),
    ("end", INT, "end of the tile in the genome"),
    ("effect", REAL, "effect of the tile, null where it has no value"),
)
"""Columns that several comparisons write."""


class TestedTiles(NamedTuple):
    """Tiles of one test on one track.

    table: chrom, start, end (genomic, 0-based half-open), strand (the gene's), gene_id, gene_name, tss,
        offset_start, offset_end (in the model's input), distance (bp from the TSS tile, start to start,
        negative upstream), track_id, track_name, wt, effect (NaN where null), call (None where unknown),
        context (of the gene; None where it was not tested); in the order of the run.
    test, track_id, model: what they are from; a model of random weights says so in its name.
    """

    table: pd.DataFrame
    test: str
    track_id: int
    model: str


def read_tiles(
    run: Path, test: str, track: str | int | None = None, *, calls: Collection[str] | None = None
) -> TestedTiles:
    """Read the tiles of a run, part by part: of each part only the wanted rows are kept.

    Args:
        run: the run folder.
        test: one of `TILE_TESTS`.
        track: row of the track table or identifier; None where the run has a single track.
        calls: keep only tiles with these calls; None keeps all.

    Raises:
        ConfigError: a test that has no tiles, or that the run did not do.
        TrackError: a track that the run does not have, or none named where it has several.
        MissingInputError: no effects.
        FormatError: a damaged part.
    """
    folder, model = _find(run, test)
    parts = list(iter_parts(folder))
    if not parts:
        raise MissingInputError("no part files here; has the run finished?", path=folder)
    track_id = _track(parts, track)
    tables: list[pa.Table] = []
    for part in parts:
        rows = read_table(part, _COLUMNS)
        wanted = pc.equal(rows["track_id"], track_id)
        if calls is not None:
            called = pc.is_in(rows["call"], value_set=pa.array(sorted(calls), pa.string()))
            wanted = pc.and_(wanted, called)
        rows = rows.filter(wanted)
        if rows.num_rows or not tables:
            tables.append(rows)
    table = pa.concat_tables(tables).to_pandas()
    contexts = _contexts(run, model, track_id)
    table = (
        table.merge(contexts, how="left", on=_GENE) if contexts is not None else table.assign(context=None)
    )
    for column in ("call", "context"):
        table[column] = table[column].astype(object).where(table[column].notna(), None)
    return TestedTiles(table.rename(columns=_RENAMED), test, track_id, model)


def neutral_tiles(table: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Sample tiles that do little, as a background (CREME Methods, "Biochemical characterization").

    From neutral contexts, tiles below 0.1 in absolute effect, one at random for each gene, then `n` genes at
    random (all, where there are fewer). Both draws go by identity, the smallest hashes of seed, gene and
    tile, then of seed and gene, so that a gene with many such tiles is drawn no sooner than another.

    Args:
        table: of `TestedTiles`, of the sufficiency test as in the paper.
        n: the paper takes the mean number of enhancers and silencers.
        seed: of both draws; neither the order of rows nor other genes change which tile of a gene is drawn.

    Returns:
        Rows of `table`, in its order.

    Raises:
        ConfigError: no gene has a known context.
    """
    if table["context"].isna().all():
        raise ConfigError(
            "neutral tiles are of neutral contexts, and the run has no context test; add it to tests"
        )
    fitting = table[(table["context"] == "neutral") & (table["effect"].abs() < NEUTRAL_EFFECT)]
    fitting = fitting.iloc[order_by_hash(fitting, ["gene_id", "tss", "chrom", "start"], seed)]
    of_genes = fitting.drop_duplicates(["gene_id", "tss"])
    drawn = of_genes.iloc[order_by_hash(of_genes, ["gene_id", "tss"], seed)[:n]]
    return table.loc[np.sort(drawn.index)]


def _find(run: Path, test: str) -> tuple[Path, str]:
    """Return the folder of a test's parts and the model's label."""
    if test not in TILE_TESTS:
        raise ConfigError(
            f"only {' and '.join(TILE_TESTS)} have one effect for each tile{near(test, TILE_TESTS)}",
            value=test,
        )
    here = sorted(p.name.removeprefix("test=") for p in (run / "effects").glob("test=*"))
    if not here:
        raise MissingInputError("no effects here; name the folder of a finished `raycre creme` run", path=run)
    if test not in here:
        others = [t for t in here if t in TILE_TESTS]
        hint = f"; take --test {others[0]}" if others else ""
        raise ConfigError(
            f"the run did not do this test, it has {', '.join(here)}{hint}", path=run, value=test
        )
    folders = sorted((run / "effects" / f"test={test}").glob("model=*"))
    if len(folders) != 1:
        found = ", ".join(folder.name for folder in folders) or "none"
        raise FormatError(f"a run has the effects of one model, here are {found}", path=run / "effects")
    return folders[0], folders[0].name.removeprefix("model=")


def _track(parts: Sequence[Path], wanted: str | int | None) -> int:
    """Choose a track of those that any part has: a gene has rows of the tracks that it was chosen for."""
    of_parts = [read_table(part, ["track_id", "track_name"]).to_pandas().drop_duplicates() for part in parts]
    rows = pd.concat(of_parts).drop_duplicates().sort_values("track_id")
    if rows.empty:
        raise MissingInputError("the run's tables of this test have no rows", path=parts[0].parent)
    shown = ", ".join(f"{i} ({n})" if isinstance(n, str) else str(i) for i, n in rows.itertuples(index=False))
    if wanted is None:
        if len(rows) > 1:
            raise TrackError(f"the run has several tracks: {shown}; choose one with --track")
        return int(rows["track_id"].iloc[0])
    hit = rows[(rows["track_id"].astype(str) == str(wanted)) | (rows["track_name"] == wanted)]
    if len(hit) != 1:
        raise TrackError(f"the run's tracks are {shown}; choose one of them", value=wanted)
    return int(hit["track_id"].iloc[0])


def _contexts(run: Path, model: str, track_id: int) -> pd.DataFrame | None:
    parts = list(iter_parts(run / "effects" / "test=context" / f"model={model}"))
    if not parts:
        return None
    rows = pa.concat_tables([read_table(part, [*_GENE, "track_id", "call"]) for part in parts])
    mine = rows.filter(pc.equal(rows["track_id"], track_id)).to_pandas()
    table: pd.DataFrame | None = (
        mine.drop(columns="track_id").rename(columns={"call": "context"}).drop_duplicates(_GENE)
    )
    return table
