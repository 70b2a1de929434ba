"""Many jobs in one Ray Train run: groups of workers take one after another.

Starting Ray Train costs 15-25 s on two cores, so it is paid once: a group that is done with a job takes the
next one that nobody has. `report()` is a barrier over a run's workers, so no job uses it; a job's state is
its own files.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import ray
import ray.train
import torch.distributed as dist
from ray.exceptions import RayError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycre.engine.capacity import target, wait_for
from raycre.engine.cluster import connected
from raycre.engine.resources import Share
from raycre.engine.worker import end_with_head
from raycre.errors import RaycreError
from raycre.store.old_run import RAY_FOLDERS

RAY_FOLDER = RAY_FOLDERS.split("/")[0]  # Ray Train's own; nothing of it is kept
MAX_FAILURES = 3  # lost workers that Ray Train replaces before it gives up

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
        jobs: in the order in which they are taken.
        begin: called once at the start, and once more whenever lost workers were replaced.
        join: makes groups of a size of all workers; called by every worker.
        do: does a job in a group; what it raises ends the whole run.
        size: workers of a group.
        nccl: tensors of a group travel between GPUs.
    """

    jobs: Sequence[Job]
    begin: Callable[[Sequence[Job]], object]
    join: Callable[[int, bool], WorkerGroup]
    do: Callable[[Job, Any], object]
    size: int = 1
    nccl: bool = False


class _Trainer(TorchTrainer):
    """Ray's trainer, which leaves Ctrl-C to the program: its own handler waits, and then exits with 1."""

    def _register_sigint_handler(self, controller: Any) -> None:
        pass


class JobQueue:
    """Which job is next, for all groups of workers: an actor."""

    def __init__(self) -> None:
        self._number = 0

    def restart(self) -> None:
        """Begin with the first again: all workers are new."""
        self._number = 0

    def next(self) -> int:
        """Return a number that no other group has got; one past the last job says that there is none left."""
        self._number += 1
        return self._number - 1


def run_jobs(work: Work[Job], share: Share, out: Path) -> None:
    """Do all jobs by as many groups of workers as fit.

    Args:
        work: the jobs, and how they are done.
        share: of a worker; `most` and `least` are of groups.
        out: folder that Ray Train may use while it runs.

    Raises:
        RaycreError: workers were lost too often, or not even one group fits.
    """
    with connected():
        queue = ray.remote(num_cpus=0)(JobQueue).options(scheduling_strategy=_here()).remote()
        wait_for(share.times(work.size), "group of workers")
        groups = target(share.times(work.size), len(work.jobs))
        trainer = _Trainer(
            _worker,
            train_loop_config={"work": work, "queue": queue},
            torch_config=TorchConfig(backend="gloo"),  # of all workers; a group of several makes its own
            scaling_config=ray.train.ScalingConfig(
                num_workers=groups * work.size,
                use_gpu=share.gpus > 0,
                resources_per_worker={"CPU": share.cpus, **({"GPU": share.gpus} if share.gpus else {})},
            ),
            run_config=ray.train.RunConfig(
                name=uuid.uuid4().hex,  # never an older run's: our own files say how far each job is
                storage_path=str(out.resolve() / RAY_FOLDER),
                failure_config=ray.train.FailureConfig(max_failures=MAX_FAILURES),
            ),
        )
        try:
            trainer.fit()
        except (ray.train.TrainingFailedError, RayError) as error:
            raise RaycreError(
                f"training stopped: {error}; finished epochs are kept, run again to go on"
            ) from error
    for folder in out.glob(RAY_FOLDERS):  # of earlier tries that were cut off, too
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # a person's own files are there
        (out / RAY_FOLDER).rmdir()


def _worker(given: dict[str, Any]) -> None:
    """Do the jobs that the group of this worker gets."""
    work, queue = given["work"], given["queue"]
    end_with_head()
    group = work.join(work.size, work.nccl)
    if ray.train.get_context().get_world_rank() == 0:
        work.begin(work.jobs)  # of a try that a lost worker ended: all is tried again
        ray.get(queue.restart.remote())
    if ray.train.get_context().get_world_size() > 1:
        dist.barrier()
    work_through(
        work.jobs,
        lambda: group.broadcast(lambda: ray.get(queue.next.remote())),
        lambda job: work.do(job, group),
    )
    ray.train.report({})


def work_through(jobs: Sequence[Job], take: Callable[[], int], do: Callable[[Job], object]) -> None:
    """Do one job after another, as they are handed out."""
    while (number := take()) < len(jobs):
        do(jobs[number])


def _here() -> NodeAffinitySchedulingStrategy:
    """The driver's own node, which does not come and go as spot nodes do."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
