"""How many replicas fit: on a node, on those there are, on those that may come; what is said meanwhile."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import ray

from raycre.config.resources import ReplicaResources
from raycre.engine import capacity
from raycre.engine.capacity import Patience, check_room, fit_ever, fit_now, settled, target
from raycre.engine.node_types import NodeType, _configured
from raycre.engine.resources import Share, fits
from raycre.errors import RaycreError

GIB = 2**30


class Cluster:
    """Nodes that are there and types that may come, in place of Ray's own word."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there: list[dict[str, float]] = []
        self.types: list[tuple[dict[str, float], float]] | None = None
        monkeypatch.setattr(capacity, "_types", lambda: self._types())
        monkeypatch.setattr(ray, "nodes", lambda: self._nodes())
        monkeypatch.setattr(ray, "cluster_resources", lambda: self._total())

    def _types(self) -> list[NodeType] | None:
        return None if self.types is None else [NodeType(*each) for each in self.types]

    def _nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": node} for node in self.there] + [
            {"Alive": False, "Resources": {"CPU": 1000.0}}
        ]

    def _total(self) -> dict[str, float]:
        return {key: sum(n.get(key, 0) for n in self.there) for key in ("CPU", "GPU")}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    capacity._note.cache_clear()
    return Cluster(monkeypatch)


@pytest.mark.parametrize(
    ("node", "share", "n"),
    [
        ({"CPU": 8.0}, Share(cpus=3), 2),
        ({"CPU": 8.0}, Share(cpus=3, gpus=1), 0),
        ({"CPU": 8.0, "GPU": 4.0}, Share(cpus=1, gpus=1), 4),
        ({"CPU": 8.0, "GPU": 4.0}, Share(cpus=1, gpus=2), 2),
        # Shares of one GPU never lie on two: 0.4 fits twice on each of two, not five times on both.
        ({"CPU": 8.0, "GPU": 2.0}, Share(cpus=1, gpus=0.4), 4),
        ({"CPU": 8.0, "GPU": 1.0}, Share(cpus=1, gpus=0.3333), 3),
        ({"CPU": 16.0, "memory": 32.0 * GIB}, Share(cpus=1, memory=3 * GIB), 10),
        ({"CPU": 16.0}, Share(cpus=1, memory=3 * GIB), 16),  # a type of node that says nothing of memory
        ({}, Share(), 0),
    ],
)
def test_a_node_holds_whole_replicas(node: dict[str, float], share: Share, n: int) -> None:
    assert fits(node, share) == n


def test_no_replica_lies_on_two_nodes(cluster: Cluster) -> None:
    cluster.there = [{"CPU": 2.0}, {"CPU": 2.0}, {"CPU": 2.0}]
    assert (fit_now(Share(cpus=1)), fit_now(Share(cpus=2)), fit_now(Share(cpus=3))) == (6, 3, 0)


def test_as_many_are_asked_for_as_there_is_work_for_and_may_ever_fit(cluster: Cluster) -> None:
    cluster.there, cluster.types = [{}], [({"CPU": 4.0}, 5), ({"CPU": 1.0, "GPU": 1.0}, 2)]
    assert fit_ever(Share(cpus=2)) == 10
    assert target(Share(cpus=2), units=1000) == 10
    assert target(Share(cpus=2), units=3) == 3
    assert target(Share(cpus=2, most=4), units=1000) == 4
    assert target(Share(cpus=2, most=50), units=1000) == 10
    assert target(Share(cpus=1, gpus=1), units=1000) == 2


def test_a_type_without_a_limit_leaves_it_to_the_work(cluster: Cluster) -> None:
    cluster.types = [({"CPU": 4.0}, float("inf"))]
    assert target(Share(cpus=2), units=70_000) == 70_000


def test_where_nobody_knows_the_limits_the_cluster_may_double(cluster: Cluster) -> None:
    cluster.there, cluster.types = [{"CPU": 2.0}], None
    assert fit_ever(Share()) is None
    assert target(Share(), units=100) == 5
    assert target(Share(), units=3) == 3
    assert target(Share(most=5), units=100) == 5  # pending ones are what an autoscaler sees
    cluster.there = []
    assert target(Share(), units=100) == 1


def test_what_can_never_fit_is_refused_by_what_there_can_be(cluster: Cluster) -> None:
    cluster.there, cluster.types = [{}], [({"CPU": 4.0}, 3)]
    check_room(Share(cpus=4))
    check_room(Share(cpus=4, least=3))
    with pytest.raises(
        RaycreError, match=r"no replica fits: each asks for 8 CPU, the cluster has 0 CPU and 0"
    ):
        check_room(Share(cpus=8))
    with pytest.raises(RaycreError, match=r"4 replicas do not fit: .* may grow to 3 x 4 CPU and 0 GPU"):
        check_room(Share(cpus=4, least=4))
    cluster.types = None
    check_room(Share(cpus=8))  # nobody knows: it is waited for


def test_waiting_is_said_once_a_minute_and_ends(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    patience = Patience(Share(cpus=8), "replica")
    for _ in range(90):  # two seconds each
        patience.look()
        now += 2.0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert said[0] == ("waiting for a replica of 8 CPU: the cluster has 0 CPU and 0 GPU; 0 of 900 s")
    assert said[2].endswith("120 of 900 s")
    patience.over()
    patience.look()  # begins anew
    now += 900.0
    with pytest.raises(RaycreError, match="no replica of 8 CPU came up within 900 s: the cluster has 0 CPU"):
        patience.look()


@pytest.mark.parametrize(
    ("resources", "share"),
    [
        ({}, Share()),
        ({"replicas": "auto", "wait": "90s"}, Share(wait=90.0)),
        ({"replicas": 4, "cpus_per_replica": 2, "wait": "2h"}, Share(4, cpus=2, wait=7200.0)),
        ({"replicas": {"min": 2, "max": 8}, "gpus_per_replica": 0.5}, Share(8, gpus=0.5, least=2)),
        ({"replicas": {"min": 2}}, Share(least=2)),
        ({"replicas": {"max": 8}, "wait": "1.5m"}, Share(8, wait=90.0)),
        ({"memory": "6GiB"}, Share(memory=6 * GIB)),
        ({"memory": "1.5 gb"}, Share(memory=1_500_000_000)),
        ({"memory": "auto"}, Share()),  # nobody has measured
        ({"memory": None}, Share()),
    ],
)
def test_resources_are_what_the_engine_takes(resources: dict[str, Any], share: Share) -> None:
    assert Share(**ReplicaResources(**resources).share()) == share


def test_auto_is_what_was_measured_unless_a_person_gives_a_size_or_wants_none() -> None:
    measured = {
        given: Share(**ReplicaResources(memory=given).share(5 * GIB)) for given in ("auto", "6GiB", None)
    }
    assert measured == {
        "auto": Share(memory=5 * GIB, estimated=True),
        "6GiB": Share(memory=6 * GIB),
        None: Share(),
    }


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"replicas": {"min": 3, "max": 2}}, "min 3 is more than max 2"),
        ({"replicas": {"mn": 3}}, "mn"),
        ({"replicas": 0}, "replicas"),
        ({"wait": "soon"}, "takes a time such as 90s, 15m or 2h"),
        ({"memory": "much"}, "takes a size such as 6GiB or 512MiB"),
        ({"memory": "0GiB"}, "takes a size"),
        ({"wait": "-5m"}, "takes a time"),
    ],
)
def test_resources_that_cannot_be_are_refused(resources: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ReplicaResources(**resources)


def test_limits_are_read_from_the_file_that_the_autoscaler_here_was_started_with(tmp_path: Path) -> None:
    config = tmp_path / "cluster.yaml"
    config.write_text(
        """
max_workers: 12
head_node_type: small
available_node_types:
  small: {resources: {CPU: 0}, max_workers: 0}
  cpu: {resources: {CPU: 16, memory: 34359738368}, max_workers: 40}
  gpu: {resources: {CPU: 8, GPU: 1}, max_workers: 4}
"""
    )
    for pid, words in {
        "17": ["python", "monitor.py", "--gcs-address=10.0.0.1:6379", f"--autoscaling-config={config}"],
        "18": ["python", "monitor.py", "--gcs-address=10.0.0.2:6379"],
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(b"\0".join(map(str.encode, words)) + b"\0")
    assert _configured("10.0.0.1:6379", tmp_path) == [
        NodeType({"CPU": 16, "memory": 2**35}, 12),
        NodeType({"CPU": 8, "GPU": 1}, 4),
    ]
    assert _configured("10.0.0.2:6379", tmp_path) is None  # another cluster's, without limits


ESTIMATED = Share(cpus=2, memory=3 * GIB, estimated=True)


def test_memory_that_nodes_have_is_asked_for(cluster: Cluster) -> None:
    cluster.there = [{"CPU": 4.0, "memory": 4.0 * GIB}, {"CPU": 1.0, "memory": 1.0 * GIB}]
    assert settled(ESTIMATED) == ESTIMATED
    assert settled(Share(cpus=2, memory=9 * GIB)).memory == 9 * GIB  # a person's own word stands
    cluster.there, cluster.types = [], [({"CPU": 4.0, "memory": 4.0 * GIB}, 3)]
    assert settled(ESTIMATED) == ESTIMATED
    assert fit_ever(ESTIMATED) == 3  # by memory; processors alone would hold two a node


def test_one_replica_works_where_a_machine_has_little_memory(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.there = [{"CPU": 4.0, "memory": 1.5 * GIB}, {"CPU": 1.0, "memory": 2.0 * GIB}]
    found = settled(ESTIMATED)
    assert (found.memory, fit_now(found)) == (3 * GIB // 2, 1)
    settled(ESTIMATED)
    assert capsys.readouterr().err == (
        "NOTE: a replica takes some 3.0 GiB of memory, and Ray has 1.5 GiB for them here: one replica works "
        "at a time on a node\n"
    )


def test_no_memory_is_asked_for_where_no_type_of_node_says_how_much_it_has(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """An autoscaler counts such a type as one without memory, and would never bring it."""
    cluster.there, cluster.types = [{"memory": 1.0 * GIB}], [({"CPU": 4.0}, 3)]
    assert settled(ESTIMATED).memory == 0
    assert "no replica asks for any" in capsys.readouterr().err


def test_memory_that_no_node_can_have_is_refused(cluster: Cluster) -> None:
    cluster.there, cluster.types = [{}], [({"CPU": 4.0, "memory": 2.0 * GIB}, 3)]
    with pytest.raises(
        RaycreError,
        match=r"no replica fits: each asks for 2 CPU and 3\.0 GiB of memory, the cluster has 0 CPU and 0 GPU "
        r"and may grow to 3 x 4 CPU and 0 GPU and 2\.0 GiB of memory; give resources\.memory a size, or null",
    ):
        check_room(settled(ESTIMATED))
    with pytest.raises(RaycreError, match=r"9\.0 GiB of memory, .*; lower resources"):
        check_room(settled(Share(memory=9 * GIB)))
