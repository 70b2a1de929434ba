"""A CREME run in progress: units on replicas, effects from what they predicted, and what failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from raycre.creme.tests import with_needs
from raycre.engine.pool import Pool
from raycre.errors import RaycreError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import say
from raycre.packages import handed_over
from raycre.store.elements import ClassifiedRegions
from raycre.store.ledger import Ledger, Outcome
from raycre.store.passes import PassStore, remove_folder
from raycre.store.run import Run
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
from raycre.workflows.perturb.plan_file import PlanFile, StepUnits
from raycre.workflows.perturb.replica import ReplicaSpec
from raycre.workflows.perturb.stages import pick_genes, screening
from raycre.workflows.perturb.units import (
    Gene,
    Planned,
    Planner,
    Stage,
    Units,
    gene_folder,
)
from raycre.workflows.progress import progress

MANY_GENES = 500  # whose effects are worth starting replicas for
_SHOWN = 10  # genes named on the screen

Walk = Callable[[], Iterable[Planned]]


@dataclass
class CremeWork:
    """A run in progress: what was planned and what failed.

    Attributes:
        plan: of the run.
        run: its folder.
        regions: that CREATE has classified, where a run of it is given.
        fingerprints: of the genome.
        failed: what was said of units that failed.
        missing: units that failed for good, and the names of their genes.
        untried: number of adaptive searches of genes whose passes known beforehand are not all done.
        asked: test -> folders of the genes that it was asked for, in all stages so far.
        planned: the plan of all stages so far.
    """

    plan: CremePlan
    run: Run
    regions: ClassifiedRegions | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    failed: dict[str, Outcome] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    untried: int = 0
    asked: dict[str, set[str]] = field(default_factory=dict)
    planned: PlanFile = field(init=False)

    def __post_init__(self) -> None:
        metadata = self.run.metadata | self.plan.metadata
        self.planned = PlanFile(self.run.out / "plan.parquet", metadata)

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
            handed=handed_over({plan.backbone.backbone, *with_needs(plan.tests)}),
        )

    def do(self, stage: Stage, genes: Sequence[Gene], pool: Pool) -> tuple[list[Gene], list[Gene]]:
        """Plan and run a stage; return the genes all of whose units are done, and the others."""
        self.ledger.forget_attempts()
        for folder in map(gene_folder, genes):
            for test in stage.tests:
                self.asked.setdefault(test, set()).add(folder)
        planner = self._planner(stage, genes)
        step = self.planned.add(stage, planner.walk())
        # Adaptive searches read what the passes known beforehand gave, so these come first.
        failed = self._run(
            lambda: (p for p in planner.walk() if p.passes is not None),
            lambda: (p for p in self._planner(stage, genes).walk() if p.passes is not None),
            (step.units, step.to_do),
            f"{stage.name}, in units",
            stage,
            pool,
        )
        if step.searches:
            failed |= self._search(stage, genes, planner, step, failed, pool)
        done = [gene for number, gene in enumerate(genes) if number not in failed]
        return done, [genes[number] for number in sorted(failed)]

    def _search(
        self,
        stage: Stage,
        genes: Sequence[Gene],
        planner: Planner,
        step: StepUnits,
        failed: Collection[int],
        pool: Pool,
    ) -> set[int]:
        """Run the adaptive searches of genes that have not failed; return the positions of those that do."""

        def searches(planner: Planner) -> Iterator[Planned]:
            return (p for p in planner.walk() if p.passes is None)

        n, n_todo = step.searches, step.searches_to_do
        if failed or n_todo < n:
            n = n_todo = 0
            for p in searches(planner):
                if p.to_do == 0:  # pieces that a search was killed before it could remove
                    remove_folder(self.ledger.part(p.unit.name).with_suffix(""))
                if p.number in failed:
                    self.untried += p.to_do != 0
                else:
                    n, n_todo = n + 1, n_todo + (p.to_do != 0)
        return self._run(
            lambda: (p for p in searches(planner) if p.number not in failed),
            lambda: (p for p in searches(self._planner(stage, genes)) if p.number not in failed),
            (n, n_todo),
            f"{stage.name}, in adaptive searches",
            stage,
            pool,
        )

    def _planner(self, stage: Stage, genes: Sequence[Gene]) -> Planner:
        return Planner(stage, genes, self.plan.passes_per_unit, self.store)

    def _run(
        self,
        walk: Walk,
        again: Walk,
        counted: tuple[int, int],
        what: str,
        stage: Stage,
        pool: Pool,
        method: str = "work",
    ) -> set[int]:
        """Do what is to do; return the positions of the genes that have not got all of their units.

        Args:
            walk: plans the units, as often as it is called; they never are all in memory.
            again: does so by what is known when it is called.
            counted: units, and those of them that are to do.
            what: is done, for people.
            stage: of the units.
            pool: of replicas.
            method: of a replica.
        """
        n, n_todo = counted
        if not n_todo:
            return set()
        done, n_failed = n - n_todo, 0
        todo = Units(lambda: (p for p in walk() if p.to_do != 0), n_todo)
        with progress(what, n, done) as show:
            for outcome in pool.run(todo, stage, method):
                done += 1
                show(done)
                if outcome.error is not None:
                    check_unchanged(self.fingerprints)  # then no later unit can do
                    self.failed[outcome.unit] = outcome
                    n_failed += 1
        # A part is there before its outcome is; a plan in which all was said to be done is not walked again.
        if done == n and not n_failed:
            return set()
        missing = [p for p in again() if p.to_do != 0]
        self.missing |= {p.unit.name: p.unit.gene["gene_name"] for p in missing}
        return {p.number for p in missing}

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
        stage = peaks_stage(self.plan)

        def walk() -> Iterator[Planned]:
            return peak_units(genes, self.store)

        step = self.planned.add(stage, walk())
        counted = step.units, step.to_do
        failed = self._run(walk, walk, counted, "peaks of wild types", stage, pool, "peaks")
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
        missing, planned = sorted(self.missing), self.planned
        write_failures(self.run, missing, self.failed, self.missing)
        record = self.run.finish(
            genes=len(planned.genes),
            passes={"planned": planned.passes, "done_now": planned.to_do},
            effects=sum(row["n"] for row in calls),
            failed_units=len(missing),
            calls=calls,
            **joined,
        )
        raise_failures(self.run, missing, planned.units, self.untried)
        return record | elements
