"""Which group of workers gets which fold, how many groups there are, and what lost workers cost a fold."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from raycre.demo.genome import DemoGenome
from raycre.engine.jobs import LOSSES, JobQueue, Losses, Work, work_through
from raycre.errors import RaycreError
from raycre.store.files import read_json, write_json
from raycre.workflows.train import workers
from raycre.workflows.train.fold import PROGRESS
from raycre.workflows.train.groups import Team
from raycre.workflows.train.workers import ERROR_FILE, Job, epochs_done, forget_errors, give_up
from tests.conftest import train_values
from tests.processes import PATIENCE
from tests.trainings import plan_from

SEEN = ("loss", "auprc", "best", "seconds")


@pytest.fixture
def jobs(genome: DemoGenome, tmp_path: Path) -> list[Job]:
    plan = plan_from(train_values(genome, tmp_path))
    return [Job(plan, fold, {}) for fold in range(4)]


def test_a_group_that_is_done_takes_the_next_fold_while_another_is_still_at_its_first(
    jobs: list[Job],
) -> None:
    queue, lock = JobQueue(4), threading.Lock()
    others_done = threading.Event()
    trained: dict[str, list[int]] = {"a": [], "b": []}

    def group(name: str) -> None:
        def take() -> int:
            with lock:  # an actor takes one call at a time
                return queue.next("ab".index(name))

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


def begun(n: int, workers: int, size: int = 1) -> JobQueue:
    """A queue of n jobs whose groups are all at one."""
    queue = JobQueue(n, size)
    assert queue.begin(workers) == list(range(n))
    for group in range(workers // size):
        queue.next(group)
    queue.aim(n, True)
    return queue


def test_after_a_restart_folds_that_are_not_over_are_handed_out_again() -> None:
    queue = begun(4, 2)
    assert queue.next(0) == 2  # 0 is over
    queue.lost([1], "killed")
    assert queue.begin(3) == [1, 2, 3]
    assert [queue.next(group) for group in range(4)] == [1, 2, 3, 4]


def test_more_workers_are_wanted_only_while_folds_wait() -> None:
    queue = begun(4, 2)
    assert queue.workers() == 4
    queue.aim(4, False)  # the folds have lost an epoch to more workers, and not made it up
    assert queue.workers() == 2
    queue.aim(3, True)
    assert queue.workers() == 3
    assert (queue.next(0), queue.next(1)) == (2, 3)
    assert queue.workers() == 2  # both that are left run
    assert queue.next(0) == 4
    assert queue.workers() == 2  # a restart for fewer would cost the last one its epoch
    queue.lost([1], "node died")
    assert queue.workers() == 1


def test_with_two_workers_a_fold_their_number_is_even() -> None:
    queue = begun(3, 2, size=2)
    assert queue.workers() == 6
    queue.aim(2, True)
    assert queue.workers() == 4
    queue.lost([0, 1], "node died")
    assert queue.state().losses[0].jobs == (0,)
    queue.aim(0, True)
    assert queue.workers() == 2


def test_a_run_that_is_to_end_says_so_where_ray_train_asks_for_workers() -> None:
    queue = begun(2, 1)
    queue.stop("no node came")
    with pytest.raises(RaycreError, match="no node came"):
        queue.workers()


def counted(queue: JobQueue, stands: dict[int, int]) -> Losses[int]:
    """What counts losses of jobs 0, 1, … that stand where `stands` says."""
    jobs = range(len(queue.state().left))
    work = Work(jobs, lambda _: None, lambda *_: Team(), lambda *_: None, stands.__getitem__, print)
    return Losses(work)


def test_a_fold_is_given_up_at_the_third_loss_in_a_row_without_a_new_epoch() -> None:
    queue, stands = begun(2, 2), {0: 0, 1: 0}
    losses, given_up = counted(queue, stands), list[list[int]]()
    for _ in range(4):
        queue.lost([0, 1], "killed")
        given_up.append(losses.judge(queue.state())[1])
        stands[1] += 1  # which may lose as many workers as it likes
        queue.begin(2)
        assert [queue.next(0), queue.next(1)] == [0, 1]
    assert LOSSES == 3
    assert given_up == [[], [], [0], [0]]
    queue.give_up(0)
    assert queue.begin(2) == [1]


def test_a_machine_that_its_provider_takes_is_not_counted() -> None:
    queue = begun(1, 1)
    losses = counted(queue, {0: 0})
    for _ in range(5):
        queue.lost([0], "preempted", preempted=True)
        assert losses.judge(queue.state())[1] == []
        queue.begin(1)
        queue.next(0)


def test_workers_that_never_get_as_far_as_a_fold_end_the_run_with_the_reason() -> None:
    queue = JobQueue(2)
    losses = counted(queue, {})
    for _ in range(2):
        queue.lost([0], "no module named x")
        lines, given_up = losses.judge(queue.state())
        assert "no module named x" in lines[0]
        assert given_up == []
    queue.lost([0], "no module named x")
    with pytest.raises(RaycreError, match=r"3 times in a row before any job .no module named x"):
        losses.judge(queue.state())


def test_a_fold_that_is_given_up_says_why(jobs: list[Job]) -> None:
    write_json(jobs[2].folder / PROGRESS, {"epochs": 5, "stop": False} | dict.fromkeys(SEEN))
    assert [epochs_done(job) for job in jobs] == [0, 0, 5, 0]
    give_up(jobs[2], "ActorDiedError: killed by SIGKILL")
    said = read_json(jobs[2].folder / ERROR_FILE)["error"]
    assert said.startswith(
        "its workers were lost 3 times in a row without a new epoch (ActorDiedError: killed"
    )
    assert str(jobs[2]) == "fold 2"


def test_a_fold_that_is_tried_again_is_not_said_to_have_failed(jobs: list[Job]) -> None:
    write_json(jobs[1].folder / ERROR_FILE, {"error": "RuntimeError: connection closed by peer"})
    assert [workers._row(job).state for job in jobs] == ["waiting", "failed", "waiting", "waiting"]
    forget_errors(jobs)
    assert {workers._row(job).state for job in jobs} == {"waiting"}
