"""Everything that can be killed is killed at seeded moments, on a cluster: runs go on, or say why they ended.

After each kill the run goes on, or its driver ends with one line, in bounded time; readers find whole files
of an unfinished run; and whoever finishes it leaves the calm run's bytes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.fault.drivers import same_bytes
from tests.fault.lab import JOBS, Lab, check_readable, wait_further

pytestmark = pytest.mark.chaos

SEED = os.environ.get("RAYCRE_CHAOS_SEED", "13")
LOG = os.environ.get("RAYCRE_CHAOS_LOG")  # a file that gets a line of JSON a kill
KINDS = (
    "worker", "worker", "node, replaced", "node, lost", "node, lost", "node that holds most", "driver",
    "driver", "head",
)  # fmt: skip
UNITS = (1, 3)  # between kills
LOST_FOR = 2  # units that are done before a node comes in place of a lost one
ALL = 10**6  # to the end


@pytest.mark.parametrize("verb", list(JOBS))
def test_a_run_outlives_whatever_is_killed_and_ends_with_the_same_bytes(
    long_values: Callable[[str, Path], Any], calm: Callable[[str], Path], tmp_path: Path, verb: str
) -> None:
    job, random = JOBS[verb], Random(f"{SEED} {verb}")
    left = random.sample(KINDS, len(KINDS))
    expected, runs = calm(verb), 0
    with Lab(job, tmp_path) as lab:
        while left:
            runs += 1
            out = tmp_path / f"run-{runs}"
            values = long_values(verb, out) | {"resources": job.resources}
            finished = partial(job.finished, out)
            lab.drive(values)
            while not (lab.ended and lab.driver.returncode == 0):
                before = finished()
                units = random.randint(*UNITS) if left else ALL
                if wait_further(lab, finished, units):
                    kind, at, began = left.pop(), finished(), time.monotonic()
                    came = strike(lab, kind, values, finished)
                    note(verb, kind, came, at, time.monotonic() - began)
                elif lab.driver.returncode:
                    note(verb, "none", lab.resume(values), before, 0)
                check_readable(out)
                assert finished() >= before  # what is done stays
            same_bytes(out, expected, *job.results)


def strike(lab: Lab, kind: str, values: dict[str, Any], finished: Callable[[], int]) -> str:
    """Kill, and wait for what comes of it; say that."""
    cpus, came = 0, "went on"
    if kind == "worker":
        came = lab.kill_worker()
    elif kind == "driver":
        lab.end_driver()
        check_readable(Path(values["run"]["out"]))
        lab.drive(values)
        came = "the same command went on"
    elif kind == "head":
        lab.kill_head()
        if lab.driver.returncode:
            came = lab.resume(values)
    else:
        cpus = lab.kill_node(most=kind.endswith("most"))
        if kind == "node, replaced":
            lab.add_node(cpus)
    if not wait_further(lab, finished, LOST_FOR):
        came += f"; {lab.resume(values) if lab.driver.returncode else 'was over soon after'}"
    if cpus and kind != "node, replaced":
        lab.add_node(cpus)
    return came


def note(verb: str, kind: str, came: str, units: int, seconds: float) -> None:
    """Keep word of a kill: after how many units, what came of it, and seconds until more were done."""
    line = json.dumps(
        {"verb": verb, "kind": kind, "units": units, "came": came, "seconds": round(seconds, 1)}
    )
    print(line)
    if LOG:
        with Path(LOG).open("a") as file:
            file.write(line + "\n")
