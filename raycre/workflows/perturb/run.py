"""The verb `creme`: plan the tests of many genes, run their forward passes on replicas, read the effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from raycre.backbones.registry import INSTALLED as BACKBONES
from raycre.backbones.shared_model import serialise
from raycre.config import PerturbConfig
from raycre.engine.pool import Pool
from raycre.genome.fasta import Fasta
from raycre.genome.lifting import Lifting
from raycre.log import say
from raycre.store.elements import read_predict_run
from raycre.store.parquet import with_metadata, write_table
from raycre.store.run import Run
from raycre.workflows.fresh import Fresh
from raycre.workflows.perturb.cost import cost_of
from raycre.workflows.perturb.plan import CremePlan, check_shuffle, with_stored_tracks_of
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.perturb.replica import Replica
from raycre.workflows.perturb.stages import first_stage, next_stage
from raycre.workflows.perturb.units import Gene, Stage, as_dicts, gene_folder
from raycre.workflows.perturb.work import CremeWork
from raycre.workflows.pricing import priced
from raycre.workflows.run import Start

_ROWS = "of the tracks that a gene was chosen for"  # part of the identity: earlier folders have others too


def run_creme(
    config: PerturbConfig, *, fresh: Fresh = False, dry_run: bool = False, pool_of: type[Pool] = Pool
) -> dict[str, Any]:
    """Run the tests on the genes; do only what the run folder does not hold yet.

    Args:
        config: of the run.
        fresh: whether an earlier run in the folder is removed first.
        dry_run: whether only plan and cost are made.
        pool_of: makes the pool of replicas that predict: actors on Ray.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some units failed for good; all others are done.
    """
    with Start("creme", config.run.out, fresh=fresh, dry_run=dry_run) as start:
        return _run(config, start, pool_of)


def _run(config: PerturbConfig, start: Start, pool_of: type[Pool]) -> dict[str, Any]:
    prints, hashes = start.hash_inputs(config.paths()), start.hashes
    regions, create = None, None
    if config.create_run is not None:
        lifting = Lifting(config.chain)
        if lifting.chains is not None:
            with Fasta(config.inputs.fasta) as genome:
                lifting.check(target=genome.sizes)
        regions, create = read_predict_run(config.create_run, hashes["inputs.fasta"], lifting)
    plan, model = plan_creme(config)
    start.check_inputs()
    if not start.fresh:
        check_shuffle(config.run.out, config.science().get("shuffle"))
        plan = with_stored_tracks_of(config.run.out, plan)
    if not plan.trained:
        say(f"NOTE: {config.model.weights} are random weights, not a trained model: effects mean nothing")
    for gene in plan.refused.to_dict("records"):
        say(f"refused: {gene['gene_name']} ({gene['gene_id']}): {gene['reason']}")
    for note in plan.notes:
        say(f"note: {note}")
    if start.dry_run:
        start.preview()
        cost = cost_of(plan, model, start.started)
        left = cost["units"] - cost["units_done"]
        return cost | priced(cost, plan.share, left, config.resources.prices())
    given = config.model_dump(mode="json")
    todo = pool_of is Pool and not start.finished(given)
    run = start.open(
        name=config.run.name,
        share=plan.share if todo else None,
        config=given,
        science={
            **config.science(),
            "sha256": {"inputs.fasta": hashes["inputs.fasta"]},
            "weights_sha256": plan.weights_sha256,
            "model": plan.model_label,
            "kept_tracks": plan.stored_tracks,
            "rows": _ROWS,
            "n_in_input": plan.n_value,
            "replicates_apart": plan.settings.replicates,
        },
        layout=config.layout(),
        inputs={
            **hashes,
            "model.weights": plan.weights_sha256,
            **({} if create is None else {"create_run": create["digest"]}),
        },
        facts={
            "inputs_sha256": hashes,
            "model": plan.model_label,
            "trained": plan.trained,
            "tracks": plan.tracks,
            "notes": plan.notes,
            "create_run": create,
            "refused": plan.refused[["gene_id", "gene_name", "reason"]].to_dict("records"),
            "off_peak": [],
        },
    )
    _forget_choices(plan, run)
    work = CremeWork(plan, run, regions, (prints["inputs.fasta"],))
    # A class of a notebook travels with the replica alone: what is shared is found by the name of its module.
    shared = None if BACKBONES.is_handed_over(plan.backbone.backbone) else serialise(model)
    with pool_of(Replica, work.replica, plan.share, shared) as pool:
        del model  # once the pool has sent it off, it lies in the object store alone
        _do_stages(work, pool)
    return work.finish()


def _forget_choices(plan: CremePlan, run: Run) -> None:
    """Remove what an earlier run of the folder says of a choice that this one does not make."""
    for name, made in (("sampled", plan.pipeline), ("peaks", plan.only_at_peak)):
        if not made:
            (run.out / "summary" / f"{name}.parquet").unlink(missing_ok=True)


def _do_stages(work: CremeWork, pool: Pool) -> None:
    """Choose the genes, then do one step of the run after another on those that each leaves."""
    plan, run = work.plan, work.run
    genes: Sequence[Gene] = as_dicts(plan.genes)
    if plan.top is not None:
        genes = work.most_active(genes, pool)
    if plan.only_at_peak:
        genes = work.at_peak(genes, pool)
    table = pa.Table.from_pandas(pd.DataFrame(genes))
    write_table(run.out / "inputs" / "genes.parquet", with_metadata(table, run.metadata | plan.metadata))
    work.planned.row = {gene_folder(gene): number for number, gene in enumerate(genes)}
    stage: Stage | None = first_stage(plan, genes)
    while stage is not None:
        genes, failed = work.do(stage, genes, pool)
        work.write_effects(stage, genes, failed, pool)
        stage, genes = next_stage(plan, stage, genes, work.store, run)
