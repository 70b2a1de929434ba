"""Numbers of a run for Ray's metrics, which Prometheus collects from every node; see deploy/grafana.json.

Each process turns the events that it hears into counters and gauges. Nothing waits for them, and no result
depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ray.util.metrics import Counter, Gauge

from raycre.events import CACHE, FORWARD, LEFT, LOST, REPLICAS, UNIT, listen_to_events

COUNTERS = {
    "raycre_units": "units of work that a process has done",
    "raycre_units_failed": "units whose tries all failed",
    "raycre_unit_seconds": "seconds that processes spent on units, on whatever device they have",
    "raycre_losses": "replicas, or groups of workers, that were lost",
    "raycre_passes": "sequences that models have read: forward passes, one for each view and fold",
    "raycre_bases": "bases of these sequences",
    "raycre_device_seconds": "seconds in which models predicted or were trained, by the kind of device",
    "raycre_cache_hits": "objects, or activations of models, that were kept already when they were needed",
    "raycre_cache_misses": "those that were not",
}
GAUGES = {
    "raycre_units_left": "units that the driver has yet to see done, of the step that runs",
    "raycre_replicas": "replicas, or groups of workers, at work",
}
TAGS = {
    "raycre_device_seconds": ("device",),
    "raycre_cache_hits": ("cache",),
    "raycre_cache_misses": ("cache",),
}  # name -> what tells its numbers apart


class MetricsOfEvents:
    """Listens to events.

    Args:
        counter, gauge: make a metric of a name, a description and the keys of its tags.
    """

    def __init__(self, counter: Callable[..., Any] = Counter, gauge: Callable[..., Any] = Gauge) -> None:
        def make(kind: Callable[..., Any], given: Mapping[str, str]) -> dict[str, Any]:
            return {
                name: kind(name, description=text, tag_keys=TAGS.get(name)) for name, text in given.items()
            }

        self._counters, self._gauges = make(counter, COUNTERS), make(gauge, GAUGES)

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        if kind == UNIT:
            self._count("raycre_units_failed" if facts["error"] else "raycre_units")
            self._count("raycre_unit_seconds", facts["seconds"])
        elif kind == FORWARD:
            self._count("raycre_passes", facts["passes"])
            self._count("raycre_bases", facts["bases"])
            self._count("raycre_device_seconds", facts["seconds"], device=facts["device"])
        elif kind == CACHE:
            self._count(f"raycre_cache_{'hits' if facts['hit'] else 'misses'}", cache=facts["what"])
        elif kind == LOST:
            self._count("raycre_losses")
        elif kind == LEFT:
            self._gauges["raycre_units_left"].set(facts["units"])
        elif kind == REPLICAS:
            self._gauges["raycre_replicas"].set(facts["n"])

    def _count(self, name: str, by: float = 1, **tags: str) -> None:
        if by > 0:  # Ray takes no other number
            self._counters[name].inc(by, tags or None)


@cache
def measure_events() -> None:
    """Let this process give its numbers to Ray from now on; a second call changes nothing."""
    listen_to_events(MetricsOfEvents())
