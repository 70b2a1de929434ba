"""The folds of one run or of many, given to groups of Ray Train's workers, and how far each of them is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from raycre.create.inference.checkpoints import CUTOFFS, fold_folder
from raycre.engine.jobs import LOSSES, Work
from raycre.engine.resources import Share
from raycre.engine.train_workers import run_jobs
from raycre.events import UNIT, emit
from raycre.genome.fingerprint import check_unchanged
from raycre.log import detail, log_unit
from raycre.store.files import read_json, stamped, write_json
from raycre.store.lease import join_epoch
from raycre.workflows.progress import FoldRow, watched
from raycre.workflows.train.fold import PROGRESS, train_fold
from raycre.workflows.train.groups import PeerFailedError, Team, join_team
from raycre.workflows.train.materialise import open_inputs
from raycre.workflows.train.plan import TrainPlan

ERROR_FILE = "error.json"  # why a fold could not be trained


@dataclass(frozen=True)
class Job:
    """One fold of one run.

    Attributes:
        plan: of the run; its folder is absolute and holds the inputs.
        fold: to train.
        metadata: of the run's Parquet files.
        label: the run's name for the person, empty where there is but one.
        epoch: of the driver's lease on the run folder; empty without one.
    """

    plan: TrainPlan
    fold: int
    metadata: dict[str, str]
    label: str = ""
    epoch: str = ""

    @property
    def folder(self) -> Path:
        """Where the fold's files are."""
        return fold_folder(self.plan.out, self.fold)

    def __str__(self) -> str:
        return f"{self.label} fold {self.fold}".strip()


TrainJobs = Callable[[Sequence[Job], Share, int, Path], None]
"""Trains folds: `train_jobs`, or what stands in for it."""


def train_jobs(jobs: Sequence[Job], share: Share, size: int, out: Path) -> None:
    """Train folds by as many groups of workers as fit; one that cannot be trained leaves `ERROR_FILE` behind.

    Args:
        jobs: all of the same resources.
        share: how many groups of workers there are, and what one worker takes.
        size: workers that share a fold.
        out: folder that Ray Train may use while it runs.

    Raises:
        RaycreError: not even one group fits or came, or no worker got as far as a fold.
    """
    if not jobs:
        return
    forget_errors(jobs)
    work = Work(
        jobs=list(jobs),
        begin=forget_errors,
        join=_join,
        do=train_job,
        progress=epochs_done,
        give_up=give_up,
        size=size,
        nccl=share.gpus >= 1,  # NCCL refuses two workers on one GPU
    )
    with watched(f"{len(jobs)} folds", lambda: [_row(job) for job in jobs]):
        run_jobs(work, share, out)


def _join(size: int, nccl: bool) -> Team:
    return join_team(size, nccl=nccl and torch.cuda.is_available())


def forget_errors(jobs: Sequence[Job]) -> None:
    """Remove what earlier tries said."""
    for job in jobs:
        (job.folder / ERROR_FILE).unlink(missing_ok=True)


def epochs_done(job: Job) -> int:
    """Return how far a fold is: its epochs, and one more when it is done."""
    row = _row(job)
    return row.epoch + (row.state == "done")


def give_up(job: Job, why: str) -> None:
    """Leave word of a fold whose workers were lost too often."""
    text = f"its workers were lost {LOSSES} times in a row without a new epoch ({why})"
    write_json(job.folder / ERROR_FILE, stamped({"error": text}, job.metadata))


def train_job(job: Job, team: Team) -> None:
    """Train one fold; one that cannot be trained stops no other."""
    started = time.perf_counter()
    with log_unit(str(job)):
        try:
            error = _train(job, team)
        except PeerFailedError:
            return
        seconds = time.perf_counter() - started
        if team.rank == 0 or error is not None:
            emit(UNIT, name=str(job), seconds=seconds, error=error)
            detail(f"{'done' if error is None else f'failed: {error}'} ({seconds:.2f} s)")


def _train(job: Job, team: Team) -> str | None:
    """Train one fold; return why it cannot be trained, which its `ERROR_FILE` says as well."""
    error_file = job.folder / ERROR_FILE
    join_epoch(job.plan.out, job.epoch)  # not an error of the fold's: nobody would see it in another folder
    try:
        check_unchanged([] if job.plan.init is None else [job.plan.init])
        train_fold(job.plan, job.fold, open_inputs(job.plan.out / "inputs"), job.metadata, team=team)
    except PeerFailedError:
        raise
    except Exception as error:
        # Not raised: Ray Train would start all workers anew, again and again, for what happens again.
        why = f"{type(error).__name__}: {error}"
        try:
            write_json(error_file, stamped({"error": why}, job.metadata))
        finally:
            team.abort()
        return why
    if team.rank == 0:
        error_file.unlink(missing_ok=True)  # of a try that a lost worker spoilt
    return None


def _row(job: Job) -> FoldRow:
    """How far a fold is, from its files."""
    epochs, folder = job.plan.recipe.epochs, job.folder
    seen = read_json(folder / PROGRESS) if (folder / PROGRESS).is_file() else {}
    state = "waiting"
    if (folder / CUTOFFS).is_file():
        state = "done"
    elif (folder / ERROR_FILE).is_file():
        state = "failed"
    elif seen:
        state = "evaluating" if seen["stop"] else "training"
    numbers = (seen.get(name) for name in ("loss", "auprc", "best", "seconds"))
    return FoldRow(job.label, job.fold, state, seen.get("epochs", 0), epochs, *numbers)
