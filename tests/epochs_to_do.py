"""Jobs of epochs that cost nothing, some of which kill their worker: what Ray Train does is all there is."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raycre.engine import train_workers
from raycre.engine.jobs import Work
from raycre.engine.resources import Share
from raycre.errors import RaycreError
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


def main(folder: str, n_jobs: int, n: int, seconds: float, most: int, resize_every: float) -> None:
    """Do jobs as a driver of its own, in a folder where they may have begun before."""
    train_workers.RESIZE_EVERY = resize_every
    jobs = [Epochs(Path(folder) / f"job{i}", n, seconds) for i in range(n_jobs)]
    try:
        train_workers.run_jobs(work(jobs), Share(most=most, wait=40.0), Path(folder))
    except RaycreError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(given[0], int(given[1]), int(given[2]), float(given[3]), int(given[4]), float(given[5]))
