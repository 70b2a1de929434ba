"""CREME over many genes: run the planned forward passes on replicas, then read effects from them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import ray

from raycre.config import PerturbConfig
from raycre.engine.cluster import connected, replicas
from raycre.engine.cost import count_bases, measure_passes
from raycre.engine.effects import write_effects, write_summary
from raycre.engine.failures import raise_failures, write_failures
from raycre.engine.inputs import check_out, hash_inputs
from raycre.engine.pool import fan_out
from raycre.engine.progress import progress, say
from raycre.engine.reading import resolved
from raycre.engine.replica import Order, Replica
from raycre.engine.study import Study, plan_creme
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import PASS_UNITS


def run_creme(config: PerturbConfig, *, fresh: bool = False, dry_run: bool = False) -> dict[str, Any]:
    """Run the tests on the genes; go on where an earlier run of the same configuration stopped.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some units failed for good; all others are done.
    """
    check_out(config.run.out)
    hashes = hash_inputs(config.paths())
    study = plan_creme(config)
    ledger = Ledger(config.run.out, f"passes/model={study.model_label}")
    if "RANDOM" in study.model_label:
        say(f"NOTE: {config.model.weights} are random weights, not a trained model: effects mean nothing")
    for gene in study.refused.to_dict("records"):
        say(f"refused: {gene['gene_name']} ({gene['gene_id']}): {gene['reason']}")
    if dry_run:
        return _cost(config, study, ledger)
    run = open_run(
        config.run.out,
        verb="creme",
        name=config.run.name,
        config=config.model_dump(mode="json"),
        science={
            **config.science(),
            "sha256": hashes,
            "weights_sha256": study.weights_sha256,
            "model": study.model_label,
            "tracks": study.tracks,
            "genes": study.genes["gene_id"].tolist(),
        },
        layout=config.layout(),
        fresh=fresh,
    )
    run.note(
        model=study.model_label,
        trained="RANDOM" not in study.model_label,
        passes={"before": study.n_before, "after": study.n_after},
        refused=study.refused[["gene_id", "gene_name", "reason"]].to_dict("records"),
    )
    write_table(run.out / "inputs" / "genes.parquet", pa.Table.from_pandas(study.genes))
    write_table(run.out / "plan.parquet", as_table(study.units, PASS_UNITS, run.metadata | study.metadata))
    errors = _run_units(config, study, run, ledger)
    return _finish(config, study, run, ledger, errors)


def _run_units(config: PerturbConfig, study: Study, run: Run, ledger: Ledger) -> dict[str, str]:
    """Run what is pending; return the errors of the units that failed."""
    ledger.forget_attempts()
    todo = ledger.todo(study.units)
    errors: dict[str, str] = {}
    if todo.empty:
        return errors
    resources = config.resources
    order = Order(
        model=resolved(config.model),
        fasta=config.inputs.fasta.resolve(),
        tests=config.tests,
        settings=study.settings,
        tracks=study.tracks,
        seed=config.run.seed,
        ledger=Ledger(run.out.resolve(), ledger.parts),
        metadata=run.metadata | study.metadata,
        threads=resources.cpus_per_replica,
        gpus=resources.gpus_per_replica,
        cache_bytes=resources.cache_bytes,
    )
    genes = study.genes.to_dict("records")
    units = [(u["unit"], genes[u["gene"]], u["first"], u["last"]) for u in todo.to_dict("records")]
    with connected():
        cpus, gpus = resources.cpus_per_replica, resources.gpus_per_replica
        n = replicas(resources.replicas, cpus=cpus, gpus=gpus, most=len(todo))
        remote = ray.remote(Replica)
        done = len(study.units) - len(todo)
        with progress("forward passes, in units", len(study.units), done) as show:
            for outcome in fan_out(
                lambda options: remote.options(**options).remote(order), n, units, cpus=cpus, gpus=gpus
            ):
                done += 1
                show(done)
                if outcome.error is not None:
                    errors[outcome.unit] = outcome.error
    return errors


def _finish(
    config: PerturbConfig, study: Study, run: Run, ledger: Ledger, errors: dict[str, str]
) -> dict[str, Any]:
    missing = ledger.pending(study.units["unit"])
    genes_left = set(study.units.loc[study.units["unit"].isin(missing), "gene"])
    n_rows = write_effects(config, study, run, ledger, skip=genes_left)
    calls = write_summary(study, run)
    names = dict(zip(study.units["unit"], study.units["gene_name"], strict=True))
    write_failures(run, missing, errors, names)
    record = run.finish(genes=len(study.genes), effects=n_rows, failed_units=len(missing), calls=calls)
    raise_failures(run, missing, len(study.units))
    return record


def _cost(config: PerturbConfig, study: Study, ledger: Ledger) -> dict[str, Any]:
    todo = ledger.todo(study.units)
    n_passes = int((todo["last"] - todo["first"]).sum())
    n_bases = count_bases(study, todo)
    measured = measure_passes(config, study)
    return {
        "dry_run": True,
        "genes": len(study.genes),
        "refused": study.refused[["gene_name", "reason"]].to_dict("records"),
        "units": len(study.units),
        "units_done": len(study.units) - len(todo),
        "passes_before_deduplication": study.n_before,
        "passes": study.n_after,
        "passes_to_do": n_passes,
        "bases_to_compute": n_bases,
        "flops_without_reuse": study.n_before * measured.whole.flops,
        "flops_to_do": n_bases * measured.base.flops + n_passes * measured.edited.flops,
        "bytes_read": len(todo) * study.settings.seq_len,
        "bytes_written_about": n_passes * len(study.tracks) * 16,
        "seconds_per_whole_pass_here": round(measured.whole.seconds, 4),
        "seconds_per_edited_pass_here": round(measured.edited.seconds, 4),
        "replica_seconds": round(n_bases * measured.base.seconds + n_passes * measured.edited.seconds, 1),
    }
