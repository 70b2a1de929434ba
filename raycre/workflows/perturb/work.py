"""A CREME run in progress: units on replicas, effects from what they predicted, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from raycre.engine.pool import Pool
from raycre.errors import RaycreError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import say
from raycre.store.elements import ClassifiedRegions
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import as_table, write_table
from raycre.store.passes import PassStore, remove_folder
from raycre.store.run import Run
from raycre.store.schemas import PASS_UNITS
from raycre.workflows.failures import raise_failures, write_failures
from raycre.workflows.perturb.effects import forget_effects, specify_effects, write_summary
from raycre.workflows.perturb.elements import write_elements
from raycre.workflows.perturb.peaks import (
    aligned_genes,
    gene_peaks,
    off_peak,
    peak_units,
    peaks_stage,
    write_gene_peaks,
)
from raycre.workflows.perturb.plan import CremePlan
from raycre.workflows.perturb.replica import ReplicaSpec
from raycre.workflows.perturb.stages import pick_genes, screening
from raycre.workflows.perturb.units import (
    Gene,
    Planned,
    Stage,
    as_frame,
    count_planned,
    folders_of,
    gene_folder,
    units_of,
)
from raycre.workflows.progress import progress

MANY_GENES = 500  # whose effects are worth starting replicas for
_SHOWN = 10  # genes named on the screen


@dataclass
class CremeWork:
    """A run in progress: what was planned and what failed.

    Attributes:
        plan: of the run.
        run: its folder.
        regions: that CREATE has classified, where a run of it is given.
        fingerprints: of the genome.
        units: of all stages so far, columns of `PASS_UNITS`.
        failed: what was said of units that failed.
        missing: units that failed for good.
        untried: number of adaptive searches of genes whose passes known beforehand are not all done.
        asked: (test, gene's folder) of all stages so far.
        row: gene's folder -> its row of inputs/genes.parquet.
    """

    plan: CremePlan
    run: Run
    regions: ClassifiedRegions | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    units: pd.DataFrame = field(default_factory=pd.DataFrame)
    failed: dict[str, Outcome] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    untried: int = 0
    asked: set[tuple[str, str]] = field(default_factory=set)
    row: dict[str, int] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """Where the parts of passes go."""
        return Ledger(self.plan.out, self.plan.passes, epoch=self.run.epoch)

    @property
    def store(self) -> PassStore:
        """What is known of each gene."""
        return self.plan.store

    @property
    def replica(self) -> ReplicaSpec:
        """What replicas must know."""
        plan = self.plan
        return ReplicaSpec(
            backbone=plan.backbone,
            fasta=plan.fasta.resolve(),
            tracks=plan.tracks,
            stored=plan.stored_tracks,
            seed=plan.seed,
            ledger=self.ledger,
            metadata=self.run.identity_metadata | plan.metadata,
            threads=plan.share.cpus,
            gpus=plan.share.gpus,
            cache_bytes=plan.cache_bytes,
            replicates=plan.settings.replicates,
            fingerprints=self.fingerprints,
        )

    def do(self, stage: Stage, genes: Sequence[Gene], pool: Pool) -> tuple[list[Gene], list[Gene]]:
        """Plan and run a stage; return the genes all of whose units are done, and the others."""
        self.ledger.forget_attempts()
        self.asked |= {(test, gene_folder(gene)) for gene in genes for test in stage.tests}
        units = list(units_of(stage, genes, self.plan.passes_per_unit, self.store))
        self._add_units(as_frame(stage, units))
        # Adaptive searches read what the passes known beforehand gave, so these come first.
        failed = self._run([p for p in units if p.passes is not None], f"{stage.name}, in units", stage, pool)
        searches = [p for p in units if p.passes is None]
        for p in searches:
            if p.to_do == 0:  # pieces that a search was killed before it could remove
                remove_folder(self.ledger.part(p.unit.name).with_suffix(""))
        self.untried += sum(p.to_do != 0 for p in searches if p.number in failed)
        searches = [p for p in searches if p.number not in failed]
        failed |= self._run(searches, f"{stage.name}, in adaptive searches", stage, pool)
        done = [gene for number, gene in enumerate(genes) if number not in failed]
        return done, [genes[number] for number in sorted(failed)]

    def _add_units(self, rows: pd.DataFrame) -> None:
        """Add units to the plan, and write all of it."""
        self.units = pd.concat([self.units, rows], ignore_index=True) if len(self.units) else rows
        gene = pd.array([self.row.get(folder) for folder in folders_of(self.units)], dtype="Int64")
        metadata = self.run.metadata | self.plan.metadata
        table = as_table(self.units.assign(gene=gene), PASS_UNITS, metadata)
        write_table(self.run.out / "plan.parquet", table)

    def _run(
        self, planned: Sequence[Planned], what: str, stage: Stage, pool: Pool, method: str = "work"
    ) -> set[int]:
        """Do what is to do; return the positions of the genes that have not got all of their units."""
        todo = [p for p in planned if p.to_do != 0]
        if not todo:
            return set()
        done = len(planned) - len(todo)
        with progress(what, len(planned), done) as show:
            for outcome in pool.run([p.unit for p in todo], stage, method):
                done += 1
                show(done)
                if outcome.error is not None:
                    check_unchanged(self.fingerprints)  # then no later unit can do
                    self.failed[outcome.unit] = outcome
        missing = set(self.ledger.pending(p.unit.name for p in todo))
        self.missing += sorted(missing)
        return {p.number for p in todo if p.unit.name in missing}

    def write_effects(self, stage: Stage, genes: Sequence[Gene], failed: Sequence[Gene], pool: Pool) -> None:
        """Read the effects of a stage from its passes: by the replicas, where they are up or genes are many.

        Raises:
            RaycreError: the effects of a gene could not be read or written.
        """
        spec = specify_effects(self.plan, self.run, self.store, stage, genes, failed, self.regions)
        every = [*genes, *failed]
        with progress(f"{stage.name}, effects of genes", len(every)) as show:
            if pool.started or len(every) >= MANY_GENES:
                for done, outcome in enumerate(pool.run(every, spec, "effects"), start=1):
                    if outcome.error is not None:
                        raise RaycreError(f"effects of {outcome.unit}: {outcome.error}")
                    show(done)
            else:
                for done, gene in enumerate(every, start=1):
                    spec.write(gene)
                    show(done)

    def most_active(self, genes: Sequence[Gene], pool: Pool) -> list[Gene]:
        """Predict the wild type of all genes and return those that the run is about, with their tracks."""
        stage = screening(self.plan)
        done, _ = self.do(stage, genes, pool)
        return pick_genes(self.plan, self.run, done, self.store)

    def at_peak(self, genes: Sequence[Gene], pool: Pool) -> list[Gene]:
        """Find where wild types peak; return the genes that do so at their TSS, with the tracks on which."""
        stage, units = peaks_stage(self.plan), peak_units(genes, self.store)
        self._add_units(as_frame(stage, units))
        failed = self._run(units, "peaks of wild types", stage, pool, "peaks")
        known = [gene for number, gene in enumerate(genes) if number not in failed]
        peaks = gene_peaks(self.plan, known, self.store)
        write_gene_peaks(self.plan, self.run, peaks)
        aligned, dropped = aligned_genes(self.plan, known, peaks), off_peak(peaks)
        self.run.note(off_peak=dropped)
        named = [gene["gene_name"] for gene in dropped[:_SHOWN]] + ["…"] * (len(dropped) > _SHOWN)
        say(
            f"{len(aligned):,} of {len(known):,} genes peak at their TSS; dropped on one or more tracks: "
            f"{len(dropped):,} {', '.join(named)} (summary/peaks.parquet)"
        )
        return aligned

    def finish(self) -> dict[str, Any]:
        """Write the summary and what failed; return the record of the run, and last its strongest elements.

        Raises:
            TasksFailedError: some units failed for good.
        """
        if n := forget_effects(self.plan, self.run, self.asked):
            say(f"{n:,} parts of effects removed, of genes that only an earlier run of these tests had")
        calls = write_summary(self.plan, self.run)
        joined = write_elements(self.run, self.plan.model_label, self.regions)
        elements = {"elements": joined.pop("elements")} if joined else {}
        names = dict(zip(self.units["unit"], self.units["gene_name"], strict=True))
        write_failures(self.run, self.missing, self.failed, names)
        record = self.run.finish(
            genes=self.units["gene_id"].nunique(),
            passes=count_planned(self.units),
            effects=sum(row["n"] for row in calls),
            failed_units=len(self.missing),
            calls=calls,
            **joined,
        )
        raise_failures(self.run, self.missing, len(self.units), self.untried)
        return record | elements
