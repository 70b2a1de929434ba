"""CREATE over many regions: shards through Ray Data, one part file each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from raycre.config import PredictConfig
from raycre.create.inference.checkpoints import Checkpoint, read_checkpoint
from raycre.create.inference.ensemble import flank_of
from raycre.create.layout import CLASSES, WIDTH
from raycre.engine.cluster import connected
from raycre.engine.resources import Share
from raycre.engine.stream import stream
from raycre.errors import ConfigError
from raycre.genome.features import SignalPaths, Signals
from raycre.genome.fingerprint import check_unchanged
from raycre.genome.regions import read_regions
from raycre.log import say
from raycre.store.ledger import Ledger
from raycre.store.parquet import as_table, iter_parts, read_table, with_metadata, write_table
from raycre.store.run import Run
from raycre.store.schemas import CLASS_COUNTS, SHARDS
from raycre.workflows.failures import raise_failures, write_failures
from raycre.workflows.fresh import Fresh
from raycre.workflows.inputs import (
    fit_regions,
    hash_rows,
    look_at_regions,
    say_dropped,
    signal_paths,
)
from raycre.workflows.predict.calling import Calling, calling_of
from raycre.workflows.predict.shards import CrePredictor, Order, measure, read_shard
from raycre.workflows.progress import progress
from raycre.workflows.run import Start
from raycre.workflows.timing import DATA_START, outlook

PARTS = "predictions"
SIGNALS = ("openness", "loops")


def run_predict(config: PredictConfig, *, fresh: Fresh = False, dry_run: bool = False) -> dict[str, Any]:
    """Class every region; go on where an earlier run of the same configuration stopped.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some shards failed for good; all others are done.
    """
    start = Start("predict", config.run.out, fresh=fresh, dry_run=dry_run)
    checkpoint = read_checkpoint(config.model.checkpoint, config.model.folds)
    checkpoint.check_signals([name for name in SIGNALS if getattr(config.inputs, name)])
    checkpoint.check_cutoffs({} if config.model.cutoffs is None else config.model.cutoffs.model_dump())
    if config.codes and checkpoint.n_codes is None:
        raise ConfigError("codes: these models have no codebook; leave it out", value=str(checkpoint.path))
    calling = calling_of(checkpoint.path, checkpoint.folds, _cutoffs(config))
    used = {k: p for k, p in config.paths().items() if checkpoint.uses(k)}
    prints, hashes = start.hash_inputs(used), start.hashes
    paths = signal_paths(config.inputs, checkpoint.modalities, prints)
    signals = Signals(paths)
    regions, counts = _read_regions(config, signals)
    facts = look_at_regions(signals, regions, flank_of(config.views))
    start.check_inputs()
    units = _units(len(regions), config.shard_size)
    ledger = Ledger(config.run.out, PARTS)
    if dry_run:
        start.preview()
        return _cost(config, checkpoint, units, ledger, counts, signals, regions, start.started) | facts
    run = start.open(
        name=config.run.name,
        config=config.model_dump(mode="json"),
        science={
            **config.science(),
            "sha256": hashes,
            "regions_as_read": hash_rows(regions),
            "model_sha256": checkpoint.sha256,
            "folds": checkpoint.folds,
            **calling.science(),
        },
        layout=config.layout(),
        inputs={**hashes, "model.checkpoint": checkpoint.sha256},
        facts={
            "regions": counts,
            "loops_dropped": signals.loops_dropped,
            "classes": checkpoint.classes,
            **facts,
        },
    )
    say_dropped("regions", counts, signals.loops_dropped)
    missing = [c for c in CLASSES if c not in checkpoint.classes]
    if missing:
        say(
            f"the models were not trained on {', '.join(missing)}: no region is called so, and its columns "
            "stay empty"
        )
    run.note(**calling.record(config.views))
    if doubt := calling.doubt(config.views):
        say(doubt)
    table = with_metadata(pa.Table.from_pandas(regions, preserve_index=False), run.metadata)
    write_table(run.out / "inputs" / "regions.parquet", table, row_group_size=config.shard_size)
    write_table(run.out / "plan.parquet", as_table(units, SHARDS, run.metadata))
    errors = _run_units(_order(config, checkpoint, calling, paths, run), config, units)
    return _finish(run, units, errors, checkpoint.classes)


def _read_regions(config: PredictConfig, signals: Signals) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return regions of 1 kb in input order, and how many were dropped by which rule."""
    inputs, sizes = config.inputs, signals.fasta.sizes
    found = read_regions(inputs.regions, sizes=sizes, outside=inputs.outside)
    table, counts = fit_regions(found, inputs, sizes, path=inputs.regions, what="region")
    columns = ["region_id", "chrom", "start", "end", "name", "strand", "source"]
    return table[columns], counts


def _units(n: int, shard_size: int) -> pd.DataFrame:
    first = np.arange(0, n, shard_size)
    return pd.DataFrame(
        {
            "unit": [f"part-{i:05d}" for i in range(len(first))],
            "shard": np.arange(len(first)),
            "first": first,
            "last": np.minimum(first + shard_size, n),
        }
    )


def _order(
    config: PredictConfig, checkpoint: Checkpoint, calling: Calling, paths: SignalPaths, run: Run
) -> Order:
    return Order(
        signals=paths,
        regions=(run.out / "inputs" / "regions.parquet").resolve(),
        checkpoint=checkpoint.path.resolve(),
        folds=checkpoint.folds,
        cutoffs=calling.cutoffs,
        n_views=config.views,
        ledger=Ledger(run.out.resolve(), PARTS),
        metadata=run.metadata | {"model_sha256": checkpoint.sha256},
        model_sha256=checkpoint.sha256,
        threads=config.resources.cpus_per_replica,
        n_codes=checkpoint.n_codes if config.codes else None,
        gpus=config.resources.gpus_per_replica,
        weights=checkpoint.fingerprints,
    )


def _cutoffs(config: PredictConfig) -> tuple[float, ...] | None:
    """Return the cutoffs that are given, by class; background's is not used."""
    given = config.model.cutoffs
    if given is None:
        return None
    return (*(np.nan if value is None else value for value in given.model_dump().values()), 0.0)


def _run_units(order: Order, config: PredictConfig, units: pd.DataFrame) -> dict[str, str]:
    """Run what is pending; return the errors of the shards that failed."""
    order.ledger.forget_attempts()
    rows = order.ledger.todo(units).to_dict("records")
    if not rows:
        return {}
    errors: dict[str, str] = {}
    resources = config.resources
    share = Share(resources.replicas, resources.cpus_per_replica, resources.gpus_per_replica)
    done = len(units) - len(rows)
    with connected(), progress("regions, in shards", len(units), done) as show:
        for row in stream(rows, partial(read_shard, order=order), CrePredictor, (order,), share):
            done += 1
            show(done)
            if row["error"]:
                check_unchanged([*order.signals.fingerprints, *order.weights])  # then no later shard can do
                errors[row["unit"]] = row["error"]
    return errors


def _finish(run: Run, units: pd.DataFrame, errors: dict[str, str], classes: Sequence[str]) -> dict[str, Any]:
    calls: dict[str, int | None] = {c: 0 if c in classes else None for c in CLASSES}
    not_called = 0
    for path in iter_parts(run.out / PARTS):
        column = read_table(path, ["call"]).to_pandas()["call"]
        not_called += int(column.isna().sum())  # of weights without cutoffs
        for call, n in column.value_counts().items():
            calls[str(call)] = (calls[str(call)] or 0) + int(n)
    counts = pd.DataFrame({"class": list(calls), "n": pd.array(list(calls.values()), dtype="Int64")})
    write_table(run.out / "summary" / "calls.parquet", as_table(counts, CLASS_COUNTS, run.metadata))
    missing = Ledger(run.out, PARTS).pending(units["unit"])
    what = {u["unit"]: f"regions {u['first']}-{u['last']}" for u in units.to_dict("records")}
    write_failures(run, missing, errors, what)
    uncalled = {"not_called": not_called} if not_called else {}
    record = run.finish(shards=len(units), failed_shards=len(missing), calls=calls, **uncalled)
    raise_failures(run, missing, len(units))
    return record


def _cost(
    config: PredictConfig,
    checkpoint: Checkpoint,
    units: pd.DataFrame,
    ledger: Ledger,
    counts: dict[str, int],
    signals: Signals,
    regions: pd.DataFrame,
    started: float,
) -> dict[str, Any]:
    todo = ledger.todo(units)
    n = int((todo["last"] - todo["first"]).sum())
    resources = config.resources
    cpus, gpus = resources.cpus_per_replica, resources.gpus_per_replica
    measured = measure(checkpoint.path, checkpoint.folds, config.views, cpus, signals, regions)
    return {
        "dry_run": True,
        "regions": counts,
        "shards": len(units),
        "shards_done": len(units) - len(todo),
        "folds": len(checkpoint.folds),
        "views": config.views,
        "forward_passes_to_do": n * len(checkpoint.folds) * config.views,
        "flops_to_do": n * measured.predict.flops,
        "bytes_read_about": n * WIDTH * (1 + 4 * len(config.inputs.openness)),
        "bytes_written_about": n * 150,
        "cpu_seconds_per_region": round(measured.read + measured.predict.cpu_seconds, 5),
        **outlook(
            n * (measured.read + measured.predict.cpu_seconds),
            units=len(todo),
            asked=resources.replicas,
            cpus=cpus,
            gpus=gpus,
            started=started,
            framework=DATA_START,
            load=measured.load,
        ),
    }
