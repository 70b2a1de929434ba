"""From the predictions of forward passes to the effects table and its summary. No model, no Ray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.config import PerturbConfig
from raycre.creme import TESTS
from raycre.creme.edits import WT
from raycre.creme.plan import missing
from raycre.creme.rows import Row
from raycre.creme.swap import wt_of
from raycre.creme.tiles import distance, to_genomic
from raycre.engine.reading import tss_activity
from raycre.engine.study import Study
from raycre.engine.units import Stage, gene_folder, gene_key
from raycre.store.elements import Regions
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.passes import PassStore
from raycre.store.run import Run
from raycre.store.schemas import CALLS, EFFECTS

Gene = Mapping[str, Any]


Activity = dict[str, NDArray[np.float64]]


def write_effects(
    config: PerturbConfig,
    study: Study,
    run: Run,
    store: PassStore,
    stage: Stage,
    genes: Sequence[Gene],
    failed: Sequence[Gene] = (),
    regions: Regions | None = None,
) -> int:
    """Write one part per gene and test of a stage, remade from what is known of the gene.

    Args:
        config: of the run.
        study: of the run.
        run: its folder.
        store: predictions by gene.
        stage: whose tests are read.
        genes: all of whose units are done.
        failed: genes that lack some; the tests that lack nothing are read. In the context swap test of the
            others they are no partners.
        regions: that CREATE has classed; every tile gets its own.

    Returns:
        Number of rows.
    """
    described = Described(config, study, {gene_key(gene): gene for gene in genes})
    wild_types = _wild_types(store, study.tracks, genes) if stage.settings.partners else {}
    lacking = {gene_key(gene) for gene in failed}
    n_rows = 0
    for gene in (*genes, *failed):
        known = read_activity(store, gene, study.tracks) | wild_types
        settings = stage.settings_of(gene)
        settings = replace(settings, partners=tuple(g for g in settings.partners if wt_of(g) in known))
        for test in stage.tests:
            path = _part(run.out, test, study.model_label, gene_folder(gene))
            if gene_key(gene) in lacking and (test == "swap" or missing([test], settings, known)):
                path.unlink(missing_ok=True)  # what an earlier configuration asked for
                continue
            found = TESTS[test].effects(settings, known)
            # A gene's own TSS in its own context is no swap.
            rows = [described.row(gene, test, r) for r in found if r.gene != gene_key(gene)]
            table = pd.DataFrame(rows, columns=EFFECTS.names)
            if regions is not None:
                table["create_calls"] = regions.calls_in(table)
            write_table(path, as_table(table, EFFECTS, run.metadata | study.metadata))
            n_rows += len(rows)
    return n_rows


def forget_effects(study: Study, run: Run, asked: Collection[tuple[str, str]]) -> int:
    """Remove the parts of the run's tests for genes that it has not chosen; return how many.

    An earlier configuration of the folder may have chosen others, which would pass for chosen ones. What was
    predicted of them stays, so that asking for them again takes no pass.

    Args:
        study: of the run.
        run: its folder.
        asked: (test, gene's folder) of the genes that are chosen.
    """
    n = 0
    for test in study.tests:
        wanted = {_part(run.out, test, study.model_label, gene).name for t, gene in asked if t == test}
        for path in _part(run.out, test, study.model_label, "").parent.glob("part-*.parquet"):
            if path.name not in wanted:
                path.unlink()
                n += 1
    return n


def read_activity(store: PassStore, gene: Gene, tracks: Sequence[int]) -> Activity:
    """Return the TSS activity of all passes that are known of a gene: float64 (tracks,), by key."""
    found = store.read(gene_folder(gene), tracks)
    return {key: tss_activity(values) for key, values in found.items()}


def write_summary(study: Study, run: Run) -> list[dict[str, Any]]:
    """Count calls by test, track and class into summary/calls.parquet; return the rows.

    Reads part by part (a dataset of all of them would keep what it knows of each): memory does not grow.
    """
    columns = ["test", "track_id", "call"]
    counts: Counter[tuple[Any, ...]] = Counter()
    parts = sorted((run.out / "effects").glob(f"test=*/model={study.model_label}/part-*.parquet"))
    if not parts:
        return []
    for path in parts:
        rows = read_table(path, columns).to_pandas().astype({"test": str}).fillna({"call": "none"})
        counts.update(zip(*(rows[column] for column in columns), strict=True))
    table = pd.DataFrame([(*key, n) for key, n in sorted(counts.items())], columns=[*columns, "n"])
    write_table(run.out / "summary" / "calls.parquet", as_table(table, CALLS, run.metadata | study.metadata))
    return [dict(zip(table.columns, row, strict=True)) for row in table.itertuples(index=False)]


class Described:
    """Turns rows of tests into rows of the effects table: who, where, which track.

    Args:
        config: of the run.
        study: of the run.
        genes: by key, of the rows' own `gene`.
    """

    def __init__(self, config: PerturbConfig, study: Study, genes: Mapping[str, Gene]) -> None:
        self._genes, self._seq_len = genes, study.settings.seq_len
        self._tss_tile = study.settings.tss_tile
        self._tracks = study.track_table.rename(columns={"identifier": "track_name"}).to_dict("records")
        self._run = {
            "run_id": config.run.name,
            "model": study.model_label,
            "assembly": config.inputs.fasta.name,
        }

    def row(self, gene: Gene, test: str, found: Row) -> dict[str, Any]:
        """Return one row, by `EFFECTS` names."""
        measured = gene if found.gene is None else self._genes[found.gene]
        offset = (found.offset_start, found.offset_end)
        start, end = to_genomic(
            found.tile or offset, int(measured["tss"]), str(measured["strand"]), self._seq_len
        )
        track = self._tracks[found.track]
        return {
            **asdict(found),
            **self._run,
            "test": test,
            **{name: measured[name] for name in ("gene_id", "gene_name", "tss", "strand")},
            "tile_chrom": measured["chrom"],
            "tile_start": start,
            "tile_end": end,
            "distance": distance(offset, self._tss_tile),
            **{name: track[name] for name in ("track_id", "track_name", "assay", "biosample")},
            "context_gene_id": None if found.gene is None else gene["gene_id"],
            "context_tss": None if found.gene is None else gene["tss"],
        }


def _wild_types(store: PassStore, tracks: Sequence[int], genes: Sequence[Gene]) -> Activity:
    """The wild-type activity of every gene, under the names that the context swap test reads."""
    return {
        wt_of(gene_key(gene)): tss_activity(store.find(gene_folder(gene), WT.key, tracks)) for gene in genes
    }


def _part(out: Path, test: str, model: str, gene: str) -> Path:
    return out / "effects" / f"test={test}" / f"model={model}" / f"part-{gene}.parquet"
