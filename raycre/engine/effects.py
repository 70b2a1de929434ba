"""From the activities of forward passes to the effects table and its summary. No model, no Ray."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.config import PerturbConfig
from raycre.creme import TESTS
from raycre.creme.rows import Row
from raycre.creme.tiles import distance, to_genomic
from raycre.engine.study import Study
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import CALLS, EFFECTS


def write_effects(
    config: PerturbConfig, study: Study, run: Run, ledger: Ledger, *, skip: Collection[int]
) -> int:
    """Write one part per gene and test, remade from the passes; genes in `skip` are left out.

    Returns:
        Number of rows.
    """
    n_rows = 0
    for number, units in study.units.groupby("gene"):
        gene = int(str(number))
        if gene in skip:
            continue
        activity = _read_activity(ledger, units["unit"].tolist(), len(study.tracks))
        for test in config.tests:
            found = TESTS[test].effects(study.settings, activity)
            rows = pd.DataFrame([_row(config, study, study.genes.iloc[gene], test, r) for r in found])
            path = (
                run.out
                / "effects"
                / f"test={test}"
                / f"model={study.model_label}"
                / f"part-{gene:06d}.parquet"
            )
            write_table(path, as_table(rows, EFFECTS, run.metadata | study.metadata))
            n_rows += len(rows)
    return n_rows


def write_summary(study: Study, run: Run) -> list[dict[str, Any]]:
    """Count calls by test, track and class into summary/calls.parquet; return the rows."""
    parts = sorted((run.out / "effects").glob(f"test=*/model={study.model_label}/part-*.parquet"))
    columns = ["test", "track_id", "call"]
    tables = [read_table(p, columns).to_pandas().astype({"test": str}) for p in parts]
    if not tables:
        return []
    every = pd.concat(tables).fillna({"call": "none"})
    counts = every.groupby(columns).size().rename("n").reset_index()
    write_table(run.out / "summary" / "calls.parquet", as_table(counts, CALLS, run.metadata | study.metadata))
    return counts.to_dict("records")


def _read_activity(ledger: Ledger, units: list[str], n_tracks: int) -> dict[str, Any]:
    rows = pa.concat_tables([read_table(ledger.part(u), ["pass", "activity"]) for u in units])
    keys = rows["pass"].to_pylist()[::n_tracks]
    values = rows["activity"].to_numpy().reshape(-1, n_tracks)
    return dict(zip(keys, values, strict=True))


def _row(config: PerturbConfig, study: Study, gene: pd.Series, test: str, found: Row) -> dict[str, Any]:
    tile = (found.offset_start, found.offset_end)
    start, end = to_genomic(tile, int(gene["tss"]), str(gene["strand"]), study.settings.seq_len)
    track = study.track_table.iloc[found.track]
    return {
        **asdict(found),  # its `track`, a position among the queried ones, becomes track_id
        "run_id": config.run.name,
        "test": test,
        "model": study.model_label,
        "assembly": config.inputs.fasta.name,
        "gene_id": gene["gene_id"],
        "gene_name": gene["gene_name"],
        "tss": gene["tss"],
        "strand": gene["strand"],
        "tile_chrom": gene["chrom"],
        "tile_start": start,
        "tile_end": end,
        "distance": distance(tile, study.settings.tss_tile),
        "track_id": track["track_id"],
        "track_name": track["identifier"],
        "assay": track["assay"],
        "biosample": track["biosample"],
    }
