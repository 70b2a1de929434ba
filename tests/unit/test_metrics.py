"""Events become Ray's metrics, and the dashboard asks for those that there are."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from raycre import log
from raycre.engine.metrics import COUNTERS, GAUGES, MetricsOfEvents
from tests.conftest import ROOT


class Number:
    """Stands in for a metric of Ray's."""

    def __init__(self, name: str, description: str) -> None:
        self.value = 0.0

    def inc(self, by: float = 1.0) -> None:
        self.value += by

    def set(self, value: float) -> None:
        self.value = value


def test_units_losses_and_what_is_left_are_counted() -> None:
    metrics = MetricsOfEvents(Number, Number)
    events: list[tuple[str, dict[str, Any]]] = [
        ("unit", {"name": "a", "seconds": 2.0, "error": None}),
        ("unit", {"name": "b", "seconds": 3.0, "error": "ValueError: no"}),
        ("lost", {"why": "gone"}), ("left", {"units": 7}), ("left", {"units": 6}), ("replicas", {"n": 4}),
        ("start", {"host": "x"}),
    ]  # fmt: skip
    for kind, facts in events:
        metrics(kind, facts)
    found = {name: number.value for name, number in (metrics._counters | metrics._gauges).items()}
    assert found == {
        "raycre_units": 1, "raycre_units_failed": 1, "raycre_unit_seconds": 5, "raycre_losses": 1,
        "raycre_units_left": 6, "raycre_replicas": 4,
    }  # fmt: skip


def test_the_dashboard_asks_for_every_metric_and_for_no_other() -> None:
    board = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    # Ray puts ray_ in front, and Prometheus's exporter _total behind counters.
    known = {f"ray_{name}_total" for name in COUNTERS} | {f"ray_{name}" for name in GAUGES}
    assert set(re.findall(r"ray_raycre_\w+", asked)) == known


def test_a_log_of_json_names_node_and_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log._Stderr, "about", {})
    log.log_about(run="runs/a")
    log.log_json()
    log.say('a "line"')
    log.log_json(False)
    log.say("plain")
    first, second = capsys.readouterr().err.splitlines()
    found = json.loads(first)
    assert (found["run"], found["message"], second) == ("runs/a", 'a "line"', "plain")
    assert {"at", "node"} <= found.keys()
