"""Numbers of a run for Ray's metrics, which Prometheus collects from every node; see deploy/grafana.json.

Each process turns the events that it hears into counters and gauges. Nothing waits for them, and no result
depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ray.util.metrics import Counter, Gauge

from raycre.events import LEFT, LOST, REPLICAS, UNIT, listen_to_events

COUNTERS = {
    "raycre_units": "units of work that a process has done",
    "raycre_units_failed": "units whose tries all failed",
    "raycre_unit_seconds": "seconds that processes spent on units, on whatever device they have",
    "raycre_losses": "replicas, or groups of workers, that were lost",
}
GAUGES = {
    "raycre_units_left": "units that the driver has yet to see done, of the step that runs",
    "raycre_replicas": "replicas, or groups of workers, at work",
}


class MetricsOfEvents:
    """Listens to events.

    Args:
        counter, gauge: make a metric of a name and a description.
    """

    def __init__(self, counter: Callable[..., Any] = Counter, gauge: Callable[..., Any] = Gauge) -> None:
        self._counters = {name: counter(name, description=text) for name, text in COUNTERS.items()}
        self._gauges = {name: gauge(name, description=text) for name, text in GAUGES.items()}

    def __call__(self, kind: str, facts: Mapping[str, Any]) -> None:
        if kind == UNIT:
            self._counters["raycre_units_failed" if facts["error"] else "raycre_units"].inc()
            if facts["seconds"] > 0:
                self._counters["raycre_unit_seconds"].inc(facts["seconds"])
        elif kind == LOST:
            self._counters["raycre_losses"].inc()
        elif kind == LEFT:
            self._gauges["raycre_units_left"].set(facts["units"])
        elif kind == REPLICAS:
            self._gauges["raycre_replicas"].set(facts["n"])


@cache
def measure_events() -> None:
    """Let this process give its numbers to Ray from now on; a second call changes nothing."""
    listen_to_events(MetricsOfEvents())
