"""A process that works for a run: it hosts a replica, and ends by itself when the cluster's head is gone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import ray

from raycre.engine.head import answers
from raycre.engine.metrics import measure_events
from raycre.log import LogState, log_like
from raycre.store.files import folders_synced_at_end

ASK_EVERY = 5.0  # seconds between two questions to the head
GONE_AFTER = 20.0  # seconds without an answer; Ray itself lets its workers live on for more than a minute
LONG_CALL = 0.5  # seconds after which a call of several units ends with those that it has done


class Hosted:
    """An actor: makes a replica, and says what came of it, so that its owner can tell errors apart.

    Args:
        kind: class of the replica, made with `spec` and `fetch`.
        spec: what it must know.
        fetch: gets what the replicas share.
        log: how the driver logs.
    """

    def __init__(self, kind: type, spec: object, fetch: Callable[[], object], log: LogState) -> None:
        end_with_head()
        tell_like(log)
        self._problem: Exception | None = None
        try:
            self._replica = kind(spec, fetch)
        except Exception as error:
            self._problem = error

    def ready(self) -> Exception | None:
        """Return what went wrong when the replica was made; None once it may be called."""
        return self._problem

    def call(self, method: str, units: Sequence[object], common: object) -> list[Any]:
        """Call a method of the replica for one unit after another; return what came of each.

        Those that are left after `LONG_CALL` seconds are not begun: the list is shorter then. Folders are
        synced once a call. Until it returns nobody believes what it wrote: a power cut may take names of
        parts with it, never pieces of them, and those units are still pending.
        """
        return work_on(getattr(self._replica, method), units, common)


def work_on(work: Callable[[object, object], Any], units: Sequence[object], common: object) -> list[Any]:
    """Return what comes of `work(unit, common)`, of as many units as `Hosted.call` begins."""
    began, outcomes = time.monotonic(), []
    with folders_synced_at_end():
        for unit in units:
            outcomes.append(work(unit, common))
            if time.monotonic() - began >= LONG_CALL:
                break
    return outcomes


def tell_like(log: LogState) -> None:
    """Let this process log as its driver does, and give its numbers to Ray."""
    log_like(log)
    measure_events()


def end_with_head() -> None:
    """Let this process end once the head of its cluster has not answered for `GONE_AFTER` seconds.

    Its driver is gone with the head, or on its way; where it was cut off from a head that lives, Ray counts
    it for dead, and its work goes to others.
    """
    address = str(ray.get_runtime_context().gcs_address)
    threading.Thread(target=_watch, args=(address,), name="raycre-head", daemon=True).start()


def _watch(address: str) -> None:
    heard = time.monotonic()
    while True:
        time.sleep(ASK_EVERY)
        if answers(address):
            heard = time.monotonic()
        elif time.monotonic() - heard >= GONE_AFTER:
            os._exit(1)
