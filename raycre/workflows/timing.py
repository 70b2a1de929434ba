"""What a piece of work costs, measured here in processor time, and how long a run of many will take."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from torch.utils.flop_counter import FlopCounterMode

from raycre.engine.local_ray import usable_cpus

REPEATS = 5
ENOUGH = 2.0  # seconds of processor time after which no further repeat is begun
# Seconds of processor time, on two cores: a local Ray until it takes work; Ray Train or
# Ray Data on top of it; a replica until it has imported what it needs.
RAY_START, TRAIN_START, DATA_START, REPLICA_START = 6.0, 15.0, 5.0, 5.0


class Timed(NamedTuple):
    """Of one piece of work: seconds of processor time, of all threads, and FLOPs.

    FLOPs are those of matrix products and convolutions.
    """

    cpu_seconds: float
    flops: int

    def beyond(self, other: Timed) -> Timed:
        """What it costs more than another, never less than nothing."""
        return Timed(max(0.0, self.cpu_seconds - other.cpu_seconds), max(0, self.flops - other.flops))


def timed(work: Callable[[], object]) -> Timed:
    """Do a piece of work a few times; return its median processor time, warm, and its FLOPs.

    The first time is not taken: there FLOPs are counted, which by itself takes a second, and caches and
    kernels are set up. Processor time, and not the time on a clock, is what the work needs itself, however
    busy the machine is.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH:
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return Timed(median(seconds), counter.get_total_flops())


def outlook(
    cpu_seconds: float,
    *,
    units: int,
    asked: int | None,
    cpus: int,
    gpus: float = 0,
    started: float,
    framework: float = 0.0,
    load: float = 0.0,
    memory: int = 0,
) -> dict[str, Any]:
    """Say how long work takes on as many replicas as are asked for, on cores as fast as these.

    A replica's threads are taken to share its work evenly. A run that has nothing to do starts no Ray.

    Args:
        cpu_seconds: of the work alone, over all replicas.
        units: pieces that the work comes in; more replicas than that have nothing to do.
        asked: number of replicas at most; None for as many as the cores here hold.
        cpus: of a replica.
        gpus: of a replica; the measure is of processors all the same.
        started: `time.process_time()` when the verb began: what it read and loaded since, a run does too.
        framework: processor time of what is started on top of Ray.
        load: processor time in which a replica loads its model.
        memory: bytes that a replica asks for; 0 for none.

    Returns:
        cpu_seconds, startup_seconds, replicas, wall_seconds_estimated, what the estimate is of,
        memory_per_replica_gib where one asks for some, and peak_memory_gib: the most that this process, which
        has done what a replica does, has held.
    """
    fit = max(1, usable_cpus() // cpus)
    replicas = max(1, min(units, fit if asked is None else asked))
    startup = time.process_time() - started
    if units:
        # Replicas start side by side as far as there are cores.
        startup += RAY_START + framework + (REPLICA_START + load) * max(1.0, replicas / usable_cpus())
    rounds = (
        -(-units // replicas) * replicas / units if units else 0.0
    )  # the last round may not fill them all
    wall = startup + cpu_seconds * rounds / (replicas * cpus)
    return {
        "cpu_seconds": round(cpu_seconds, 1),
        "startup_seconds": round(startup, 1),
        "replicas": replicas if units else 0,
        "wall_seconds_estimated": round(wall, 1),
        "measured_on": "processors here; not on the GPUs asked for" if gpus else "processors here",
        **({"memory_per_replica_gib": round(memory / 2**30, 2)} if memory else {}),
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
    }


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # elsewhere in KiB
