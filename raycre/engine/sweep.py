"""Several trainings in one go: inputs read once, all folds of all of them given to one pool of workers.

Each training is an ordinary run in OUT/sweep/NAME, which predict can use and train can go on with. Knows how
runs are laid out, not how a fold is trained.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from raycre.config import TrainConfig
from raycre.config.sweep import FOLDER, Setting
from raycre.create.comparison import compare
from raycre.create.layout import MODALITIES
from raycre.engine.checkpoints import CUTOFFS, fold_folder
from raycre.engine.folds import first_network, recipe_of
from raycre.engine.inputs import check_out, hash_inputs, hash_rows, say_dropped, signal_paths
from raycre.engine.materialise import DIVISORS, read_labelled, write_inputs
from raycre.engine.progress import say
from raycre.engine.readings import listen, show_readings
from raycre.engine.training import cost_of, finish, jobs_of, open_training, plan_folds
from raycre.engine.walk import train_jobs
from raycre.errors import RaycreError
from raycre.genome.features import Signals
from raycre.store.parquet import as_table, read_table, write_table
from raycre.store.run import Run, open_run
from raycre.store.schemas import SWEEP

SHARED = ("codes.npy", "openness.npy", "loops.npy", "label.npy", "fold.npy", DIVISORS, "regions.parquet")
TABLE = Path("summary") / "sweep.parquet"


def run_sweep(settings: Sequence[Setting], *, fresh: bool = False, dry_run: bool = False) -> dict[str, Any]:
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
    check_out(out)
    readings = listen()
    hashes = list(_hashes(settings))
    for setting in settings:
        first_network(setting.config)  # sizes that do not fit are refused before anything is written
    flank = max(recipe_of(setting.config).flank for setting in settings)
    modalities = [m for m in MODALITIES if any(m in s.config.model.modalities for s in settings)]
    signals = Signals(signal_paths(first.inputs, modalities))
    table, counts = read_labelled(first, signals)
    plan = plan_folds(first, table["fold"].to_numpy(np.int64))
    if dry_run:
        show_readings()
        return {"dry_run": True, "regions": counts, "runs": len(settings), **_cost(settings, plan, table)}
    rows = hash_rows(table)
    run = _open(
        out, first, {k: v for each in hashes for k, v in each.items()}, rows, flank, modalities, fresh
    )
    run.note(inputs_read=readings)
    show_readings()
    run.note(regions=counts, loops_dropped=signals.loops_dropped, settings=[s.name for s in settings])
    say_dropped("labelled regions", counts, signals.loops_dropped)
    write_inputs(out / "inputs", table, signals, flank)
    runs, jobs = [], []
    for setting, sha256 in zip(settings, hashes, strict=True):
        each = open_training(setting.config, sha256, rows, fresh=False)
        reads = setting.config.model.modalities
        each.note(regions=counts, loops_dropped=signals.loops_dropped if "loops" in reads else 0)
        _share_inputs(out / "inputs", each.out / "inputs", reads)
        runs.append(each)
        jobs += jobs_of(setting.config, each, plan, setting.name)
    train_jobs(jobs, first.resources, out)
    return _finish(run, settings, runs, plan["fold"].tolist())


def _hashes(settings: Sequence[Setting]) -> Iterator[dict[str, str]]:
    """Hashes of each setting's input files; a file is read once."""
    known: dict[Path, str] = {}
    for setting in settings:
        paths = setting.config.paths()
        found = hash_inputs({key: path for key, path in paths.items() if path not in known})
        known |= {paths[key]: sha256 for key, sha256 in found.items()}
        yield {key: known[path] for key, path in paths.items()}


def _open(
    out: Path,
    first: TrainConfig,
    hashes: Mapping[str, str],
    rows: str,
    flank: int,
    modalities: list[str],
    fresh: bool,
) -> Run:
    """Open the sweep's own folder. It belongs to inputs and folds: settings may be added to it later."""
    if fresh:
        shutil.rmtree(out / FOLDER, ignore_errors=True)
    inputs = {key: sha256 for key, sha256 in hashes.items() if key.startswith("inputs.")}
    common = {key: value for key, value in first.science().items() if key not in ("model", "recipe")}
    return open_run(
        out,
        verb="sweep",
        name=out.name,
        config=first.model_dump(mode="json", include={"inputs", "folds", "resources"}),
        science={
            **common,
            "sha256": inputs,
            "labels_as_read": rows,
            "flank": flank,
            "modalities": modalities,
        },
        layout={},
        fresh=fresh,
    )


def _share_inputs(common: Path, own: Path, modalities: Sequence[str]) -> None:
    """Give a run the inputs that it reads, as links to the common files; regions last, as they say done."""
    own.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        source, target = common / name, own / name
        unread = name.removesuffix(".npy") in {"openness", "loops"} - set(modalities)
        if unread or target.exists() or not source.exists():
            continue
        try:
            os.link(source, target)
        except OSError:  # a file system without hard links
            part = own / f".part-{name}"
            shutil.copyfile(source, part)
            part.replace(target)


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


def _cost(settings: Sequence[Setting], plan: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    """Cost of all runs together; what is not a sum is of the most expensive one."""
    costs = [cost_of(setting.config, plan, table) for setting in settings]
    sums = {"folds", "folds_done", "flops_at_most", "worker_seconds_at_most"}
    return {key: (sum if key in sums else max)(cost[key] for cost in costs) for key in costs[0]}
