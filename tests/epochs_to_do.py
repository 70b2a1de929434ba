"""Jobs of epochs that cost nothing, some of which kill their worker: what Ray Train does is all there is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raycre.engine.jobs import Work
from raycre.workflows.train.groups import Team, join_team


@dataclass(frozen=True)
class Epochs:
    """A job.

    Attributes:
        folder: of its files: `epochs` with a line for each that is done, `tries` with one for each worker
            that began it, and `error` once it is given up.
        n: epochs. seconds: of each.
        kills: how many workers are killed, each after an epoch; -1 for all, each before its first.
    """

    folder: Path
    n: int = 3
    seconds: float = 0.0
    kills: int = 0

    def __str__(self) -> str:
        return self.folder.name

    def lines(self, name: str) -> list[str]:
        """Lines of one of its files."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def train(job: Epochs, team: Team) -> None:
    """Do the epochs that are left."""
    job.folder.mkdir(parents=True, exist_ok=True)
    if team.rank == 0:
        _add(job.folder / "tries", f"{os.getpid()} {time.time():.3f}")
    while (done := team.broadcast(lambda: progress(job))) < job.n:
        if job.kills < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(job.seconds)
        if team.rank == 0:
            _add(job.folder / "epochs", f"{done} {os.getpid()} {time.time():.3f}")
        if done < job.kills:
            os.kill(os.getpid(), signal.SIGKILL)


def _add(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


def progress(job: Epochs) -> int:
    """Return how many epochs are done."""
    return len(job.lines("epochs"))


def give_up(job: Epochs, why: str) -> None:
    """Leave word of a job."""
    (job.folder / "error").write_text(why)


def _begin(jobs: Sequence[Epochs]) -> None:
    pass


def _join(size: int, nccl: bool) -> Team:
    return join_team(size)


def work(jobs: Sequence[Epochs], size: int = 1) -> Work[Epochs]:
    """All of them, for `run_jobs`."""
    return Work(list(jobs), _begin, _join, train, progress, give_up, size)
