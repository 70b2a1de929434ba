"""CREME over many genes: run the planned forward passes on replicas, then read effects from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.backbones.shared_model import pack
from raycre.config import PerturbConfig
from raycre.config.perturb import TopGenes
from raycre.engine.pool import Pool
from raycre.engine.resources import Share
from raycre.errors import RaycreError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import say
from raycre.store.elements import Regions, read_predict_run
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, with_metadata, write_table
from raycre.store.passes import PassStore, remove_folder
from raycre.store.run import Run
from raycre.store.schemas import PASS_UNITS
from raycre.workflows.failures import raise_failures, write_failures
from raycre.workflows.fresh import Fresh
from raycre.workflows.perturb.cost import cost_of
from raycre.workflows.perturb.effects import forget_effects, order_effects, write_summary
from raycre.workflows.perturb.elements import write_elements
from raycre.workflows.perturb.peaks import (
    aligned_genes,
    gene_peaks,
    off_peak,
    peak_units,
    peaks_stage,
    write_gene_peaks,
)
from raycre.workflows.perturb.plan import Study, plan_creme, with_kept_of
from raycre.workflows.perturb.replica import Order, Replica
from raycre.workflows.perturb.stages import first_stage, next_stage, pick_genes, screening
from raycre.workflows.perturb.units import (
    Gene,
    Planned,
    Stage,
    as_frame,
    count_planned,
    folders_of,
    gene_folder,
    records,
    units_of,
)
from raycre.workflows.progress import progress
from raycre.workflows.reading import resolved
from raycre.workflows.run import Start

MANY_GENES = 500  # whose effects are worth starting replicas for
SHOWN = 10  # genes named on the screen
ROWS = "of the tracks that a gene was chosen for"  # part of the identity: earlier folders have others too


def run_creme(config: PerturbConfig, *, fresh: Fresh = False, dry_run: bool = False) -> dict[str, Any]:
    """Run the tests on the genes; do only what the run folder does not hold yet.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some units failed for good; all others are done.
    """
    start = Start("creme", config.run.out, fresh=fresh, dry_run=dry_run)
    prints, hashes = start.hash_inputs(config.paths()), start.hashes
    regions, create = None, None
    if config.create_run is not None:
        regions, create = read_predict_run(config.create_run, hashes["inputs.fasta"])
    study, model = plan_creme(config)
    start.check_inputs()
    if not fresh:
        study = with_kept_of(config.run.out, study)
    if "RANDOM" in study.model_label:
        say(f"NOTE: {config.model.weights} are random weights, not a trained model: effects mean nothing")
    for gene in study.refused.to_dict("records"):
        say(f"refused: {gene['gene_name']} ({gene['gene_id']}): {gene['reason']}")
    for note in study.notes:
        say(f"note: {note}")
    if dry_run:
        start.preview()
        return cost_of(config, study, model, start.started)
    run = start.open(
        name=config.run.name,
        config=config.model_dump(mode="json"),
        science={
            **config.science(),
            "sha256": {"inputs.fasta": hashes["inputs.fasta"]},
            "weights_sha256": study.weights_sha256,
            "model": study.model_label,
            "kept_tracks": study.kept,
            "rows": ROWS,
            "n_in_input": study.n_value,
            "replicates_apart": study.settings.replicates,
        },
        layout=config.layout(),
        inputs={
            **hashes,
            "model.weights": study.weights_sha256,
            **({} if create is None else {"create_run": create["digest"]}),
        },
        facts={
            "inputs_sha256": hashes,
            "model": study.model_label,
            "trained": "RANDOM" not in study.model_label,
            "tracks": study.tracks,
            "notes": study.notes,
            "create_run": create,
            "refused": study.refused[["gene_id", "gene_name", "reason"]].to_dict("records"),
            "off_peak": [],
        },
    )
    for name, made in (("sampled", config.tests == "pipeline"), ("peaks", config.drops_off_peak)):
        if not made:  # by an earlier run, whose choice this one does not share
            (run.out / "summary" / f"{name}.parquet").unlink(missing_ok=True)
    work = Work(config, study, run, regions, (prints["inputs.fasta"],))
    genes: Sequence[Gene] = records(study.genes)
    resources = config.resources
    share = Share(resources.replicas, resources.cpus_per_replica, resources.gpus_per_replica)
    with Pool(Replica, work.order, share, pack(model)) as pool:
        del model  # once the pool has sent it off, it lies in the object store alone
        if isinstance(config.inputs.genes, TopGenes):
            genes = work.most_active(genes, pool)
        if config.drops_off_peak:
            genes = work.at_peak(genes, pool)
        table = pa.Table.from_pandas(pd.DataFrame(genes))
        write_table(run.out / "inputs" / "genes.parquet", with_metadata(table, run.metadata | study.metadata))
        work.row = {gene_folder(gene): number for number, gene in enumerate(genes)}
        stage: Stage | None = first_stage(config, study, genes)
        while stage is not None:
            genes, failed = work.do(stage, genes, pool)
            work.write_effects(stage, genes, failed, pool)
            stage, genes = next_stage(config, study, stage, genes, work.store, run)
    return work.finish()


@dataclass
class Work:
    """A run in progress: what was planned and what failed.

    Attributes:
        config: of the run.
        study: of the run.
        run: its folder.
        regions: that CREATE has classed, where a run of it is given.
        fingerprints: of the genome.
        plan: units of all stages so far, columns of `PASS_UNITS`.
        errors: last error of a unit that failed.
        missing: units that failed for good.
        untried: number of chains of genes whose passes known beforehand are not all done.
        asked: (test, gene's folder) of all stages so far.
        row: gene's folder -> its row of inputs/genes.parquet.
    """

    config: PerturbConfig
    study: Study
    run: Run
    regions: Regions | None = None
    fingerprints: tuple[Fingerprint, ...] = ()
    plan: pd.DataFrame = field(default_factory=pd.DataFrame)
    errors: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    untried: int = 0
    asked: set[tuple[str, str]] = field(default_factory=set)
    row: dict[str, int] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        """Where the parts of passes go."""
        return Ledger(self.run.out.resolve(), f"passes/model={self.study.model_label}")

    @property
    def store(self) -> PassStore:
        """What is known of each gene."""
        return self.order.store

    @cached_property
    def order(self) -> Order:
        """What replicas must know."""
        resources = self.config.resources
        return Order(
            model=resolved(self.config.model),
            fasta=self.config.inputs.fasta.resolve(),
            tracks=self.study.tracks,
            kept=self.study.kept,
            seed=self.config.run.seed,
            ledger=self.ledger,
            metadata=self.run.identity_metadata | self.study.metadata,
            threads=resources.cpus_per_replica,
            gpus=resources.gpus_per_replica,
            cache_bytes=resources.cache_bytes,
            replicates=self.study.settings.replicates,
            fingerprints=self.fingerprints,
        )

    def do(self, stage: Stage, genes: Sequence[Gene], pool: Pool) -> tuple[list[Gene], list[Gene]]:
        """Plan and run a stage; return the genes all of whose units are done, and the others."""
        self.ledger.forget_attempts()
        self.asked |= {(test, gene_folder(gene)) for gene in genes for test in stage.tests}
        units = list(units_of(stage, genes, self.study.passes_per_unit, self.store))
        self._write_plan(as_frame(stage, units))
        # Chains read what the passes known beforehand gave, so these come first.
        failed = self._run([p for p in units if p.passes is not None], f"{stage.name}, in units", stage, pool)
        chains = [p for p in units if p.passes is None]
        for p in chains:
            if p.to_do == 0:  # pieces that a chain was killed before it could remove
                remove_folder(self.ledger.part(p.unit.name).with_suffix(""))
        self.untried += sum(p.to_do != 0 for p in chains if p.number in failed)
        chains = [p for p in chains if p.number not in failed]
        failed |= self._run(chains, f"{stage.name}, in chains", stage, pool)
        done = [gene for number, gene in enumerate(genes) if number not in failed]
        return done, [genes[number] for number in sorted(failed)]

    def _write_plan(self, rows: pd.DataFrame) -> None:
        """Add units to the plan, and write all of it."""
        self.plan = pd.concat([self.plan, rows], ignore_index=True) if len(self.plan) else rows
        gene = pd.array([self.row.get(folder) for folder in folders_of(self.plan)], dtype="Int64")
        metadata = self.run.metadata | self.study.metadata
        table = as_table(self.plan.assign(gene=gene), PASS_UNITS, metadata)
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
                    self.errors[outcome.unit] = outcome.error
        missing = set(self.ledger.pending(p.unit.name for p in todo))
        self.missing += sorted(missing)
        return {p.number for p in todo if p.unit.name in missing}

    def write_effects(self, stage: Stage, genes: Sequence[Gene], failed: Sequence[Gene], pool: Pool) -> None:
        """Read the effects of a stage from its passes: by the replicas, where they are up or genes are many.

        Raises:
            RaycreError: the effects of a gene could not be read or written.
        """
        order = order_effects(
            self.config, self.study, self.run, self.store, stage, genes, failed, self.regions
        )
        every = [*genes, *failed]
        with progress(f"{stage.name}, effects of genes", len(every)) as show:
            if pool.started or len(every) >= MANY_GENES:
                for done, outcome in enumerate(pool.run(every, order, "effects"), start=1):
                    if outcome.error is not None:
                        raise RaycreError(f"effects of {outcome.unit}: {outcome.error}")
                    show(done)
            else:
                for done, gene in enumerate(every, start=1):
                    order.write(gene)
                    show(done)

    def most_active(self, genes: Sequence[Gene], pool: Pool) -> list[Gene]:
        """Predict the wild type of all genes and return those that the run is about, with their tracks."""
        stage = screening(self.study)
        done, _ = self.do(stage, genes, pool)
        return pick_genes(self.config, self.study, self.run, done, self.store)

    def at_peak(self, genes: Sequence[Gene], pool: Pool) -> list[Gene]:
        """Find where wild types peak; return the genes that do so at their TSS, with the tracks on which."""
        stage, units = peaks_stage(self.study), peak_units(genes, self.store)
        self._write_plan(as_frame(stage, units))
        failed = self._run(units, "peaks of wild types", stage, pool, "peaks")
        known = [gene for number, gene in enumerate(genes) if number not in failed]
        peaks = gene_peaks(self.study, known, self.store)
        write_gene_peaks(self.study, self.run, peaks)
        kept, dropped = aligned_genes(self.study, known, peaks), off_peak(peaks)
        self.run.note(off_peak=dropped)
        named = [gene["gene_name"] for gene in dropped[:SHOWN]] + ["…"] * (len(dropped) > SHOWN)
        say(
            f"{len(kept):,} of {len(known):,} genes peak at their TSS; dropped on one or more tracks: "
            f"{len(dropped):,} {', '.join(named)} (summary/peaks.parquet)"
        )
        return kept

    def finish(self) -> dict[str, Any]:
        """Write the summary and what failed; return the record of the run, and last its strongest elements.

        Raises:
            TasksFailedError: some units failed for good.
        """
        if n := forget_effects(self.study, self.run, self.asked):
            say(f"{n:,} parts of effects removed, of genes that only an earlier run of these tests had")
        calls = write_summary(self.study, self.run)
        chain = write_elements(self.run, self.study.model_label, self.regions)
        elements = {"elements": chain.pop("elements")} if chain else {}
        names = dict(zip(self.plan["unit"], self.plan["gene_name"], strict=True))
        write_failures(self.run, self.missing, self.errors, names)
        record = self.run.finish(
            genes=self.plan["gene_id"].nunique(),
            passes=count_planned(self.plan),
            effects=sum(row["n"] for row in calls),
            failed_units=len(self.missing),
            calls=calls,
            **chain,
        )
        raise_failures(self.run, self.missing, len(self.plan), self.untried)
        return record | elements
