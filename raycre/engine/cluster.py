"""Where a run finds its processors: a local Ray that starts and ends with it, or a cluster that is there."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from traceback import walk_tb
from typing import Any

import ray
from ray.exceptions import RayError

from raycre.engine.head import Watch, answers, find_head
from raycre.engine.local_ray import local_options
from raycre.engine.metrics import measure_events
from raycre.errors import InputError, RaycreError
from raycre.log import say

_OWN_NEEDS = (
    "it needs a home and a temporary folder (HOME, RAY_TMPDIR) that can be written, and some seconds of a "
    "processor; a machine that is very busy may just need another try"
)
SHOWN = 300  # characters of an error of Ray's
STARTS = 3  # of a Ray of the run's own
TOO_SLOW = "timed out during startup"  # what Ray says when a node is not up after 30 s
# Quiet and private by default; a user's own setting wins.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    # Seconds for what Ray Train has chosen by nodes of which one is gone meanwhile; then it chooses anew.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "20",
    # Ray's own C++ log would greet every run with an error about actor arguments that is none.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


_watch: Watch | None = None  # of the block that runs; blocks within it need none of their own
_own = False  # whether the Ray that runs is one of this process's, of which nothing more is to come


@contextmanager
def connected() -> Iterator[None]:
    """Use the Ray that is there (already connected, or `RAY_ADDRESS`), else start one for the run's time.

    Raises:
        ConfigError: RAY_ADDRESS is no address, or Ray cannot start on this machine as it is.
        RaycreError: no Ray head answers, Ray does not start, or its head is lost meanwhile.
    """
    with ExitStack() as stack:
        if not ray.is_initialized():
            stack.enter_context(_started())
        if _watch is None:
            stack.enter_context(_watched())
        measure_events()
        yield


def is_own() -> bool:
    """Whether the Ray in use was started by this run on this machine, so that no node will join it."""
    return _own


def check_cluster() -> None:
    """Raise as `connected` does where no Ray can be used, before a run has read or written anything."""
    if not ray.is_initialized() and find_head() is None:
        with local_options():
            pass


@contextmanager
def _started() -> Iterator[None]:
    global _own
    address = find_head()
    if os.environ.get("RAY_ADDRESS", "").strip() == "":
        os.environ.pop("RAY_ADDRESS", None)  # Ray takes an empty one for an address
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with ExitStack() as stack:
        own = stack.enter_context(local_options()) if address is None else {}
        try:
            with _own_sigterm():
                _init(address, own)
        except Exception as error:  # Ray raises that very class when a part of it does not come up
            where = "on this machine" if address is None else f"with the head at {address}"
            remedy = _OWN_NEEDS if address is None else "see that this machine is one of the cluster"
            raise RaycreError(f"Ray does not start {where} ({one_line(error)}); {remedy}") from error
        _own = address is None
        try:
            yield
        finally:
            _own = False
            _end()


def _init(address: str | None, own: Mapping[str, Any]) -> None:
    """Connect to a head, or start a Ray; what a busy machine made too slow for Ray is tried again."""
    for attempt in range(1, STARTS + 1):
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
            return
        except Exception as error:
            if attempt == STARTS:
                raise
            if address is None and TOO_SLOW in str(error):
                _end_half_started(error)
                what = "Ray did not come up within its 30 s, this machine is busy; start"
            elif address is not None and isinstance(error, ConnectionError) and answers(address):
                ray.shutdown()
                what = f"the head at {address} answers, but Ray did not connect to it; try"
            else:
                raise
            say(f"{what} {attempt + 1} of {STARTS}")


def _end_half_started(error: Exception) -> None:
    """End the processes of a Ray that did not come up; only the error's own frames know them."""
    for frame, _ in walk_tb(error.__traceback__):
        end = getattr(frame.f_locals.get("self"), "kill_all_processes", None)
        if end is not None:
            with suppress(Exception):  # the others end with this process
                end(check_alive=False, allow_graceful=False)


@contextmanager
def _watched() -> Iterator[None]:
    """Watch the head that Ray is connected to; what its loss leads to becomes one error."""
    global _watch
    watch = _watch = Watch(_address_of_head())
    try:
        with watch:
            yield
    except InputError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if watch.lost:
            raise RaycreError(watch.message) from error
        if isinstance(error, Exception) and not answers(watch.address):
            raise RaycreError(f"{watch.message} (seen by: {one_line(error)})") from error
        if isinstance(error, RayError):
            raise RaycreError(
                f"Ray ended the run: {one_line(error)}; finished parts are whole, run again to go on"
            ) from error
        raise
    finally:
        _watch = None


def _end() -> None:
    """End the session; without its head, which that would wait for, only this machine's part of it."""
    if not ray.is_initialized() or answers(_address_of_head()):
        ray.shutdown()
        return
    node = ray._private.worker._global_node  # there is no public way
    if node is not None:
        with suppress(Exception):  # whatever is left of it ends by itself within a minute
            node.kill_all_processes(check_alive=False, allow_graceful=False)


def one_line(error: BaseException) -> str:
    """Return what an error of Ray's comes down to: its kind and its last line, which names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:SHOWN] if lines else 'no reason given'}"


def _address_of_head() -> str:
    return str(ray.get_runtime_context().gcs_address)


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the program's handler of SIGTERM, where it has one: Ray sets its own when it starts."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
