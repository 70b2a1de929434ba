"""What happens in a run, told to whoever listens in this process: the journal, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

Listener = Callable[[str, Mapping[str, object]], object]
"""Called with the kind of an event and its facts."""

REPLICAS = "replicas"  # n: how many work from now on
LOST = "lost"  # why: a replica, or a group of workers, was lost
LEFT = "left"  # units: that are not done
UNIT = "unit"  # name, seconds, error: a try of a unit is over, in the process that made it
FORWARD = "forward"  # passes, bases, seconds, device: a model has read so many sequences of so many bases
CACHE = "cache"  # what ("objects", "activations"), hit: something was looked for that may be kept already

_listeners: list[Listener] = []


def emit(kind: str, **facts: object) -> None:
    """Tell everyone who listens."""
    for listener in list(_listeners):
        listener(kind, facts)


def listen_to_events(listener: Listener) -> None:
    """Call `listener` at every event of this process from now on."""
    _listeners.append(listener)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Call `listener` at every event while the block runs."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
