"""A cluster of two nodes, and a run on it by a driver of its own, for tests that kill any part of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import raycre
from raycre.store.files import read_json
from raycre.workflows.status.read import read_status
from tests.autoscaling import Cluster, fixed
from tests.fault.drivers import epochs_of, n_parts
from tests.processes import alive, command, descendants, until

# A driver that takes five seconds of silence, not thirty, for the loss of the head.
QUICK = "import raycre.engine.head as h; h.LOST_AFTER = 5.0; from raycre.cli import main; main()"
NODES = (2, 1)  # CPUs of the nodes, so that one holds most


@dataclass(frozen=True)
class Job:
    """A verb: its words on the command line, the name of its workers, its share, where its units are."""

    words: tuple[str, ...]
    worker: str
    resources: dict[str, Any]
    folder: str
    results: tuple[str, ...]

    def finished(self, out: Path) -> int:
        """How many units are done: epochs, shards or units of passes."""
        return epochs_of(out) if self.folder == "folds" else n_parts(out / self.folder)


JOBS = {
    "train": Job(
        ("train",), "ray::RayTrainWorker", {"folds_at_once": 3}, "folds",
        ("folds/*/best.safetensors", "folds/*/*.parquet", "folds/*/cutoffs.json", "summary/*.parquet"),
    ),
    "predict": Job(
        ("predict",), "ray::MapWorker(Map(CrePredictor)", {"replicas": 3}, "predictions",
        ("predictions/*.parquet", "summary/*.parquet"),
    ),
    "creme": Job(
        ("creme", "config"), "ray::Replica", {"replicas": 3, "tiles_per_task": 1}, "passes",
        ("passes/*/*/*.parquet", "effects/*/*/*.parquet", "summary/*.parquet"),
    ),
}  # fmt: skip


class Lab:
    """The cluster and the driver, while the block runs.

    Args:
        job: what is run.
        folder: for logs.

    Attributes:
        driver: the newest one.
    """

    driver: subprocess.Popen[bytes]

    def __init__(self, job: Job, folder: Path) -> None:
        self._job, self._folder = job, folder
        self._stack = ExitStack()
        self.cluster: Cluster

    def __enter__(self) -> Lab:
        self._start_cluster()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "driver"):
            self.end_driver()
        self._stack.close()

    def drive(self, values: dict[str, Any]) -> None:
        """Start a driver, which goes on with what its folder holds."""
        (self._folder / "run.yaml").write_text(json.dumps(values))
        line = [sys.executable, "-c", QUICK, *self._job.words, "--config", str(self._folder / "run.yaml")]
        with (self._folder / "driver.log").open("wb") as log:
            self.driver = subprocess.Popen(
                line, stdout=log, stderr=log, env=self.cluster.environment, start_new_session=True
            )

    @property
    def said(self) -> str:
        """What the newest driver has said."""
        return (self._folder / "driver.log").read_text()

    @property
    def ended(self) -> bool:
        """Whether the newest driver has ended."""
        return self.driver.poll() is not None

    def end_driver(self) -> None:
        """kill -9 the driver."""
        with suppress(ProcessLookupError):
            os.killpg(self.driver.pid, signal.SIGKILL)
        self.driver.wait()

    def workers(self) -> dict[int, list[int]]:
        """Return the processes that do the work, by the node (its raylet) that they are on."""
        return {
            raylet: [pid for pid in descendants(raylet) if command(pid).startswith(self._job.worker)]
            for raylet in self.cluster.raylets()
        }

    def kill_worker(self) -> str:
        """kill -9 one worker, if there is one just now; say what is expected of it."""
        pids = [pid for pids in self.workers().values() for pid in pids]
        if pids:
            os.kill(pids[0], signal.SIGKILL)
        return "went on" if pids else "went on: no worker was there just then"

    def kill_node(self, *, most: bool = False) -> int:
        """kill -9 a raylet: that of the last node, or of the one that holds most workers; return its CPUs."""
        workers = self.workers()
        chosen = max(workers, key=lambda pid: len(workers[pid])) if most else sorted(workers)[-1]
        cpus = int(re.findall(r"CPU,(\d+)", command(chosen))[0])
        os.kill(chosen, signal.SIGKILL)
        until(lambda: chosen not in self.cluster.raylets(), lambda: f"{chosen} lives")
        return cpus

    def resume(self, values: dict[str, Any]) -> str:
        """Give the same command again to a run whose driver has ended by itself, and return why it did."""
        said = [line for line in self.said.splitlines() if line.startswith("error:")]
        assert self.driver.returncode, "the run is over"
        assert len(said) == 1, self.said
        check_readable(Path(values["run"]["out"]))
        self.drive(values)
        return said[0]

    def add_node(self, cpus: int) -> None:
        """Start a node."""
        self.cluster.start_node(cpus)

    def kill_head(self) -> None:
        """kill -9 the head; wait until the driver has said so, and all that worked has ended; start anew."""
        before = [pid for pids in self.workers().values() for pid in pids]
        gcs = [pid for pid in descendants(self.cluster.pid) if "gcs_server" in command(pid).split(" ")[0]]
        os.kill(gcs[0], signal.SIGKILL)
        until(lambda: self.ended, lambda: f"the driver does not end: {self.said}")
        until(lambda: not any(map(alive, before)), lambda: f"still at work: {before}")
        self._stack.close()
        self._start_cluster()

    def _start_cluster(self) -> None:
        self.cluster = self._stack.enter_context(fixed(0))
        for cpus in NODES:
            self.add_node(cpus)


def check_readable(out: Path) -> None:
    """Whatever a reader finds of a run that was cut off is whole, and says whether it is all."""
    if not (out / "run.json").is_file():
        return  # killed before it began
    if read_json(out / "run.json")["finished"]:
        units = read_status(out).units
        assert units is not None
        assert units.pending == 0
    run = raycre.open_run(out)
    for name in run.tables:
        run.table(name).arrow()


def wait_further(lab: Lab, finished: Callable[[], int], units: int) -> bool:
    """Wait until so many more units are done; False where the driver ends before."""
    target = finished() + units
    until(lambda: finished() >= target or lab.ended, lambda: f"{finished()} units; {lab.said}")
    return finished() >= target and not lab.ended
