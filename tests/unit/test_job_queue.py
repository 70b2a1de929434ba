"""Which group of workers gets which fold, and what the live table says of one that is tried again."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from raycre.engine.train_workers import JobQueue, work_through
from raycre.store.files import write_json
from raycre.workflows.train import workers
from raycre.workflows.train.workers import ERROR_FILE, Job, forget_errors
from tests.conftest import train_values
from tests.processes import PATIENCE
from tests.trainings import plan_from


@pytest.fixture
def jobs(genome: DemoGenome, tmp_path: Path) -> list[Job]:
    plan = plan_from(train_values(genome, tmp_path))
    return [Job(plan, fold, {}) for fold in range(4)]


def test_a_group_that_is_done_takes_the_next_fold_while_another_is_still_at_its_first(
    jobs: list[Job],
) -> None:
    queue, lock = JobQueue(), threading.Lock()
    others_done = threading.Event()
    trained: dict[str, list[int]] = {"a": [], "b": []}

    def take() -> int:
        with lock:  # an actor takes one call at a time
            return queue.next()

    def group(name: str) -> None:
        def train(job: Job) -> None:
            trained[name].append(job.fold)
            if job.fold == 0:
                assert others_done.wait(PATIENCE), "fold 2 or 3 waits for fold 0"
            elif job.fold == 3:
                others_done.set()

        work_through(jobs, take, train)

    groups = [threading.Thread(target=group, args=(name,)) for name in trained]
    for thread in groups:
        thread.start()
    for thread in groups:
        thread.join(PATIENCE)
    assert sorted(trained.values()) == [[0], [1, 2, 3]]


def test_after_a_restart_every_fold_is_handed_out_again() -> None:
    queue = JobQueue()
    assert [queue.next() for _ in range(3)] == [0, 1, 2]
    queue.restart()
    assert queue.next() == 0


def test_a_fold_that_is_tried_again_is_not_said_to_have_failed(jobs: list[Job]) -> None:
    write_json(jobs[1].folder / ERROR_FILE, {"error": "RuntimeError: connection closed by peer"})
    assert [workers._row(job).state for job in jobs] == ["waiting", "failed", "waiting", "waiting"]
    forget_errors(jobs)
    assert {workers._row(job).state for job in jobs} == {"waiting"}
