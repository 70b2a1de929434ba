"""What a run is in three lines: what was found, where it lies, what to do next. From its run.json alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from raycre.errors import FormatError, MissingInputError
from raycre.store.files import read_json
from raycre.store.location import location
from raycre.store.old_run import RECORD

MAIN = {"train": "folds/", "sweep": "sweep/", "predict": "predictions/", "creme": "effects/"}

NEXT = {  # after a finished run of a verb
    "train": ("raycre init predict --fill {run} -o predict.yaml", "raycre report {run}"),
    "sweep": ("raycre report {run}",),
    "prepare": ("raycre train --config {run}/train.yaml --dry-run", "raycre report {run}"),
    "predict": ("raycre report {run}", "raycre export {run} --bed9 --bigwig"),
    "creme": ("raycre report {run}", "raycre export {run} --bed9 --bedpe-arcs"),
}


def read_record(path: str | Path) -> tuple[Path, dict[str, Any]]:
    """Return a run folder and what its run.json holds; the path of run.json itself serves, too.

    Raises:
        MissingInputError: no run here; folders below that hold one are named.
        FormatError: run.json is damaged, or no record of a run.
        ConfigError: a path that is none.
    """
    folder = location(path)
    folder = folder.parent if folder.name == RECORD else folder
    if not (folder / RECORD).is_file():
        below = sorted(p.parent.name for p in folder.glob(f"*/{RECORD}")) if folder.is_dir() else []
        hint = f"; runs below it are {', '.join(below[:5])}" if below else ""
        what = "no run.json here" if folder.is_dir() else "no such folder"
        raise MissingInputError(
            f"{what}: name the folder that a run was written to (run.out){hint}", path=folder
        )
    record = read_json(folder / RECORD)
    if not isinstance(record, dict) or "verb" not in record:
        raise FormatError("not the record of a run; name the folder of a run", path=folder / RECORD)
    return folder, record


def summarise(run: Path, record: Mapping[str, Any]) -> list[str]:
    """Return three lines: what was found, where it lies, what to do next."""
    verb = str(record["verb"])
    state = "finished" if record.get("finished") else "not finished"
    tell = _FOUND.get(verb)
    found = "" if tell is None else tell(record)
    missing = record.get("failed_shards") or record.get("failed_units")
    failed = f"; {missing:,} units failed (failures.parquet)" if missing else ""
    return [
        f"{record.get('name', run.name)}: {verb}, {state}" + (f": {found}" if found else "") + failed,
        f"results: {run / MAIN.get(verb, '')}  settings and versions: {run / RECORD}",
        f"next: {next_step(run, record)}",
    ]


def next_step(run: Path, record: Mapping[str, Any]) -> str:
    """Return the command to go on with."""
    verb, folder = str(record["verb"]), shlex.quote(str(run))
    if not record.get("finished"):
        return "run the same command again, it goes on from here"
    if record.get("failed_shards") or record.get("failed_units"):
        return "run the same command again, which tries the failed units once more"
    return "; ".join(step.format(run=folder) for step in NEXT.get(verb, ("raycre export {run} --tsv",)))


def _trained(record: Mapping[str, Any]) -> str:
    folds = record.get("folds_done")
    words = [] if folds is None else [f"{len(folds)} {'fold' if len(folds) == 1 else 'folds'}"]
    for metric, value in (record.get("metrics") or {}).items():
        if metric in ("auroc", "auprc"):
            words.append(f"{metric} {value['mean']:.3f} ± {value['sd']:.3f}")
    return ", ".join(words)


def _called(record: Mapping[str, Any]) -> str:
    calls = {name: n for name, n in (record.get("calls") or {}).items() if n is not None}
    words = [f"{n:,} {name}" for name, n in calls.items()]
    if record.get("not_called"):
        words.append(f"{record['not_called']:,} without a call")
    return ", ".join(words)


def _perturbed(record: Mapping[str, Any]) -> str:
    named = ((name, record.get(f"{name}s")) for name in ("gene", "effect"))
    words = [f"{n:,} {name}{'s' * (n != 1)}" for name, n in named if isinstance(n, int)]
    if record.get("refused"):
        n = len(record["refused"])
        words.append(f"{n:,} gene{'s' * (n != 1)} refused")
    if record.get("trained") is False:
        words.append("RANDOM WEIGHTS, which mean nothing")
    return ", ".join(words)


_FOUND: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "train": _trained,
    "sweep": lambda record: (
        f"{record['runs']:,} settings, {record['folds_done']:,} of {record['folds']:,} folds"
        if "runs" in record
        else ""
    ),
    "predict": _called,
    "creme": _perturbed,
    "prepare": lambda record: f"{len(record.get('files', [])):,} files",
    "annotate": lambda record: f"{record['result']['regions']:,} regions" if "result" in record else "",
}
