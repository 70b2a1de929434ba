"""Many folds in one Ray Train run: groups of workers walk through them. Knows nothing of what a run is for.

Starting Ray Train costs 15-25 s on two cores, so it is paid once: a group that is done with a fold takes the
next one that nobody has. `report()` is a barrier over a run's workers, so no fold uses it; a fold's state is
its own files.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch.distributed as dist
from ray.exceptions import RayError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raycre.config import TrainConfig
from raycre.config.models import TrainResources
from raycre.engine.checkpoints import CUTOFFS, fold_folder
from raycre.engine.cluster import connected, replicas
from raycre.engine.folds import PROGRESS, train_fold
from raycre.engine.groups import PeerFailedError, Team, join_team
from raycre.engine.materialise import open_inputs
from raycre.engine.progress import FoldRow, watched
from raycre.errors import RaycreError
from raycre.genome.fingerprint import Fingerprint, check_unchanged
from raycre.store.files import read_json, stamped, write_json
from raycre.store.old_run import RAY_FOLDERS

RAY_FOLDER = RAY_FOLDERS.split("/")[0]  # Ray Train's own; nothing of it is kept
TROUBLE = "error.json"  # why a fold could not be trained
MAX_FAILURES = 3  # lost workers that Ray Train replaces before it gives up


@dataclass(frozen=True)
class Job:
    """One fold of one run.

    Attributes:
        config: of the run; its `run.out` is absolute and holds the inputs.
        fold: to train.
        metadata: of the run's Parquet files.
        label: the run's name for the person, empty where there is but one.
        init: fingerprint of the weights to start from.
    """

    config: TrainConfig
    fold: int
    metadata: dict[str, str]
    label: str = ""
    init: Fingerprint | None = None

    @property
    def folder(self) -> Path:
        """Where the fold's files are."""
        return fold_folder(self.config.run.out, self.fold)


class _Trainer(TorchTrainer):
    """Ray's trainer, which leaves Ctrl-C to the program: its own handler waits, and then exits with 1."""

    def _register_sigint_handler(self, controller: Any) -> None:
        pass


class Turns:
    """Which job is next, for all groups of workers: an actor."""

    def __init__(self) -> None:
        self._next = 0

    def restart(self) -> None:
        """Begin with the first again: all workers are new."""
        self._next = 0

    def take(self) -> int:
        """Return a number that no other group has got; one past the last job says that there is none left."""
        self._next += 1
        return self._next - 1


def train_jobs(jobs: Sequence[Job], resources: TrainResources, out: Path) -> None:
    """Train folds by as many groups of workers as fit; one that cannot be trained leaves `TROUBLE` behind.

    Args:
        jobs: all of the same resources.
        resources: of a worker, and how many share a fold.
        out: folder that Ray Train may use while it runs.

    Raises:
        RaycreError: workers were lost too often, or not even one group fits.
    """
    if not jobs:
        return
    forget_trouble(jobs)
    size, cpus, gpus = resources.workers_per_fold, resources.cpus_per_worker, resources.gpus_per_worker
    what = f"{len(jobs)} folds"
    with connected(), watched(what, lambda: [_row(job) for job in jobs]):
        order = {
            "jobs": list(jobs),
            "size": size,
            "nccl": gpus >= 1,  # NCCL refuses two workers on one GPU
            "turns": ray.remote(num_cpus=0)(Turns).options(scheduling_strategy=_here()).remote(),
        }
        groups = replicas(resources.folds_at_once, cpus=size * cpus, gpus=size * gpus, most=len(jobs))
        trainer = _Trainer(
            _worker,
            train_loop_config=order,
            torch_config=TorchConfig(backend="gloo"),  # of all workers; a group of several makes its own
            scaling_config=ray.train.ScalingConfig(
                num_workers=groups * size,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": cpus, **({"GPU": gpus} if gpus else {})},
            ),
            run_config=ray.train.RunConfig(
                name=uuid.uuid4().hex,  # never an older run's: our own files say how far each fold is
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


def _worker(order: dict[str, Any]) -> None:
    """Train the jobs that the group of this worker gets."""
    jobs, turns = order["jobs"], order["turns"]
    team = join_team(order["size"], nccl=order["nccl"])
    if ray.train.get_context().get_world_rank() == 0:
        forget_trouble(jobs)  # of a try that a lost worker ended: all is tried again
        ray.get(turns.restart.remote())
    if ray.train.get_context().get_world_size() > 1:
        dist.barrier()
    walk(jobs, lambda: team.told(lambda: ray.get(turns.take.remote())), lambda job: _train(job, team))
    ray.train.report({})


def _here() -> NodeAffinitySchedulingStrategy:
    """The driver's own node, which does not come and go as spot nodes do."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def walk(jobs: Sequence[Job], take: Callable[[], int], train: Callable[[Job], None]) -> None:
    """Train one job after another, as they are handed out."""
    while (number := take()) < len(jobs):
        train(jobs[number])


def forget_trouble(jobs: Sequence[Job]) -> None:
    """Remove what earlier tries said."""
    for job in jobs:
        (job.folder / TROUBLE).unlink(missing_ok=True)


def _train(job: Job, team: Team) -> None:
    """Train one fold; one that cannot be trained stops no other."""
    trouble = job.folder / TROUBLE
    try:
        check_unchanged([] if job.init is None else [job.init])
        train_fold(job.config, job.fold, open_inputs(job.config.run.out / "inputs"), job.metadata, team=team)
    except PeerFailedError:
        return
    except Exception as error:
        # Not raised: Ray Train would start all workers anew, three times, for what happens again.
        try:
            write_json(trouble, stamped({"error": f"{type(error).__name__}: {error}"}, job.metadata))
        finally:
            team.fail()
        return
    if team.rank == 0:
        trouble.unlink(missing_ok=True)  # of a try that a lost worker spoilt


def _row(job: Job) -> FoldRow:
    """How far a fold is, from its files."""
    epochs, folder = job.config.recipe.epochs, job.folder
    seen = read_json(folder / PROGRESS) if (folder / PROGRESS).is_file() else {}
    state = "waiting"
    if (folder / CUTOFFS).is_file():
        state = "done"
    elif (folder / TROUBLE).is_file():
        state = "failed"
    elif seen:
        state = "evaluating" if seen["stop"] else "training"
    numbers = (seen.get(name) for name in ("loss", "auprc", "best", "seconds"))
    return FoldRow(job.label, job.fold, state, seen.get("epochs", 0), epochs, *numbers)
