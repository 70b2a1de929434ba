"""Many jobs in one Ray Train run: groups of workers take one after another.

Starting Ray Train costs 15-25 s on two cores, so it is paid once: a group that is done with a job takes the
next one that nobody has. `report()` is a barrier over a run's workers, so no job uses it; a job's state is
its own files. Ray Train starts all workers anew when one is lost and when their number changes; what that
costs a job is what it has not yet written.
"""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import ray
import ray.train
import torch.distributed as dist
from ray.exceptions import RayError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycre.engine.capacity import fit_now
from raycre.engine.cluster import connected, one_line
from raycre.engine.jobs import JobQueue, Work, work_through
from raycre.engine.resources import Share
from raycre.engine.train_watch import TrainWatch
from raycre.engine.worker import end_with_head, tell_like
from raycre.errors import RaycreError
from raycre.log import log_state
from raycre.store.bucket import arrow_filesystem
from raycre.store.bucket_path import BucketPath
from raycre.store.old_run import RAY_FOLDERS
from raycre.store.passes import remove_folder

RAY_FOLDER = RAY_FOLDERS.split("/")[0]  # Ray Train's own; nothing of it is kept
RESIZE_EVERY = 60.0  # seconds between two looks whether there is room for more workers
ASK_EVERY = 0.2
ADVICE = " Some common causes include"  # what Ray adds to the loss of any worker

Job = TypeVar("Job")


class _Trainer(TorchTrainer):
    """Ray's trainer, which leaves Ctrl-C to the program: its own handler waits, and then exits with 1."""

    def _register_sigint_handler(self, controller: Any) -> None:
        pass


@dataclass
class _Scaling(ray.train.ScalingConfig):
    """How many workers there should be, which Ray Train asks anew at each of its decisions.

    Its own answer to nodes that come is a restart of all workers, whether or not there is work for more. This
    one is never more than whole groups of them, of which the nodes that live hold each, have jobs for.

    Attributes:
        queue: actor, a `JobQueue`.
        group: what a group of workers takes.
        size: workers of a group.
    """

    queue: Any = None
    group: Share = Share()  # noqa: RUF009 - frozen
    size: int = 1

    @property
    def max_workers(self) -> int:
        """Workers at most.

        Raises:
            RaycreError: the run is to end; it ends Ray Train, whatever that is at.
        """
        _pause()
        by_train = ray.get_runtime_context().get_actor_id() is not None  # and not by the driver
        wanted: int = ray.get(self.queue.workers.remote(by_train))
        return max(self.size, min(wanted, fit_now(self.group) * self.size))


_asked = 0.0


def _pause() -> None:
    """Wait a moment if Ray Train has just asked: while it waits for nodes it would do nothing else."""
    global _asked
    if time.monotonic() - _asked < ASK_EVERY:
        time.sleep(ASK_EVERY)
    _asked = time.monotonic()


class _Callback(ray.train.UserCallback):
    """Tells the queue which workers were lost, and why."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Called by Ray Train with what became of workers, by rank."""
        causes = [getattr(e, "health_check_failure", e) for e in worker_exceptions.values()]
        preempted = any(getattr(cause, "preempted", False) for cause in causes)
        why = "; ".join(sorted({one_line(cause).partition(ADVICE)[0] for cause in causes}))
        ray.get(self._queue.lost.remote(sorted(worker_exceptions), why, preempted))


def run_jobs(work: Work[Job], share: Share, out: Path) -> None:
    """Do all jobs by as many groups of workers as fit, or come to fit while jobs wait.

    Args:
        work: the jobs, and how they are done.
        share: of a worker; `most` and `least` are of groups.
        out: folder that Ray Train may use while it runs.

    Raises:
        RaycreError: not even one group fits or came, or no worker got as far as a job.
    """
    with connected():
        group = share.times(work.size)
        queue = (
            ray.remote(num_cpus=0)(JobQueue)
            .options(scheduling_strategy=_here())
            .remote(len(work.jobs), work.size)
        )
        watch = TrainWatch(work, share, queue)
        watch.gather()
        most = len(work.jobs) if share.most is None else min(share.most, len(work.jobs))
        elastic: dict[str, Any] = {  # Ray's own types name neither
            "num_workers": (work.size, most * work.size),
            "elastic_resize_monitor_interval_s": RESIZE_EVERY,
        }
        callbacks: list[Any] = [_Callback(queue)]
        trainer = _Trainer(
            _worker,
            train_loop_config={"work": work, "queue": queue, "log": log_state()},
            torch_config=TorchConfig(backend="gloo"),  # of all workers; a group of several makes its own
            scaling_config=_Scaling(
                **elastic,
                use_gpu=share.gpus > 0,
                resources_per_worker=share.bundle(),
                queue=queue,
                group=group,
                size=work.size,
            ),
            run_config=ray.train.RunConfig(
                name=uuid.uuid4().hex,  # never an older run's: our own files say how far each job is
                **_storage(out.resolve() / RAY_FOLDER),
                failure_config=ray.train.FailureConfig(max_failures=-1),  # the watch counts
                callbacks=callbacks,
            ),
        )
        try:
            with watch:
                trainer.fit()
        except (ray.train.TrainingFailedError, RayError) as error:
            why = watch.problem or one_line(error)
            raise RaycreError(
                f"training stopped: {why}; finished epochs are kept, run again to go on"
            ) from error
    for folder in out.glob(RAY_FOLDERS):  # of earlier tries that were cut off, too
        remove_folder(folder)
    with suppress(OSError):  # a person's own files are there
        (out / RAY_FOLDER).rmdir()


def _storage(folder: Path) -> dict[str, Any]:
    """Where Ray Train keeps its own state, as its configuration takes it."""
    if not isinstance(folder, BucketPath):
        return {"storage_path": str(folder)}
    filesystem, path = arrow_filesystem(folder.place)
    return {"storage_path": path, "storage_filesystem": filesystem}


def _worker(given: dict[str, Any]) -> None:
    """Do the jobs that the group of this worker gets; workers beyond the last whole group do none."""
    work, queue = given["work"], given["queue"]
    end_with_head()
    tell_like(given["log"])
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    group = work.join(work.size, work.nccl)
    if rank == 0:
        work.begin([work.jobs[n] for n in ray.get(queue.begin.remote(workers))])
    if workers > 1:
        dist.barrier()
    number = rank // work.size
    if number < workers // work.size:
        work_through(
            work.jobs,
            lambda: group.broadcast(lambda: ray.get(queue.next.remote(number))),
            lambda job: work.do(job, group),
        )
    ray.train.report({})


def _here() -> NodeAffinitySchedulingStrategy:
    """The driver's own node, which does not come and go as spot nodes do."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
