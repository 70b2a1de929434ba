"""From the predictions of forward passes to the effects table and its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from raycre.creme.activities import activities, tss_activity
from raycre.creme.backgrounds import Context, context_of_gene
from raycre.creme.perturbation import WT
from raycre.creme.plan import missing
from raycre.creme.rows import Row
from raycre.creme.settings import Settings
from raycre.creme.tests import find_test
from raycre.creme.tests.swap import wt_of
from raycre.creme.tiles import distance, to_genomic
from raycre.errors import RaycreError
from raycre.store.classified import ClassifiedRegions
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.parts import current_parts
from raycre.store.passes import PassStore
from raycre.store.run import Run
from raycre.store.schemas import CALLS, EFFECTS
from raycre.workflows.perturb.plan import CremePlan
from raycre.workflows.perturb.units import Gene, Stage, as_dicts, gene_folder, gene_key

Activity = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class EffectsSpec:
    """All that it takes to read the effects of a stage's genes from what is known; small enough to travel.

    Attributes:
        out: the run's folder.
        metadata: key-value metadata of the parts.
        store: predictions by gene.
        stage: whose tests are read.
        tracks: rows of the track table.
        described: who, where, which track.
        wild_types: activity of the partners of the context swap test, by the names that it reads.
        lacking: keys of genes without all of their passes, of which the tests that lack nothing are read.
        regions: that CREATE has classified; every tile gets its own.
    """

    out: Path
    metadata: Mapping[str, str]
    store: PassStore
    stage: Stage
    tracks: tuple[int, ...]
    described: Described
    wild_types: Activity
    lacking: frozenset[str]
    regions: ClassifiedRegions | None

    def write(self, gene: Gene) -> None:
        """Write one part of a gene for each test, of the tracks that the gene was chosen for."""
        n = self.stage.settings.replicates
        known = read_activity(self.store, gene, self.tracks, n) | self.wild_types
        settings = self.stage.settings_of(gene)
        settings = replace(settings, partners=tuple(g for g in settings.partners if wt_of(g) in known))
        key = gene_key(gene)
        context = context_of_gene(settings, known) if WT.key in known else Context([], None, None)
        for test in self.stage.tests:
            if test in self.stage.written:
                continue
            path = _part(self.out, test, self.described.model, gene_folder(gene))
            if key in self.lacking and (find_test(test).swaps or missing([test], settings, known)):
                path.unlink(missing_ok=True)  # what an earlier configuration asked for
                continue
            effects = [row for row in read_test(test, settings, known) if self._chosen(row, settings)]
            if settings.compat == "fixed":  # a gene's own TSS in its own context is no swap
                effects = [row for row in effects if row.gene != key]
            rows = [self.described.row(gene, test, row, context) for row in effects]
            table = pd.DataFrame(rows, columns=EFFECTS.names)
            if self.regions is not None:
                table["create_calls"] = self.regions.calls_in(table)
            write_table(path, as_table(table, EFFECTS, self.metadata))

    def _chosen(self, row: Row, settings: Settings) -> bool:
        """Say whether a row is of a track that its gene was chosen for; of a swap, that both genes were."""
        both = [settings.searched]
        if row.gene is not None:
            both.append(self.stage.partners[row.gene].searched)
        return all(tracks is None or row.track in tracks for tracks in both)


def read_test(test: str, settings: Settings, known: Activity) -> list[Row]:
    """Return the rows of a test.

    Raises:
        RaycreError: it reads a pass that is not known.
    """
    try:
        return find_test(test).effects(settings, known)
    except KeyError as error:
        raise RaycreError(
            f"the test {test} reads a pass that it has not asked for ({error}); one that chooses passes "
            "by earlier ones declares that it is adaptive"
        ) from error


def specify_effects(
    plan: CremePlan,
    run: Run,
    store: PassStore,
    stage: Stage,
    genes: Sequence[Gene],
    failed: Sequence[Gene] = (),
    regions: ClassifiedRegions | None = None,
) -> EffectsSpec:
    """Gather what reading effects takes.

    Args:
        plan: of the run.
        run: its folder.
        store: predictions by gene.
        stage: whose tests are read.
        genes: all of whose units are done.
        failed: genes that lack some. In the context swap test of the others they are no partners.
        regions: that CREATE has classified.
    """
    partners = {gene_key(gene): gene for gene in genes if gene_key(gene) in stage.partners}
    return EffectsSpec(
        out=run.out.resolve(),
        metadata=run.metadata | plan.metadata,
        store=store,
        stage=stage,
        tracks=plan.tracks,
        described=Described(plan, partners),
        wild_types={
            wt_of(key): tss_activity(store.find(gene_folder(gene), WT.key, plan.tracks))
            for key, gene in partners.items()
        },
        lacking=frozenset(gene_key(gene) for gene in failed),
        regions=regions,
    )


def forget_effects(plan: CremePlan, run: Run, asked: Mapping[str, Collection[str]]) -> int:
    """Remove the parts of the run's tests for genes that it has not chosen; return how many.

    An earlier configuration of the folder may have chosen others, which would pass for chosen ones. What was
    predicted of them stays, so that asking for them again takes no pass.

    Args:
        plan: of the run.
        run: its folder.
        asked: test -> folders of the genes that are chosen.
    """
    n = 0
    for test in plan.tests:
        wanted = asked.get(test, ())
        for path in _part(run.out, test, plan.model_label, "").parent.glob("part-*.parquet"):
            if path.name.removeprefix("part-").removesuffix(".parquet") not in wanted:
                path.unlink()
                n += 1
    return n


def read_activity(store: PassStore, gene: Gene, tracks: Sequence[int], replicates: int = 1) -> Activity:
    """Return the TSS activity of all passes that are known of a gene; see `reading.activities`."""
    return activities(store.read(gene_folder(gene), tracks), replicates)


def write_summary(plan: CremePlan, run: Run) -> list[Mapping[str, Any]]:
    """Count calls by test, track and class into summary/calls.parquet; return the rows.

    Reads part by part (a dataset of all of them would keep what it knows of each): memory does not grow.
    """
    columns = ["test", "track_id", "call"]
    counts: Counter[tuple[Any, ...]] = Counter()
    parts = current_parts((run.out / "effects").glob(f"test=*/model={plan.model_label}/part-*.parquet"))
    if not parts:
        return []
    for path in parts:
        rows = read_table(path, columns).to_pandas().astype({"test": str}).fillna({"call": "none"})
        counts.update(zip(*(rows[column] for column in columns), strict=True))
    table = pd.DataFrame([(*key, n) for key, n in sorted(counts.items())], columns=[*columns, "n"])
    write_table(run.out / "summary" / "calls.parquet", as_table(table, CALLS, run.metadata | plan.metadata))
    return as_dicts(table)


class Described:
    """Turns rows of tests into rows of the effects table: who, where, which track.

    Args:
        plan: of the run.
        genes: by key, of the rows' own `gene`.

    Attributes:
        model: label of the model.
    """

    def __init__(self, plan: CremePlan, genes: Mapping[str, Gene]) -> None:
        self.model = plan.model_label
        self._genes, self._seq_len = genes, plan.settings.seq_len
        self._tss_tile = plan.settings.tss_tile
        self._tracks = plan.track_table.rename(columns={"identifier": "track_name"}).to_dict("records")
        self._run = {
            "run_id": plan.run_name,
            "model": plan.model_label,
            "assembly": plan.fasta.name,
        }

    def row(self, gene: Gene, test: str, effect: Row, context: Context) -> dict[str, Any]:
        """Return one row, by `EFFECTS` names; `context` is the gene's."""
        classified = context.classes[effect.track] if effect.gene is None else None
        measured = gene if effect.gene is None else self._genes[effect.gene]
        offset = (effect.offset_start, effect.offset_end)
        start, end = to_genomic(
            effect.tile or offset, int(measured["tss"]), str(measured["strand"]), self._seq_len
        )
        track = self._tracks[effect.track]
        return {
            **asdict(effect),
            **self._run,
            "test": test,
            **{name: measured[name] for name in ("gene_id", "gene_name", "tss", "strand")},
            "tile_chrom": measured["chrom"],
            "tile_start": start,
            "tile_end": end,
            "distance": distance(offset, self._tss_tile),
            **{name: track[name] for name in ("track_id", "track_name", "assay", "biosample")},
            "context": classified,
            "context_test": None if classified is None else context.test,
            "context_n": None if classified is None else context.n,
            "context_gene_id": None if effect.gene is None else gene["gene_id"],
            "context_tss": None if effect.gene is None else gene["tss"],
        }


def _part(out: Path, test: str, model: str, gene: str) -> Path:
    return out / "effects" / f"test={test}" / f"model={model}" / f"part-{gene}.parquet"
