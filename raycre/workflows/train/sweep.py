"""Several trainings in one go: inputs read once, all folds of all of them given to one pool of workers.

Each training is an ordinary run in OUT/sweep/NAME, which predict can use and train can go on with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.config.sweep import Setting
from raycre.create.evaluation.comparison import compare
from raycre.create.inference.checkpoints import CUTOFFS, fold_folder
from raycre.create.layout import MODALITIES
from raycre.engine.jobs import GROUP
from raycre.errors import RaycreError
from raycre.genome.features import Signals
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.genome.signal_values import OPENNESS_VALUES
from raycre.log import say
from raycre.store.bucket_path import BucketPath
from raycre.store.files import read_json, stamped, write_atomic, write_json
from raycre.store.parquet import as_table, read_table, with_metadata, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import SWEEP
from raycre.workflows.fresh import Fresh
from raycre.workflows.inputs import (
    facts_about,
    fingerprint_inputs,
    look_at_regions,
    sha256_by_key,
    signal_paths,
)
from raycre.workflows.pricing import priced
from raycre.workflows.run import Start
from raycre.workflows.train.cost import cost_of, outlook_of
from raycre.workflows.train.fold import ledger_of, start_network
from raycre.workflows.train.labels import weights_by_fold
from raycre.workflows.train.materialise import DIVISORS, read_labelled, write_inputs
from raycre.workflows.train.plan import TrainPlan, plan_of
from raycre.workflows.train.run import finish, jobs_of, openness_values, say_map, split_folds
from raycre.workflows.train.workers import TrainJobs, train_jobs

SHARED = ("codes.npy", "openness.npy", "loops.npy", "label.npy", "fold.npy", DIVISORS, "regions.parquet")
_OWN = ("model", "recipe", "interpretation")  # sections that belong to a setting, not to the sweep
TABLE = Path("summary") / "sweep.parquet"


def run_sweep(
    settings: Sequence[Setting], *, fresh: Fresh = False, dry_run: bool = False, train: TrainJobs = train_jobs
) -> dict[str, Any]:
    """Train every fold of every setting that is not done, and hold the settings against the first of them.

    Args:
        settings: of one sweep; they differ in model and recipe only.
        fresh: forget what the folder holds of an earlier sweep.
        dry_run: only say what it would cost.
        train: trains the folds of all settings: groups of Ray Train's workers.

    Returns:
        What happened, ready for JSON; `table` has the rows of summary/sweep.parquet.

    Raises:
        InputError: bad input, or a setting that cannot be; nothing was written.
        RaycreError: some folds could not be trained; all others are.
    """
    out = settings[0].config.run.out.parent.parent
    with Start("sweep", out, fresh=fresh, dry_run=dry_run) as start:
        return _run(settings, start, train)


def _run(settings: Sequence[Setting], start: Start, train: TrainJobs) -> dict[str, Any]:
    out = start.out
    plans = [plan_of(setting.config) for setting in settings]
    prints = list(_fingerprints(plans))
    plans = [replace(each, init=own.get("model.init")) for each, own in zip(plans, prints, strict=True)]
    every = {key: each for own in prints for key, each in own.items()}
    flank = max(plan.recipe.flank for plan in plans)
    modalities = [m for m in MODALITIES if any(m in plan.network.modalities for plan in plans)]
    signals = Signals(signal_paths(plans[0].signals, modalities, every))
    labelled = read_labelled(plans[0], signals)
    plans = [plan.settle(labelled.classes) for plan in plans]
    first, table = plans[0], labelled.table
    for plan in plans:
        start_network(plan.network, plan.init)  # what does not fit is refused before anything is written
    facts = look_at_regions(signals, table, flank)
    check_unchanged(every.values())
    start.inputs |= every
    folds = split_folds(first.folds, table["fold"].to_numpy(np.int64))
    if start.dry_run:
        start.preview()
        cost = _cost(plans, folds, table, start.started)
        share, left = first.share.times(first.workers_per_fold), cost["folds"] - cost["folds_done"]
        cost |= priced(cost, share, left, settings[0].config.resources.prices())
        return {"dry_run": True, **labelled.facts(), **facts, "runs": len(plans), **cost}
    hashes = [sha256_by_key(each) for each in prints]
    science = {
        **{key: value for key, value in first.science.items() if key not in _OWN},
        **labelled.rules,
        "sha256": {k: v for each in hashes for k, v in each.items() if k.startswith("inputs.")},
        "flank": flank,
        "modalities": modalities,
    }
    todo = train is train_jobs and (
        start.fresh or any(ledger_of(plan).pending(folds["unit"]) for plan in plans)
    )
    # The folder belongs to inputs and folds: settings may be added to it later.
    run = start.open(
        name=out.name,
        share=first.share.times(first.workers_per_fold) if todo else None,
        what=GROUP,
        config=_shared(first.record),
        science=science,
        layout={},
        facts={
            **labelled.facts(),
            "loops_dropped": signals.loops_dropped,
            "settings": [plan.name for plan in plans],
            **facts,
        },
        # Each can be gone on with by a plain training, which must not do so now.
        inner={plan.out: None for plan in plans} | (dict.fromkeys(_runs_in(out)) if start.fresh else {}),
    )
    labelled.say(signals.loops_dropped)
    write_inputs(out / "inputs", table, signals, flank, run.metadata)
    runs, jobs, values = [], [], openness_values(signals, table)
    for plan, sha256 in zip(plans, hashes, strict=True):
        each = open_run(
            plan.out,
            verb="train",
            **plan.identity(sha256, labelled.rules),
            lease=start.leases[plan.out],
        )
        reads = plan.network.modalities
        each.note(
            recipe=asdict(plan.recipe),
            **labelled.facts(),
            **weights_by_fold(plan, table),
            loops_dropped=signals.loops_dropped if "loops" in reads else 0,
            **{OPENNESS_VALUES: values if "openness" in reads else None},
            **facts_about(facts, reads),
        )
        _share_inputs(out / "inputs", each.out / "inputs", reads, each.metadata)
        runs.append(each)
        jobs += jobs_of(plan, each, folds, plan.name)
    say_map(plans)
    train(jobs, first.share, first.workers_per_fold, out)
    return _finish(run, runs, folds["fold"].tolist())


def _runs_in(out: Path) -> Iterator[Path]:
    """Folders of the runs that a sweep's folder holds."""
    return (path for path in out.glob("sweep/*") if path.is_dir())


def _shared(record: Mapping[str, Any]) -> dict[str, Any]:
    """What all settings have in common of a configuration, as run.json holds it."""
    init = {"init": record["model"]["init"]}
    return {
        "inputs": record["inputs"],
        "model": init,
        "folds": record["folds"],
        "resources": record["resources"],
    }


def _fingerprints(plans: Sequence[TrainPlan]) -> Iterator[dict[str, Fingerprint]]:
    """Fingerprints of each setting's input files; a file is hashed once."""
    known: dict[Path, Fingerprint] = {}
    for plan in plans:
        found = fingerprint_inputs({key: path for key, path in plan.paths.items() if path not in known})
        known |= {plan.paths[key]: each for key, each in found.items()}
        yield {key: known[path] for key, path in plan.paths.items()}


def _share_inputs(common: Path, own: Path, modalities: Sequence[str], metadata: Mapping[str, str]) -> None:
    """Give a run the inputs that it reads; regions last, as they say done.

    Arrays are links to the common files; what says of which run it is, is the run's own.
    """
    own.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        source, target = common / name, own / name
        unread = name.removesuffix(".npy") in {"openness", "loops"} - set(modalities)
        if unread or target.exists() or not source.exists():
            continue
        if name == DIVISORS:
            write_json(target, stamped(read_json(source), metadata))
        elif source.suffix == ".parquet":
            write_table(target, with_metadata(read_table(source), metadata))
        elif isinstance(target, BucketPath):
            target.put(Path(os.fspath(source)))
        else:
            try:
                os.link(source, target)
            except OSError:  # a file system without hard links
                write_atomic(target, partial(shutil.copyfile, source))


def _finish(run: Run, runs: Sequence[Run], folds: list[int]) -> dict[str, Any]:
    """Remake each run's summary and the sweep's table; raise where folds are missing, when all is written."""
    failed: dict[str, str] = {}
    for each in runs:
        try:
            finish(each, folds)
        except RaycreError as error:
            failed[each.out.name] = str(error)
    rows = _table(runs)
    write_table(run.out / TABLE, as_table(rows, SWEEP, run.metadata))
    done = sum((fold_folder(each.out, k) / CUTOFFS).is_file() for each in runs for k in folds)
    record = run.finish(runs=len(runs), folds=len(runs) * len(folds), folds_done=done, failed=failed)
    table = rows.astype(object).where(rows.notna(), None).to_dict("records")
    if failed:
        say(f"the {len(runs) - len(failed)} other runs are finished; table so far: {run.out / TABLE}")
        raise RaycreError("; ".join(f"{name}: {why}" for name, why in failed.items()))
    return {**record, "table": table}


def _table(runs: Sequence[Run]) -> pd.DataFrame:
    """Metrics over folds of every setting that has any, against the first of those."""
    tables = [
        read_table(each.out / "summary" / "metrics.parquet").to_pandas().assign(setting=each.out.name)
        for each in runs
        if (each.out / "summary" / "metrics.parquet").is_file()
    ]
    if not tables:
        return pd.DataFrame(columns=SWEEP.names)
    every = pd.concat(tables, ignore_index=True)
    return compare(every, baseline=every["setting"].iloc[0])


def _cost(
    plans: Sequence[TrainPlan], folds: pd.DataFrame, table: pd.DataFrame, started: float
) -> dict[str, Any]:
    """Cost of all runs together; what is not a sum is of the most expensive one."""
    costs = [cost_of(plan, folds, table, started) for plan in plans]
    sums = {"folds", "folds_done", "flops_at_most", "cpu_seconds"}
    found = {key: (sum if key in sums else max)(cost[key] for cost in costs) for key in costs[0]}
    n_folds = found["folds"] - found["folds_done"]
    return {**found, **outlook_of(found["cpu_seconds"], n_folds, plans[0], started)}
