"""Rows through two stages of Ray Data: a function that reads for each, then replicas that work on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ray
from ray.data import ActorPoolStrategy, TaskPoolStrategy

from raycre.engine.cluster import connected, replicas
from raycre.engine.resources import Share

ROWS_PER_BLOCK = 4  # a block costs Ray Data about as much as a small row


def stream(
    rows: Sequence[dict[Any, Any]],
    read: Callable[[dict[str, Any]], dict[str, Any]],
    kind: type,
    arguments: tuple[object, ...],
    share: Share,
) -> Iterator[dict[str, Any]]:
    """Yield what replicas make of the rows, as it comes.

    Args:
        rows: small, one at least.
        read: returns a row with what the second stage needs.
        kind: class of the replicas; an instance is called with a row.
        arguments: of its constructor.
        share: how many replicas, and what each takes.

    Raises:
        RaycreError: no Ray can be used, or not even one replica fits.
    """
    with connected():
        n = replicas(share.count, cpus=share.cpus, gpus=share.gpus, most=len(rows))
        ray.data.DataContext.get_current().enable_progress_bars = False  # the caller shows its own
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        data: ray.data.Dataset = ray.data.from_items(
            list(rows), override_num_blocks=max(min(n, len(rows)), len(rows) // ROWS_PER_BLOCK)
        )
        # Readers ask for no CPU of their own, else replicas that hold every CPU would starve them for ever.
        data = data.map(read, num_cpus=0, compute=TaskPoolStrategy(size=n))
        data = data.map(
            kind,  # a class is one actor per replica
            fn_constructor_args=arguments,
            num_cpus=share.cpus,
            num_gpus=share.gpus,
            compute=ActorPoolStrategy(size=n, max_tasks_in_flight_per_actor=2),
        )
        yield from data.iter_rows()
