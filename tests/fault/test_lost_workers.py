"""Training loses workers and nodes: it goes on with what is left, gives up a fold that ends each, or says so.

The folds are `tests.epochs_to_do`'s, so that nothing but what Ray Train does takes time.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raycre.engine.resources import Share
from raycre.engine.train_workers import run_jobs
from tests.autoscaling import Cluster, fixed
from tests.epochs_to_do import Epochs, work
from tests.processes import kill_tree, until

ROOM = 60.0  # seconds that a test on a busy machine adds to what the run itself may take


@pytest.mark.slow
def test_four_lost_workers_with_progress_between_end_nothing_and_three_without_end_one_fold(
    local_ray: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poison, calm = Epochs(tmp_path / "poison", kills=-1), Epochs(tmp_path / "calm")
    unlucky = Epochs(tmp_path / "unlucky", 5, kills=4)
    run_jobs(work([poison, unlucky, calm]), Share(most=2), tmp_path)
    said = capsys.readouterr().err
    assert len(unlucky.lines("tries")) == 5
    assert epochs(unlucky) == list(range(5))
    assert len(poison.lines("tries")) == 3
    assert "worker process has died" in poison.lines("error")[0]
    assert epochs(calm) == list(range(3))
    assert "poison: given up after 3 in a row" in said


@pytest.mark.slow
def test_training_grows_with_the_nodes_goes_on_with_those_left_and_ends_in_one_error_without_any(
    tmp_path: Path,
) -> None:
    jobs = [Epochs(tmp_path / f"job{i}", 25, 1.0) for i in range(3)]
    with fixed(0) as nodes:
        first = nodes.start_node()
        with driver(nodes, tmp_path, resize_every=5) as run:
            until(lambda: len(epochs(jobs[0])) >= 2, lambda: said(tmp_path))
            second = nodes.start_node()
            until(lambda: len(epochs(jobs[1])) >= 2, lambda: said(tmp_path))
            assert "2 workers in place of 1" in said(tmp_path)
            at = [len(epochs(job)) for job in jobs]
            kill_tree(first.pid)
            until(lambda: sum(len(epochs(job)) for job in jobs) >= sum(at) + 3, lambda: said(tmp_path))
            assert run.poll() is None
            kill_tree(second.pid)
            killed = time.monotonic()
            assert run.wait(timeout=150) == 1
            took = time.monotonic() - killed
        lines = said(tmp_path).splitlines()
        assert "node was terminated" in said(tmp_path)  # Ray's reason
        assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
        assert "no group of workers of 1 CPU came up" in lines[-1]
        assert took < 60 + ROOM, f"{took:.0f} s"  # resources.wait is 40 s here
        third = nodes.start_node()
        with driver(nodes, tmp_path, resize_every=60) as run:
            assert run.wait(timeout=600) == 0
        kill_tree(third.pid)
    assert [epochs(job) for job in jobs] == [list(range(25))] * 3


def epochs(job: Epochs) -> list[int]:
    """The epochs that are done, in the order of their writing."""
    return [int(line.split()[0]) for line in job.lines("epochs")]


def said(folder: Path) -> str:
    """What the driver has said."""
    return (folder / "driver.log").read_text()


@contextmanager
def driver(nodes: Cluster, folder: Path, resize_every: float) -> Iterator[subprocess.Popen[bytes]]:
    """Train the three jobs by a process of its own."""
    arguments = [str(folder), "3", "25", "1.0", "2", str(resize_every)]
    with (folder / "driver.log").open("wb") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "tests.epochs_to_do", *arguments],
            env=nodes.environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            yield run
        finally:
            kill_tree(run.pid)
