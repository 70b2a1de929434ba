"""Several trainings in one go: inputs read once, all folds of all of them given to one pool of workers.

Each training is an ordinary run in OUT/sweep/NAME, which predict can use and train can go on with. Knows how
runs are laid out, not how a fold is trained.
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
from raycre.errors import RaycreError
from raycre.genome.features import Signals
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.log import say
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
from raycre.workflows.run import Start
from raycre.workflows.train.fold import first_network, recipe_of
from raycre.workflows.train.labels import weights_by_fold
from raycre.workflows.train.materialise import DIVISORS, read_labelled, write_inputs
from raycre.workflows.train.run import (
    cost_of,
    finish,
    identity_of,
    jobs_of,
    outlook_of,
    plan_folds,
    say_map,
)
from raycre.workflows.train.workers import train_jobs

SHARED = ("codes.npy", "openness.npy", "loops.npy", "label.npy", "fold.npy", DIVISORS, "regions.parquet")
_CONFIG: Any = {"inputs": True, "folds": True, "resources": True, "model": {"init"}}  # what settings share
_OWN = ("model", "recipe", "interpretation")  # sections that belong to a setting, not to the sweep
TABLE = Path("summary") / "sweep.parquet"


def run_sweep(settings: Sequence[Setting], *, fresh: Fresh = False, dry_run: bool = False) -> dict[str, Any]:
    """Train every fold of every setting that is not done, and hold the settings against the first of them.

    Args:
        settings: of one sweep; they differ in model and recipe only.
        fresh: forget what the folder holds of an earlier sweep.
        dry_run: only say what it would cost.

    Returns:
        What happened, ready for JSON; `table` has the rows of summary/sweep.parquet.

    Raises:
        InputError: bad input, or a setting that cannot be; nothing was written.
        RaycreError: some folds could not be trained; all others are.
    """
    first = settings[0].config
    out = first.run.out.parent.parent
    start = Start("sweep", out, fresh=fresh, dry_run=dry_run)
    prints = list(_fingerprints(settings))
    hashes = [sha256_by_key(each) for each in prints]
    every = {key: each for found in prints for key, each in found.items()}
    flank = max(recipe_of(setting.config).flank for setting in settings)
    modalities = [m for m in MODALITIES if any(m in s.config.model.modalities for s in settings)]
    signals = Signals(signal_paths(first.inputs, modalities, every))
    labelled = read_labelled(first, signals)
    settings = [replace(each, config=labelled.settle(each.config)) for each in settings]
    first, table = settings[0].config, labelled.table
    for setting in settings:
        first_network(setting.config)  # sizes that do not fit are refused before anything is written
    facts = look_at_regions(signals, table, flank)
    check_unchanged(every.values())
    plan = plan_folds(first, table["fold"].to_numpy(np.int64))
    if dry_run:
        start.preview()
        return {
            "dry_run": True,
            **labelled.facts(),
            **facts,
            "runs": len(settings),
            **_cost(settings, plan, table, start.started),
        }
    science = {
        **{key: value for key, value in first.science().items() if key not in _OWN},
        **labelled.rules,
        "sha256": {k: v for each in hashes for k, v in each.items() if k.startswith("inputs.")},
        "flank": flank,
        "modalities": modalities,
    }
    # The folder belongs to inputs and folds: settings may be added to it later.
    run = start.open(
        name=out.name,
        config=first.model_dump(mode="json", include=_CONFIG),
        science=science,
        layout={},
        facts={
            **labelled.facts(),
            "loops_dropped": signals.loops_dropped,
            "settings": [setting.name for setting in settings],
            **facts,
        },
    )
    labelled.say(signals.loops_dropped)
    write_inputs(out / "inputs", table, signals, flank, run.metadata)
    runs, jobs = [], []
    for setting, sha256, of_setting in zip(settings, hashes, prints, strict=True):
        each = open_run(
            setting.config.run.out, verb="train", **identity_of(setting.config, sha256, labelled.rules)
        )
        reads = setting.config.model.modalities
        each.note(
            recipe=asdict(recipe_of(setting.config)),
            **labelled.facts(),
            **weights_by_fold(setting.config, table),
            loops_dropped=signals.loops_dropped if "loops" in reads else 0,
            **facts_about(facts, reads),
        )
        _share_inputs(out / "inputs", each.out / "inputs", reads, each.metadata)
        runs.append(each)
        jobs += jobs_of(setting.config, each, plan, setting.name, init=of_setting.get("model.init"))
    say_map([setting.config for setting in settings])
    train_jobs(jobs, first.resources, out)
    return _finish(run, settings, runs, plan["fold"].tolist())


def _fingerprints(settings: Sequence[Setting]) -> Iterator[dict[str, Fingerprint]]:
    """Fingerprints of each setting's input files; a file is hashed once."""
    known: dict[Path, Fingerprint] = {}
    for setting in settings:
        paths = setting.config.paths()
        found = fingerprint_inputs({key: path for key, path in paths.items() if path not in known})
        known |= {paths[key]: each for key, each in found.items()}
        yield {key: known[path] for key, path in paths.items()}


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
        else:
            try:
                os.link(source, target)
            except OSError:  # a file system without hard links
                write_atomic(target, partial(shutil.copyfile, source))


def _finish(run: Run, settings: Sequence[Setting], runs: Sequence[Run], folds: list[int]) -> dict[str, Any]:
    """Remake each run's summary and the sweep's table; raise where folds are missing, when all is written."""
    failed: dict[str, str] = {}
    for setting, each in zip(settings, runs, strict=True):
        try:
            finish(each, folds)
        except RaycreError as error:
            failed[setting.name] = str(error)
    rows = _table(settings, runs)
    write_table(run.out / TABLE, as_table(rows, SWEEP, run.metadata))
    done = sum((fold_folder(each.out, k) / CUTOFFS).is_file() for each in runs for k in folds)
    record = run.finish(runs=len(runs), folds=len(runs) * len(folds), folds_done=done, failed=failed)
    table = rows.astype(object).where(rows.notna(), None).to_dict("records")
    if failed:
        say(f"the {len(runs) - len(failed)} other runs are finished; table so far: {run.out / TABLE}")
        raise RaycreError("; ".join(f"{name}: {why}" for name, why in failed.items()))
    return {**record, "table": table}


def _table(settings: Sequence[Setting], runs: Sequence[Run]) -> pd.DataFrame:
    """Metrics over folds of every setting that has any, against the first of those."""
    tables = [
        read_table(each.out / "summary" / "metrics.parquet").to_pandas().assign(setting=setting.name)
        for setting, each in zip(settings, runs, strict=True)
        if (each.out / "summary" / "metrics.parquet").is_file()
    ]
    if not tables:
        return pd.DataFrame(columns=SWEEP.names)
    every = pd.concat(tables, ignore_index=True)
    return compare(every, baseline=every["setting"].iloc[0])


def _cost(
    settings: Sequence[Setting], plan: pd.DataFrame, table: pd.DataFrame, started: float
) -> dict[str, Any]:
    """Cost of all runs together; what is not a sum is of the most expensive one."""
    costs = [cost_of(setting.config, plan, table, started) for setting in settings]
    sums = {"folds", "folds_done", "flops_at_most", "cpu_seconds"}
    found = {key: (sum if key in sums else max)(cost[key] for cost in costs) for key in costs[0]}
    n_folds = found["folds"] - found["folds_done"]
    return {**found, **outlook_of(found["cpu_seconds"], n_folds, settings[0].config, started)}
