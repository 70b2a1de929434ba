"""CREATE over many regions: shards through Ray Data, one part file each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from raycre.config import PredictConfig
from raycre.create.layout import CLASSES
from raycre.engine.resources import Share
from raycre.engine.stream import stream
from raycre.genome.fingerprint import check_unchanged
from raycre.log import say
from raycre.store.ledger import Ledger, Outcome
from raycre.store.parquet import as_table, iter_parts, read_table, write_table
from raycre.store.run import Run
from raycre.store.schemas import CLASS_COUNTS, SHARDS
from raycre.workflows.devices import release_memory
from raycre.workflows.failures import raise_failures, write_failures
from raycre.workflows.fresh import Fresh
from raycre.workflows.inputs import say_dropped
from raycre.workflows.predict.cost import cost_of
from raycre.workflows.predict.plan import PARTS, PredictPlan, plan_prediction
from raycre.workflows.predict.reading import ShardSpec, read_shard
from raycre.workflows.predict.shards import CrePredictor
from raycre.workflows.pricing import priced
from raycre.workflows.progress import progress
from raycre.workflows.run import Start

Stream = Callable[..., Iterable[dict[str, Any]]]


def run_predict(
    config: PredictConfig, *, fresh: Fresh = False, dry_run: bool = False, stream: Stream = stream
) -> dict[str, Any]:
    """Classify every region; go on where an earlier run of the same configuration stopped.

    Args:
        config: of the run.
        fresh: whether an earlier run in the folder is removed first.
        dry_run: whether only plan and cost are made.
        stream: takes the shards through reading and classifying: Ray Data, as `engine.stream.stream`.

    Returns:
        What happened, ready for JSON.

    Raises:
        InputError: bad input; nothing was written.
        TasksFailedError: some shards failed for good; all others are done.
    """
    with Start("predict", config.run.out, fresh=fresh, dry_run=dry_run) as start:
        return _run(config, start, stream)


def _run(config: PredictConfig, start: Start, through: Stream) -> dict[str, Any]:
    plan = plan_prediction(config, start)
    if start.dry_run:
        start.preview()
        cost = cost_of(plan, start.started)
        left = cost["shards"] - cost["shards_done"]
        return cost | priced(cost, plan.share, left, config.resources.prices()) | plan.regions.unseen
    todo = through is stream and (start.fresh or plan.ledger.pending(plan.units["unit"]))
    run = start.open(**plan.identity, facts=plan.facts, share=plan.share if todo else None)
    units, classes = plan.units, plan.checkpoint.classes
    _say(plan)
    run.note(**plan.calling.record(plan.n_views))
    if doubt := plan.calling.doubt(plan.n_views):
        say(doubt)
    _write_plan(plan, run)
    spec, share = _spec_of(plan, run), plan.share
    del plan  # regions are in files and the models in the replicas from here on
    release_memory()
    failed = _run_units(spec, share, units, through)
    return _finish(run, units, failed, classes)


def _write_plan(plan: PredictPlan, run: Run) -> None:
    plan.regions.write(run.out / "inputs" / "regions.parquet", run.metadata)
    write_table(run.out / "plan.parquet", as_table(plan.units, SHARDS, run.metadata))


def _say(plan: PredictPlan) -> None:
    """Tell the person what is left out, of the regions and of the classes, and what is added."""
    regions = plan.regions
    if regions.before:
        new, before = regions.n - regions.before, regions.before
        say(f"{new:,} regions are added to the {before:,} that the folder holds, which stay as they are")
    say_dropped("regions", regions.counts, plan.signals.loops_dropped)
    missing = [c for c in CLASSES if c not in plan.checkpoint.classes]
    if missing:
        say(
            f"the models were not trained on {', '.join(missing)}: no region is called so, and its columns "
            "stay empty"
        )


def _spec_of(plan: PredictPlan, run: Run) -> ShardSpec:
    checkpoint = plan.checkpoint
    return ShardSpec(
        signals=plan.paths,
        regions=(run.out / "inputs" / "regions.parquet").resolve(),
        checkpoint=checkpoint.path.resolve(),
        folds=checkpoint.folds,
        cutoffs=plan.calling.cutoffs,
        n_views=plan.n_views,
        ledger=Ledger(run.out.resolve(), PARTS, epoch=run.epoch),
        metadata=run.metadata | {"model_sha256": checkpoint.sha256},
        model_sha256=checkpoint.sha256,
        threads=plan.share.cpus,
        n_codes=checkpoint.n_codes if plan.codes else None,
        gpus=plan.share.gpus,
        weights=checkpoint.fingerprints,
    )


def _run_units(spec: ShardSpec, share: Share, units: pd.DataFrame, through: Stream) -> dict[str, Outcome]:
    """Run what is pending; return what was said of the shards that failed."""
    spec.ledger.forget_attempts()
    rows = spec.ledger.todo(units).to_dict("records")
    if not rows:
        return {}
    failed: dict[str, Outcome] = {}
    done = len(units) - len(rows)
    with progress("regions, in shards", len(units), done) as show:
        for row in through(rows, partial(read_shard, spec=spec), CrePredictor, (spec,), share):
            done += 1
            show(done)
            if row["error"]:
                check_unchanged([*spec.signals.fingerprints, *spec.weights])  # then no later shard can do
                failed[row["unit"]] = Outcome(**row)
    return failed


def _finish(
    run: Run, units: pd.DataFrame, failed: dict[str, Outcome], classes: Sequence[str]
) -> dict[str, Any]:
    calls: dict[str, int | None] = {c: 0 if c in classes else None for c in CLASSES}
    ledger, not_called = Ledger(run.out, PARTS), 0
    pending = ledger.pending(units["unit"])
    late = {unit: part for unit in pending if (part := ledger.part(unit)).is_file()}  # a store may list late
    missing = [unit for unit in pending if unit not in late]
    for path in sorted({*iter_parts(run.out / PARTS), *late.values()}):
        column = read_table(path, ["call"]).to_pandas()["call"]
        not_called += int(column.isna().sum())  # of weights without cutoffs
        for call, n in column.value_counts().items():
            calls[str(call)] = (calls[str(call)] or 0) + int(n)
    counts = pd.DataFrame({"class": list(calls), "n": pd.array(list(calls.values()), dtype="Int64")})
    write_table(run.out / "summary" / "calls.parquet", as_table(counts, CLASS_COUNTS, run.metadata))
    what = {u["unit"]: f"regions {u['first']}-{u['last']}" for u in units.to_dict("records")}
    write_failures(run, missing, failed, what)
    uncalled = {"not_called": not_called} if not_called else {}
    record = run.finish(shards=len(units), failed_shards=len(missing), calls=calls, **uncalled)
    raise_failures(run, missing, len(units))
    return record
