"""Jobs that groups of workers take one after another, and what becomes of those whose workers are lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from raycre.errors import RaycreError

GROUP = "group of workers"  # in messages
LOSSES = 3  # lost workers in a row, with nothing new of a job between them, until the job is given up

T = TypeVar("T")
Job = TypeVar("Job")


class WorkerGroup(Protocol):
    """The workers that do one job together, as one of them sees it."""

    def broadcast(self, make: Callable[[], T]) -> T:
        """Return what `make` gives on the first worker to all of them."""
        ...


@dataclass(frozen=True)
class Work(Generic[Job]):
    """What the workers do; it travels to each of them.

    Attributes:
        jobs: in the order in which they are taken; `str` names one.
        begin: called with the jobs that are not over when all workers are new: at the start, after a loss,
            and when their number changes.
        join: makes groups of a size of all workers; called by every worker.
        do: does a job in a group, from where it stands; what it raises counts as the loss of its workers.
        progress: how far a job is, by its files; it grows. Called by the driver.
        give_up: leaves word of a job that lost its workers too often. Called by the driver.
        size: workers of a group.
        nccl: tensors of a group travel between GPUs.
    """

    jobs: Sequence[Job]
    begin: Callable[[Sequence[Job]], object]
    join: Callable[[int, bool], WorkerGroup]
    do: Callable[[Job, Any], object]
    progress: Callable[[Job], int]
    give_up: Callable[[Job, str], object]
    size: int = 1
    nccl: bool = False


@dataclass(frozen=True)
class Loss:
    """Workers that were lost together.

    Attributes:
        jobs: what their groups were at, by number; empty between jobs.
        why: in Ray's words.
        preempted: the provider took the machine.
        idle: no group at all was at a job.
    """

    jobs: tuple[int, ...]
    why: str
    preempted: bool = False
    idle: bool = False


@dataclass(frozen=True)
class State:
    """How the jobs stand.

    Attributes:
        starts: how often all workers were new.
        workers: how many there are; 0 while none have come up since the start or the last loss.
        doing: jobs that groups are at.
        left: jobs that are not over, those that groups are at among them.
        losses: all so far.
        asked: Ray Train has asked how many workers there should be.
    """

    starts: int
    workers: int
    doing: frozenset[int]
    left: frozenset[int]
    losses: tuple[Loss, ...]
    asked: bool

    @property
    def waiting(self) -> bool:
        """Whether a job waits for workers."""
        return self.left > self.doing


class JobQueue:
    """Which job is next, for all groups of workers: an actor.

    Args:
        n: jobs, numbered from 0.
        size: workers of a group.
    """

    def __init__(self, n: int, size: int = 1) -> None:
        self._n, self._size = n, size
        self._left = list(range(n))
        self._doing: dict[int, int] = {}
        self._starts = self._workers = 0
        self._losses: list[Loss] = []
        self._groups, self._may_change = 1, True
        self._stopped = ""
        self._asked = False

    def begin(self, workers: int) -> list[int]:
        """All workers are new; return the jobs that are not over."""
        self._starts, self._workers, self._doing = self._starts + 1, workers, {}
        return list(self._left)

    def next(self, group: int = 0) -> int:
        """Return what a group is to do, which is done with what it did; one past the last job: nothing."""
        if group in self._doing:
            self._drop(self._doing.pop(group))
        taken = set(self._doing.values())
        number = next((n for n in self._left if n not in taken), self._n)
        if number < self._n:
            self._doing[group] = number
        return number

    def lost(self, ranks: Sequence[int], why: str, preempted: bool = False) -> None:
        """Take note that workers were lost; all the others are ended, and new ones begin."""
        groups = sorted({rank // self._size for rank in ranks})
        jobs = tuple(self._doing[group] for group in groups if group in self._doing)
        self._losses.append(Loss(jobs, why, preempted, idle=not self._doing))
        self._workers, self._doing = 0, {}

    def give_up(self, number: int) -> None:
        """Hand a job out no more."""
        self._drop(number)

    def aim(self, groups: int, may_change: bool) -> None:
        """Say how many groups there may be, and whether those that work may be ended for the sake of more."""
        self._groups, self._may_change = groups, may_change

    def stop(self, why: str) -> None:
        """Let the next question about the number of workers be answered with an error."""
        self._stopped = why

    def workers(self, by_train: bool = True) -> int:
        """Return how many workers there should be: whole groups, and as many as now while no job waits.

        Raises:
            RaycreError: the run is to end.
        """
        self._asked = self._asked or by_train
        if self._stopped:
            raise RaycreError(self._stopped)
        wanted = max(1, min(self._groups, len(self._left))) * self._size
        if self._workers and not (self._may_change and self.state().waiting):
            return self._workers
        return wanted

    def state(self) -> State:
        """Return how the jobs stand."""
        return State(
            self._starts,
            self._workers,
            frozenset(self._doing.values()),
            frozenset(self._left),
            tuple(self._losses),
            self._asked,
        )

    def _drop(self, number: int) -> None:
        if number in self._left:
            self._left.remove(number)


class Losses(Generic[Job]):
    """Counts losses, each job's own: a job that goes on between them may lose any number of workers.

    Args:
        work: the jobs.
    """

    def __init__(self, work: Work[Job]) -> None:
        self._work = work
        self._seen = self._idle = 0
        self._in_a_row: dict[int, int] = {}
        self._stood: dict[int, int] = {}

    def judge(self, state: State) -> tuple[list[str], list[int]]:
        """Return what is to be said of losses that are new, and which jobs are given up for them.

        Raises:
            RaycreError: no worker gets as far as a job.
        """
        lines: list[str] = []
        given_up: list[int] = []
        for loss in state.losses[self._seen :]:
            self._idle = self._idle + 1 if loss.idle and not loss.preempted else 0
            if self._idle >= LOSSES:
                raise RaycreError(f"workers were lost {LOSSES} times in a row before any job ({loss.why})")
            for number in loss.jobs:
                if not loss.preempted:
                    self._count(number)
                if self._in_a_row.get(number, 0) >= LOSSES:
                    given_up.append(number)
            lines.append(self._line(loss, given_up))
        self._seen = len(state.losses)
        return lines, given_up

    def _count(self, number: int) -> None:
        stands = self._work.progress(self._work.jobs[number])
        before = self._stood.get(number)
        self._in_a_row[number] = 1 if before != stands else self._in_a_row[number] + 1
        self._stood[number] = stands

    def _line(self, loss: Loss, given_up: Sequence[int]) -> str:
        if not loss.jobs:
            return f"workers without a job were lost ({loss.why}); all begin anew"
        names = ", ".join(str(self._work.jobs[n]) for n in loss.jobs)
        gone = [n for n in loss.jobs if n in given_up]
        if gone:
            given = ", ".join(str(self._work.jobs[n]) for n in gone)
            return f"the worker of {names} was lost ({loss.why}); {given}: given up after {LOSSES} in a row"
        return f"the worker of {names} was lost ({loss.why}); what runs goes on from its newest epoch"


def progress_of(work: Work[Job], numbers: frozenset[int]) -> Mapping[int, int]:
    """Return how far jobs are, by number."""
    return {n: work.progress(work.jobs[n]) for n in numbers}


def work_through(jobs: Sequence[Job], take: Callable[[], int], do: Callable[[Job], object]) -> None:
    """Do one job after another, as they are handed out."""
    while (number := take()) < len(jobs):
        do(jobs[number])
