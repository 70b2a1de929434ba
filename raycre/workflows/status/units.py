"""Which units of a run are done, and when each of them was: from its plan and the parts in its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from raycre.errors import FormatError, MissingInputError
from raycre.store.bucket_path import BucketPath
from raycre.store.files import TEMPORARY, read_json
from raycre.store.old_run import RECORD
from raycre.store.parquet import open_parquet, read_table
from raycre.store.parts import MergedUnits, current_parts, n_units

DONE_FOLD = "cutoffs.json"  # of a fold, whose existence says that it is done


class FoldProgress(NamedTuple):
    """How far a fold of a training is. `state`: waiting, training, evaluating, done or failed.

    left: seconds at most, of a fold in training.
    """

    run: str
    fold: int
    state: str
    epoch: int
    epochs: int
    auprc: float | None = None
    left: float | None = None


@dataclass
class RunUnits:
    """Of a run.

    Attributes:
        what: they are.
        total: planned so far; None where no plan says.
        failed: names of those that failed for good when the run last ended, and that are not done since.
        at: when each that is done was written, in seconds since 1970 by the storage's clock; sorted.
        weights: of each in `at`: forward passes, or 1.
        left: weight of those that are not done.
        growing: whether later steps of the run add units.
        folds: of a training.
    """

    what: str
    total: int | None = None
    failed: tuple[str, ...] = ()
    at: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    left: float = 0.0
    growing: bool = False
    known: int = 0
    folds: tuple[FoldProgress, ...] = ()

    @property
    def done(self) -> int:
        """How many are done; `known` of them by parts of earlier runs, which have other names."""
        return len(self.at) + self.known

    @property
    def pending(self) -> int | None:
        """How many are neither done nor failed."""
        return None if self.total is None else max(0, self.total - self.done - len(self.failed))


def read_units(out: Path, record: Mapping[str, Any]) -> RunUnits | None:
    """Return how far a run is; None of a verb that works in one piece.

    Args:
        out: the run folder.
        record: its run.json.
    """
    verb = str(record["verb"])
    if verb == "predict":
        return _planned(out, "predictions", "shards")
    if verb == "creme":
        units = _planned(out, f"passes/model={record.get('model')}", "units of forward passes")
        stages = record.get("config", {}).get("tests")
        units.growing = not record.get("finished") and stages in ("pipeline", ["pipeline"])
        return units
    if verb == "annotate":
        return _annotated(out)
    if verb in ("train", "sweep"):
        return _trained(_trainings(out, verb))
    return None


def times_below(folder: Path) -> dict[str, float]:
    """Return when each file below a folder was written, by its name after the folder's; one listing."""
    if isinstance(folder, BucketPath):
        return folder.times()
    found: dict[str, float] = {}
    for top, _, names in os.walk(folder):
        with os.scandir(top) as entries:
            here = {entry.name: entry for entry in entries}
        prefix = os.path.relpath(top, folder)
        for name in names:
            if not name.startswith(TEMPORARY) and name in here:
                key = name if prefix == "." else f"{prefix}/{name}"
                try:
                    found[key] = here[name].stat().st_mtime
                except FileNotFoundError:
                    continue  # put in place, or removed, meanwhile
    return found


def _planned(out: Path, parts: str, what: str) -> RunUnits:
    """Units of plan.parquet, a part each."""
    plan = _plan(out)
    failed = _failures(out)
    if plan is None:
        return RunUnits(what, None, tuple(sorted(failed)))
    plan = plan.drop_duplicates("unit", keep="last")
    times = times_below(out / parts)
    weight = dict.fromkeys(plan["unit"], 1.0)
    if "passes" in plan:
        typical = float(plan["passes"].median()) if plan["passes"].notna().any() else 1.0
        weight = dict(
            zip(plan["unit"], plan["passes"].fillna(typical).clip(lower=1).astype(float), strict=True)
        )
    known = set(plan.loc[plan["to_do"] == 0, "unit"]) if "to_do" in plan else set()
    at = _written(times, weight)
    done = sorted((at[unit], weight[unit]) for unit in at)
    rest = [unit for unit in weight if unit not in at and unit not in known]
    return RunUnits(
        what,
        len(weight),
        tuple(sorted(failed & set(rest))),
        [at for at, _ in done],
        [each for _, each in done],
        sum(weight[unit] for unit in rest if unit not in failed),
        known=len(weight) - len(done) - len(rest),
    )


def _written(times: Mapping[str, float], units: Iterable[str]) -> dict[str, float]:
    """When the part of each unit that is done was written; of a merged part, when that was."""
    merged = MergedUnits(times)
    parts = {unit: f"{unit}.parquet" for unit in units}
    named = {unit: part if part in times else merged.part_of(unit) for unit, part in parts.items()}
    return {unit: times[part] for unit, part in named.items() if part is not None}


def _plan(out: Path) -> pd.DataFrame | None:
    try:
        plan: pd.DataFrame = read_table(out / "plan.parquet").to_pandas()
    except (MissingInputError, FormatError):  # not written yet
        return None
    return plan


def _failures(out: Path) -> set[str]:
    try:
        return set(read_table(out / "failures.parquet", ["unit"])["unit"].to_pylist())
    except (MissingInputError, FormatError):
        return set()


def _annotated(out: Path) -> RunUnits:
    """Parts of the annotations that work by parts: a row group of the regions each."""
    written = {Path(name): at for name, at in times_below(out).items()}
    parts = [p for p in written if p.match("annotate_*/part-*")]
    every = sorted(written[part] for part in current_parts(parts) for _ in range(n_units([part])))
    try:
        with open_parquet(out / "inputs" / "regions.parquet") as file:
            n = file.num_row_groups
    except (FormatError, MissingInputError):
        return RunUnits("parts", None, tuple(_failures(out)), every, [1.0] * len(every))
    total = n * len({part.parent for part in parts})
    return RunUnits(
        "parts", total, tuple(_failures(out)), every, [1.0] * len(every), float(total - len(every))
    )


def _trainings(out: Path, verb: str) -> Iterator[tuple[str, Path]]:
    if verb == "train":
        yield "", out
        return
    for path in sorted(out.glob(f"sweep/*/{RECORD}")):
        yield path.parent.name, path.parent


def _trained(runs: Iterator[tuple[str, Path]]) -> RunUnits:
    """Folds of one training or of many; a fold weighs as many epochs as it has."""
    units = RunUnits("folds", 0)
    done: list[tuple[float, float]] = []
    failed: list[str] = []
    folds: list[FoldProgress] = []
    for name, out in runs:
        plan, record = _plan(out), read_json(out / RECORD)
        if plan is None:
            continue
        times = times_below(out / "folds")
        epochs = int((record.get("recipe") or {}).get("epochs") or 0)
        units.total = (units.total or 0) + len(plan)
        for fold in plan["fold"].tolist():
            state = _fold(name, out / "folds", int(fold), epochs, times)
            folds.append(state)
            if state.state == "done":
                done.append((times[f"fold={fold}/{DONE_FOLD}"], float(max(1, epochs))))
            elif state.state == "failed":
                failed.append(f"{name} fold {fold}".strip())
            else:
                units.left += max(0, epochs - state.epoch)
    units.at, units.weights = [at for at, _ in sorted(done)], [each for _, each in sorted(done)]
    units.failed, units.folds = tuple(failed), tuple(folds)
    return units


def _fold(run: str, folder: Path, fold: int, epochs: int, times: Mapping[str, float]) -> FoldProgress:
    here = f"fold={fold}"
    seen: Mapping[str, Any] = {}
    if f"{here}/progress.json" in times:
        try:
            seen = read_json(folder / here / "progress.json")
        except (MissingInputError, FormatError):
            seen = {}
    epoch = int(seen.get("epochs") or 0)
    if f"{here}/{DONE_FOLD}" in times:
        return FoldProgress(run, fold, "done", epoch, epochs, seen.get("best"))
    if f"{here}/error.json" in times:
        return FoldProgress(run, fold, "failed", epoch, epochs, seen.get("auprc"))
    if not seen:
        return FoldProgress(run, fold, "waiting", 0, epochs)
    state, left = "training", None
    if seen.get("stop"):
        state, left = "evaluating", 0.0
    elif seen.get("seconds") is not None:
        left = float(seen["seconds"]) * max(0, epochs - epoch)
    return FoldProgress(run, fold, state, epoch, epochs, seen.get("auprc"), left)
