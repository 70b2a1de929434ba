"""A Ray of the run's own that a busy machine makes too slow is started again; nothing else is tried twice."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from raycre.engine import cluster
from raycre.errors import RaycreError

SLOW = "The current node timed out during startup. The GCS may be overloaded."


class Node:
    """What Ray would have started."""

    def __init__(self, message: str) -> None:
        self.killed = False
        nodes.append(self)
        raise Exception(message)

    def kill_all_processes(self, **_: Any) -> None:
        self.killed = True


nodes: list[Node] = []


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    nodes.clear()


def starts(monkeypatch: pytest.MonkeyPatch, *messages: str) -> None:
    """Let the first starts fail so, and the next one succeed."""
    left = list(messages)

    def init(**_: Any) -> None:
        if left:
            Node(left.pop(0))

    monkeypatch.setattr(ray, "init", init)


def test_a_start_that_is_too_slow_is_tried_again_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    starts(monkeypatch, SLOW, SLOW)
    cluster._init(None, {})
    assert [node.killed for node in nodes] == [True, True]
    assert "start 3 of 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "messages", "n"), [(None, (SLOW,) * 3, 3), (None, ("no room",), 1), ("a:1", (SLOW,), 1)]
)
def test_other_failures_and_other_peoples_heads_are_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, address: str | None, messages: tuple[str, ...], n: int
) -> None:
    starts(monkeypatch, *messages)
    monkeypatch.setattr(cluster, "find_head", lambda: address)
    with pytest.raises(RaycreError, match="Ray does not start"), cluster._started():
        pass
    assert len(nodes) == n


@pytest.mark.parametrize(("alive", "n"), [(True, 3), (False, 1)])
def test_a_head_that_answers_is_connected_to_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], alive: bool, n: int
) -> None:
    tries: list[str] = []

    def init(*, address: str, **_: Any) -> None:
        tries.append(address)
        raise ConnectionError(f"Failed to connect to Ray cluster at {address}")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(cluster, "answers", lambda address: alive)
    with pytest.raises(ConnectionError):
        cluster._init("a:1", {})
    assert tries == ["a:1"] * n
    assert capsys.readouterr().err.count("the head at a:1 answers, but Ray did not connect") == n - 1
