"""CREME over many genes: plan the forward passes, run them on replicas, read effects from them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import ray
import torch
from torch.utils.flop_counter import FlopCounterMode

from raycre.backbones.contract import Backbone
from raycre.backbones.tracks import select_tracks
from raycre.config import PerturbConfig
from raycre.creme.edits import Pass
from raycre.creme.plan import chunks, n_before, passes
from raycre.creme.settings import PAPER_SHUFFLES, Settings
from raycre.creme.tiles import context_tiles
from raycre.engine.cluster import connected, replicas
from raycre.engine.effects import write_effects, write_summary
from raycre.engine.inputs import check_out, hash_inputs
from raycre.engine.pool import fan_out
from raycre.engine.progress import progress, say
from raycre.engine.replica import Order, Replica, activity, load
from raycre.errors import ConfigError, GeneError, TasksFailedError
from raycre.genome.fasta import Fasta
from raycre.genome.genes import check_windows, read_genes, read_tss_table, select_genes
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import as_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import FAILURES, PASS_UNITS

AUTO_TILES_PER_TASK = 4
GENE_COLUMNS = [
    "gene_id",
    "gene_name",
    "gene_type",
    "transcript_id",
    "chrom",
    "start",
    "end",
    "strand",
    "tss",
]


@dataclass(frozen=True)
class Study:
    """All that is decided before any work starts.

    Attributes:
        settings: of the tests.
        passes: distinct forward passes of each gene, in order.
        tracks: rows of the model's track table.
        track_table: those rows, described.
        genes: kept genes, one row a TSS.
        refused: genes whose window cannot be taken, with the reason.
        units: the plan, columns of `PASS_UNITS`.
        model_label: name in every output; ends in -RANDOM-WEIGHTS where the weights are not trained.
        weights_sha256: hash of the weights.
        seconds_per_pass: measured here with one pass.
        flops_per_pass: counted by torch for one pass (matrix products and convolutions).
    """

    settings: Settings
    passes: tuple[Pass, ...]
    tracks: tuple[int, ...]
    track_table: pd.DataFrame
    genes: pd.DataFrame
    refused: pd.DataFrame
    units: pd.DataFrame
    model_label: str
    weights_sha256: str
    seconds_per_pass: float
    flops_per_pass: int


def plan_creme(config: PerturbConfig) -> Study:
    """Read genes and model, decide every forward pass; write nothing.

    Raises:
        InputError: anything in the configuration or its files that cannot be.
    """
    fasta = Fasta(config.inputs.fasta)
    table = _read_annotation(config)
    chosen = select_genes(table, _gene_names(config), tss=config.inputs.tss, compat=config.creme.compat)
    model = load(config.model)
    tracks = tuple(select_tracks(model.tracks, _query(config)))
    genes, refused = check_windows(chosen, fasta, model.seq_len, max_n=config.inputs.max_n)
    if genes.empty:
        first = refused.iloc[0]
        raise GeneError(
            f"no gene is left: {len(refused)} refused, {first.gene_name} because {first.reason}; "
            "choose other genes or a FASTA that holds their windows",
            path=config.inputs.fasta,
        )
    settings = _settings(config, model.seq_len)
    planned = tuple(passes(config.tests, settings))
    size = _passes_per_unit(config, settings)
    seconds, flops = _measure(model, tracks, config.resources.cpus_per_replica)
    genes = genes[GENE_COLUMNS].reset_index(drop=True)
    return Study(
        settings=settings,
        passes=planned,
        tracks=tracks,
        track_table=model.tracks.iloc[list(tracks)].reset_index(drop=True),
        genes=genes,
        refused=refused,
        units=_units(genes, chunks(planned, size)),
        model_label=model.name if model.trained else f"{model.name}-RANDOM-WEIGHTS",
        weights_sha256=model.weights_sha256,
        seconds_per_pass=seconds,
        flops_per_pass=flops,
    )


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
    for gene in study.refused.itertuples():
        say(f"refused: {gene.gene_name} ({gene.gene_id}): {gene.reason}")
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
        passes={"before": _n_before(config, study), "after": len(study.passes) * len(study.genes)},
        refused=study.refused[["gene_id", "gene_name", "reason"]].to_dict("records"),
    )
    write_table(run.out / "inputs" / "genes.parquet", pa.Table.from_pandas(study.genes))
    write_table(run.out / "plan.parquet", as_table(study.units, PASS_UNITS, run.metadata))
    failures = list(_run_units(config, study, run, ledger))
    return _finish(config, study, run, ledger, failures)


def _run_units(config: PerturbConfig, study: Study, run: Run, ledger: Ledger) -> Iterator[Outcome]:
    """Run what is pending; yield the units that failed for good."""
    ledger.forget_attempts()
    pending = set(ledger.pending(study.units["unit"]))
    todo = study.units[study.units["unit"].isin(pending)]
    if todo.empty:
        return
    resources = config.resources
    order = Order(
        model=config.model,
        fasta=config.inputs.fasta.resolve(),
        passes=study.passes,
        tracks=study.tracks,
        seed=config.run.seed,
        ledger=Ledger(run.out.resolve(), ledger.parts),
        metadata=run.metadata | {"weights_sha256": study.weights_sha256},
        threads=resources.cpus_per_replica,
    )
    rows = study.genes.to_dict("records")
    units = ((u.unit, rows[u.gene], u.first, u.last) for u in todo.itertuples())
    with connected():
        cpus, gpus = resources.cpus_per_replica, resources.gpus_per_replica
        n = replicas(resources.replicas, cpus=cpus, gpus=gpus, most=len(todo))
        remote, handle = ray.remote(Replica), ray.put(order)
        done = len(study.units) - len(todo)
        with progress("forward passes, in units", len(study.units), done) as show:
            for outcome in fan_out(
                lambda options: remote.options(**options).remote(handle), n, units, cpus=cpus, gpus=gpus
            ):
                done += 1
                show(done)
                if outcome.error is not None:
                    yield outcome


def _finish(
    config: PerturbConfig, study: Study, run: Run, ledger: Ledger, failures: list[Outcome]
) -> dict[str, Any]:
    n_rows = write_effects(config, study, run, ledger, skip=_genes_of(study, failures))
    counts = write_summary(run, study.model_label)
    failed = run.out / "failures.parquet"
    failed.unlink(missing_ok=True)
    if failures:
        names = study.units.set_index("unit")["gene_name"]
        rows = pd.DataFrame([{**asdict(f), "what": names[f.unit]} for f in failures])
        write_table(failed, as_table(rows, FAILURES, run.metadata))
    record = run.finish(genes=len(study.genes), effects=n_rows, failed_units=len(failures), calls=counts)
    if failures:
        raise TasksFailedError(
            f"{len(failures)} of {len(study.units)} units failed for good, the others are done; see {failed}"
        )
    return record


def _genes_of(study: Study, failures: list[Outcome]) -> set[int]:
    gene = study.units.set_index("unit")["gene"]
    return {int(gene[f.unit]) for f in failures}


def _read_annotation(config: PerturbConfig) -> pd.DataFrame:
    inputs = config.inputs
    if inputs.gtf is not None:
        return read_genes(inputs.gtf)
    assert inputs.tss_table is not None  # the configuration has one of the two
    return read_tss_table(inputs.tss_table)


def _gene_names(config: PerturbConfig) -> list[str]:
    genes = config.inputs.genes
    names = list(genes) if isinstance(genes, tuple) else genes.read_text().split()
    if not names:
        raise GeneError(
            "no gene is named; one name or id a line", path=genes if not isinstance(genes, tuple) else None
        )
    return names


def _query(config: PerturbConfig) -> str | list[int | str]:
    return config.tracks if isinstance(config.tracks, str) else list(config.tracks)


def _settings(config: PerturbConfig, seq_len: int) -> Settings:
    creme = config.creme
    tiles = [tuple(map(int, t)) for t in context_tiles(seq_len, creme.tile_size, creme.compat)]
    if creme.tiles != "all":
        by_start = {start: (start, end) for start, end in tiles}
        for start in creme.tiles:
            if start not in by_start:
                raise ConfigError(
                    f"creme.tiles: no tile starts there; they start at {', '.join(map(str, by_start))}",
                    value=start,
                )
        tiles = [by_start[start] for start in creme.tiles]
    return Settings(
        seq_len=seq_len,
        tile_size=creme.tile_size,
        tiles=tuple(tiles),  # type: ignore[arg-type]
        n_shuffles={t: creme.n_shuffles.get(t, PAPER_SHUFFLES[t]) for t in config.tests},
        compat=creme.compat,
        thresholds=creme.thresholds,
    )


def _passes_per_unit(config: PerturbConfig, settings: Settings) -> int:
    tiles = config.resources.tiles_per_task
    return (AUTO_TILES_PER_TASK if tiles == "auto" else tiles) * max(settings.n_shuffles.values())


def _units(genes: pd.DataFrame, pieces: list[tuple[int, int]]) -> pd.DataFrame:
    n = len(genes)
    first, last = np.array(pieces, np.int64).T
    gene = np.repeat(np.arange(n), len(pieces))
    return pd.DataFrame(
        {
            "unit": [f"part-{i:06d}" for i in range(n * len(pieces))],
            "gene": gene,
            "gene_id": genes["gene_id"].to_numpy()[gene],
            "gene_name": genes["gene_name"].to_numpy()[gene],
            "first": np.tile(first, n),
            "last": np.tile(last, n),
        }
    )


def _measure(model: Backbone, tracks: tuple[int, ...], threads: int) -> tuple[float, int]:
    """Time one forward pass here and count its FLOPs."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        codes = np.zeros(model.seq_len, np.uint8)
        with FlopCounterMode(display=False) as counter:
            started = time.perf_counter()
            activity(model, codes, tracks)
            return time.perf_counter() - started, counter.get_total_flops()
    finally:
        torch.set_num_threads(before)


def _n_before(config: PerturbConfig, study: Study) -> int:
    return n_before(config.tests, study.settings) * len(study.genes)


def _cost(config: PerturbConfig, study: Study, ledger: Ledger) -> dict[str, Any]:
    pending = set(ledger.pending(study.units["unit"]))
    todo = study.units[study.units["unit"].isin(pending)]
    n_passes = int((todo["last"] - todo["first"]).sum())
    return {
        "dry_run": True,
        "genes": len(study.genes),
        "refused": study.refused[["gene_name", "reason"]].to_dict("records"),
        "units": len(study.units),
        "units_done": len(study.units) - len(todo),
        "passes_before_deduplication": _n_before(config, study),
        "passes": len(study.passes) * len(study.genes),
        "passes_to_do": n_passes,
        "flops_to_do": n_passes * study.flops_per_pass,
        "bytes_read": len(todo) * study.settings.seq_len,
        "bytes_written_about": n_passes * len(study.tracks) * 16,
        "seconds_per_pass_here": round(study.seconds_per_pass, 4),
        "replica_seconds": round(n_passes * study.seconds_per_pass, 1),
    }
