"""Where a run finds its processors: a local Ray that starts and ends with it, or a cluster that is there."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from raycre.errors import RaycreError

# Quiet and private by default; a user's own setting wins.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    # Ray's own C++ log would greet every run with an error about actor arguments that is none.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@contextmanager
def connected() -> Iterator[None]:
    """Use the Ray that is there (already connected, or `RAY_ADDRESS`), else start one for the run's time."""
    if ray.is_initialized():
        yield
        return
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    address = os.environ.get("RAY_ADDRESS", "local")
    local = address == "local"
    own: dict[str, Any] = {"include_dashboard": False, "num_cpus": os.cpu_count()} if local else {}
    with _own_sigterm():
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the program's handler of SIGTERM, where it has one: Ray sets its own when it starts."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


def replicas(wanted: int | str, *, cpus: float, gpus: float, most: int) -> int:
    """Return how many replicas to start: `wanted`, or as many as the cluster holds, never more than `most`.

    Raises:
        RaycreError: not even one fits; what the cluster has is known only once a run has begun.
    """
    total = ray.cluster_resources()
    fit = int(total.get("CPU", 0) // cpus)
    if gpus:
        fit = min(fit, int(total.get("GPU", 0) // gpus))
    if fit < 1:
        raise RaycreError(
            f"no replica fits: each asks for {cpus:g} CPU and {gpus:g} GPU, the cluster has "
            f"{total.get('CPU', 0):g} CPU and {total.get('GPU', 0):g} GPU; lower resources.*"
        )
    return max(1, min(most, fit if wanted == "auto" else int(wanted)))
