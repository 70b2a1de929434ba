"""Events become Ray's metrics, the dashboard asks for all of them, and JSON lines say what they are of."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raycre import log
from raycre.backbones.planted import Planted
from raycre.demo.genome import DemoGenome
from raycre.engine.metrics import COUNTERS, GAUGES, MetricsOfEvents
from raycre.events import FORWARD, UNIT, heard_by
from raycre.store.ledger import Ledger
from tests.conftest import ROOT, perturb_config
from tests.in_process import connect_to_nothing, n_predicted, run_creme


class Number:
    """Stands in for a metric of Ray's."""

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...] | None = None) -> None:
        self.value, self._keys = 0.0, set(tag_keys or ())
        self.by: dict[tuple[str, ...], float] = {}

    def inc(self, by: float = 1.0, tags: dict[str, str] | None = None) -> None:
        assert by > 0  # as Ray demands
        assert set(tags or ()) == self._keys
        self.value += by
        key = tuple((tags or {}).values())
        self.by[key] = self.by.get(key, 0.0) + by

    def set(self, value: float) -> None:
        self.value = value


@pytest.fixture
def json_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(log._Stderr, "about", {})
    log.log_json()
    yield
    log.log_json(False)


def test_units_losses_work_and_what_is_left_are_counted() -> None:
    metrics = MetricsOfEvents(Number, Number)
    events: list[tuple[str, dict[str, Any]]] = [
        ("unit", {"name": "a", "seconds": 2.0, "error": None}),
        ("unit", {"name": "b", "seconds": 3.0, "error": "ValueError: no"}),
        ("lost", {"why": "gone"}), ("left", {"units": 7}), ("left", {"units": 6}), ("replicas", {"n": 4}),
        ("forward", {"passes": 4, "bases": 4096, "seconds": 1.5, "device": "cpu"}),
        ("forward", {"passes": 0, "bases": 0, "seconds": 2.0, "device": "cuda"}),  # an epoch of a training
        ("cache", {"what": "objects", "hit": False}), ("cache", {"what": "objects", "hit": True}),
        ("cache", {"what": "activations", "hit": True}),
        ("start", {"host": "x"}),
    ]  # fmt: skip
    for kind, facts in events:
        metrics(kind, facts)
    found = {name: number.value for name, number in (metrics._counters | metrics._gauges).items()}
    assert found == {
        "raycre_units": 1, "raycre_units_failed": 1, "raycre_unit_seconds": 5, "raycre_losses": 1,
        "raycre_passes": 4, "raycre_bases": 4096, "raycre_device_seconds": 3.5, "raycre_cache_hits": 2,
        "raycre_cache_misses": 1, "raycre_units_left": 6, "raycre_replicas": 4,
    }  # fmt: skip
    assert metrics._counters["raycre_device_seconds"].by == {("cpu",): 1.5, ("cuda",): 2.0}
    assert metrics._counters["raycre_cache_hits"].by == {("objects",): 1, ("activations",): 1}


def test_a_run_tells_its_passes_bases_and_the_seconds_of_its_device(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_to_nothing(monkeypatch)
    told: list[tuple[str, dict[str, Any]]] = []
    with heard_by(lambda kind, facts: told.append((kind, dict(facts)))):
        run_creme(perturb_config(genome, tmp_path / "run", tests=["context"]))
    work = [facts for kind, facts in told if kind == FORWARD]
    seq_len = Planted().seq_len
    assert sum(facts["passes"] for facts in work) == n_predicted(tmp_path / "run")
    assert sum(facts["bases"] for facts in work) == seq_len * n_predicted(tmp_path / "run")
    assert {facts["device"] for facts in work} == {"cpu"}
    assert all(facts["seconds"] > 0 for facts in work)
    units = [facts["name"] for kind, facts in told if kind == UNIT]
    assert len(units) == len(set(units)) == len(work)


def test_the_dashboard_asks_for_every_metric_and_for_no_other() -> None:
    board = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    # Ray puts ray_ in front, and Prometheus's exporter _total behind counters.
    known = {f"ray_{name}_total" for name in COUNTERS} | {f"ray_{name}" for name in GAUGES}
    assert set(re.findall(r"ray_raycre_\w+", asked)) == known
    lines = next(p["targets"][0]["expr"] for p in board["panels"] if p["type"] == "logs")
    assert all(f"{{{{.{key}}}}}" in lines for key in ("run", "unit", "node", "message"))
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in board["panels"]]
    assert len({*places}) == len(places) == len({panel["id"] for panel in board["panels"]})


def test_a_log_of_json_names_node_and_run(capsys: pytest.CaptureFixture[str], json_lines: None) -> None:
    log.log_about(run="runs/a")
    log.say('a "line"')
    log.log_json(False)
    log.say("plain")
    log.detail("of no use to a person")
    first, second = capsys.readouterr().err.splitlines()
    found = json.loads(first)
    assert (found["run"], found["message"], second) == ("runs/a", 'a "line"', "plain")
    assert found.keys() == {"at", "node", "run", "message"}


def test_a_log_of_json_has_a_line_for_each_unit_in_whatever_process_it_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], json_lines: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raycre.store.ledger.PAUSE", 0)
    log.log_about(run="runs/a")
    state = pickle.loads(pickle.dumps(log.log_state()))
    log.log_json(False)
    monkeypatch.setattr(log._Stderr, "about", {})
    log.log_like(state)  # as a worker does, which has neither the option nor the run
    ledger = Ledger(tmp_path, "parts")

    def work() -> None:
        log.say("halfway")
        ledger.part("part-0").parent.mkdir()
        ledger.part("part-0").touch()

    ledger.run("part-0", work)
    ledger.run("part-1", lambda: 1 / 0)
    log.say("over")
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("unit") for line in found] == ["part-0", "part-0", "part-1", None]
    assert {line["run"] for line in found} == {"runs/a"}
    assert all(line["node"] for line in found)
    assert found[0]["message"] == "halfway"
    assert re.fullmatch(r"done \(\d+\.\d\d s, tries: 1\)", found[1]["message"])
    assert found[2]["message"].startswith("failed: ZeroDivisionError")
