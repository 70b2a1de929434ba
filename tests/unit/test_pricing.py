"""What a plan costs by a table of types of nodes, and how many of them meet a deadline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raycre.config import PredictConfig, make_config
from raycre.engine.resources import Share
from raycre.errors import ConfigError
from raycre.workflows.pricing import NodePrice, cheapest_by, offers_of, priced, read_prices, replica_price

CPU: dict[str, Any] = {"name": "c", "price": 0.8, "cpus": 16, "start": 180.0}
GPU: dict[str, Any] = {"name": "g", "price": 4.0, "cpus": 8, "gpus": 1, "speed": 20.0, "start": 180.0}
SHARE = Share(cpus=4)
WORK: dict[str, Any] = {"units": 100, "seconds": 600.0, "startup": 20.0}
COST = {"cpu_seconds": 100 * 600.0 * 4, "startup_seconds": 20.0}
BASE = {"run": {"out": "x"}, "inputs": {"fasta": "a.fa", "regions": "b.bed"}, "model": {"checkpoint": "c"}}


def test_hours_are_of_rounds_of_units_and_of_starting() -> None:
    one, *_, last = offers_of(NodePrice(**CPU), SHARE, **WORK)
    # 4 replicas a node: 25 rounds of 600 s; 25 nodes do all in one round
    assert (one.nodes, one.replicas, one.hours) == (1, 4, pytest.approx((180 + 20 + 25 * 600) / 3600))
    assert one.cost == pytest.approx(0.8 * one.hours)
    assert (last.nodes, last.replicas, last.hours) == (25, 100, pytest.approx(800 / 3600))


def test_the_least_number_of_nodes_that_meets_a_deadline_is_recommended() -> None:
    # within an hour 3,400 s are left for rounds: 5 of them, so 20 replicas, so 5 nodes
    best = cheapest_by([NodePrice(**CPU)], SHARE, 3600, **WORK)
    assert best is not None
    assert (best.nodes, best.replicas) == (5, 20)
    assert cheapest_by([NodePrice(**CPU)], SHARE, 799, **WORK) is None  # one round takes 800 s


def test_the_type_that_costs_least_in_time_is_taken() -> None:
    table = [NodePrice(**CPU), NodePrice(**{**CPU, "name": "half", "price": 0.4})]
    best = cheapest_by(table, SHARE, 3600, **WORK)
    assert best is not None
    assert best.node == "half"


def test_a_number_of_replicas_that_is_asked_for_is_the_most() -> None:
    *_, last = offers_of(NodePrice(**CPU), Share(most=6, cpus=4), **WORK)
    assert (last.nodes, last.replicas) == (2, 6)


def test_a_type_that_holds_no_replica_is_named() -> None:
    small = {**CPU, "name": "small", "cpus": 2}
    said = priced(COST, SHARE, 100, ([small, CPU], None))
    assert said["nodes_too_small"] == ["small"]
    assert said["recommended"].startswith("1 x c, 4 replicas: 4.22 h, 3.38")
    assert priced(COST, SHARE, 100, ([small], None))["recommended"].startswith("none: no type of node holds")


def test_memory_leaves_room_for_ray_s_object_store() -> None:
    share = Share(cpus=1, memory=4 * 2**30)
    assert NodePrice("c", 1, 16, memory=32 * 2**30).holds(share) == 5  # 0.7 x 32 GiB


def test_a_deadline_that_nothing_meets_says_what_is_fastest() -> None:
    said = priced(COST, SHARE, 100, ([CPU], 700.0))
    assert "fastest is 25 x c, 100 replicas: 0.22 h" in said["recommended"]


def test_prices_of_gpus_without_their_speed_are_said_to_be_an_upper_bound() -> None:
    share = Share(cpus=1, gpus=1)
    assert "as slow on a GPU as here" in priced(COST, share, 9, ([{**GPU, "speed": 1.0}], None))["prices_are"]
    assert "prices_are" not in priced(COST, share, 9, ([GPU], None))


def test_without_a_table_or_work_nothing_is_said() -> None:
    assert priced(COST, SHARE, 100, ([], 3600.0)) == {}
    assert priced(COST, SHARE, 0, ([CPU], 3600.0)) == {}


def predict(**resources: Any) -> PredictConfig:
    return make_config(PredictConfig, {**BASE, "resources": resources})


def test_a_table_is_given_in_the_configuration_or_in_a_file(tmp_path: Path) -> None:
    row = {"name": "c", "price": 0.8, "cpus": 16, "memory": "32GiB", "start": "2m"}
    for text in (json.dumps([row]), json.dumps({"nodes": [row]})):
        (tmp_path / "nodes.yaml").write_text(text)
        given = predict(nodes=str(tmp_path / "nodes.yaml"), deadline="4h")
        assert given.resources == predict(nodes=[row], deadline="4h").resources
        (one,), deadline = given.resources.prices()
        assert (one["memory"], one["start"], deadline) == (32 * 2**30, 120.0, 14_400.0)
        assert read_prices(tmp_path / "nodes.yaml") == [NodePrice(**one)]


def test_prices_change_no_identity() -> None:
    assert (
        predict(nodes=[{"name": "c", "price": 1, "cpus": 1}], deadline="1h").science() == predict().science()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {name: c, cpus: 4}", "price"),
        ("- {name: c, price: -1, cpus: 4}", "price"),
        ("- {name: c, price: 1, cpus: 4, pricee: 1}", "pricee"),
        ("- {name: c, price: 1, cpus: 4, memory: lots}", "takes a size such as 6GiB"),
        ("- {name: c, price: 1, cpus: 4, start: soon}", "takes a time such as 90s"),
        ("- c", "no table of types of nodes"),
        ("a: 1", "no list of types"),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_table_is_named(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_prices(path)
    with pytest.raises(ConfigError):
        predict(nodes=str(path))


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the table of nodes"):
        predict(nodes=str(tmp_path / "none.yaml"))
    with pytest.raises(ConfigError, match="takes a time such as"):
        predict(deadline="soon")


def test_an_hour_of_a_replica_is_priced_on_the_type_that_holds_it_for_least() -> None:
    rows = [{"name": "c", "price": 0.8, "cpus": 16}, {"name": "d", "price": 1.2, "cpus": 32}]
    resources = predict(nodes=rows, cpus_per_replica=4).model_dump(mode="json")["resources"]
    assert replica_price(resources, None) == (pytest.approx(0.15), "d")
    assert replica_price({}, None) is None
