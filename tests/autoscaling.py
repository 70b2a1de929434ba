"""A private head that runs nothing itself and whose autoscaler starts and ends nodes on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray._private.services

from raycre.engine.head import answers
from tests.processes import alive, command, descendants, kill_tree, until

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
HEAD = "f" * 51 + "00000"
# A killed node refuses the head's questions, which is noticed in seconds; one that a busy machine keeps
# waiting is given half a minute.
SHORT = {
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "5000",
    "RAY_health_check_failure_threshold": "6",
}


@dataclass(frozen=True)
class Cluster:
    """Attributes: address of the head, its process, and the environment of drivers that use it."""

    address: str
    pid: int
    folder: Path
    environment: dict[str, str]

    def raylets(self) -> list[int]:
        """Return the processes of the nodes that came, not the head's own."""
        pids = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
        nodes = [pid for pid in pids if self._is_node(pid)]
        # A process that a raylet starts has the raylet's command for a moment.
        return [pid for pid in nodes if not any(pid in descendants(other) for other in nodes if other != pid)]

    def _is_node(self, pid: int) -> bool:
        line = command(pid)
        ours = str(self.folder) in line and "raylet/raylet" in line.split(" ")[0]
        return ours and HEAD not in line and "--head" not in line

    def start_node(self, cpus: int = 1, resources: str = "{}", **environment: str) -> subprocess.Popen[bytes]:
        """Start a node that nobody replaces; once it is up, return its process, above all others of it.

        Args:
            cpus, resources: of the node; resources as JSON.
            **environment: further variables of its processes.
        """
        path = self.folder / f"node-{free_port()}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [
                    str(BIN / "ray"), "start", f"--address={self.address}", f"--num-cpus={cpus}", "--block",
                    f"--resources={resources}",
                    f"--dashboard-agent-listen-port={free_port()}", "--disable-usage-stats",
                ],
                env=self.environment | {"PYTHONPATH": str(ROOT), **environment}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        until(lambda: "Ray runtime started" in path.read_text(), path.read_text)
        return process

    def wait_until_empty(self) -> None:
        """Return once the autoscaler has taken all nodes away."""
        until(lambda: not self.raylets(), lambda: f"still there: {self.raylets()}")


@contextmanager
def autoscaling(
    most: int, cpus: int = 1, memory: int | None = None, idle_minutes: float = 0.1
) -> Iterator[Cluster]:
    """Start a head without processors that may grow to `most` nodes of so many CPUs (and bytes of memory).

    Args:
        most: nodes at most.
        cpus: of a node.
        memory: bytes that a node declares; None leaves it to Ray.
        idle_minutes: after which a node is taken away.
    """
    address = _free_address()
    node = {"CPU": cpus, **({} if memory is None else {"memory": memory})}
    scaler = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD,
        "PYTHONPATH": str(ROOT),
    }
    with _folder() as folder:
        config = folder / "as.yaml"
        config.write_text(json.dumps(_config(address, node, most, idle_minutes)))
        with _head(address, folder, scaler, f"--autoscaling-config={config}") as cluster:
            yield cluster


@contextmanager
def fixed(nodes: int, cpus: int = 1) -> Iterator[Cluster]:
    """Start a head without processors, and so many nodes of so many CPUs; one that is lost stays lost."""
    with _folder() as folder, _head(_free_address(), folder, {}) as cluster:
        for _ in range(nodes):  # one after the other: two at once in one folder may fail
            cluster.start_node(cpus)
        yield cluster


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of Ray's; whatever names it in its command line is ended at the end."""
    with tempfile.TemporaryDirectory(prefix="ra", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        finally:
            until(lambda: not _end_those_of(folder), lambda: f"they do not end: {of_folder(folder)}")


@contextmanager
def _head(address: str, folder: Path, scaler: dict[str, str], *options: str) -> Iterator[Cluster]:
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", **SHORT}
    with (folder / "head.log").open("wb") as log:
        head = subprocess.Popen(
            [
                str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=0", f"--temp-dir={folder}",
                f"--port={address.rpartition(':')[2]}", f"--dashboard-port={free_port()}",
                "--include-dashboard=false", f"--dashboard-agent-listen-port={free_port()}",
                f"--ray-client-server-port={free_port()}", "--disable-usage-stats", *options,
            ],
            env=environment | scaler, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        until(lambda: answers(address) or head.poll() is not None, lambda: "no head")
        assert head.poll() is None, (folder / "head.log").read_text()
        yield Cluster(address, head.pid, folder, environment | {"RAY_ADDRESS": address})
    finally:
        if head.poll() is None:
            os.kill(head.pid, signal.SIGTERM)  # which ends the autoscaler's nodes as well, mostly
        with suppress(subprocess.TimeoutExpired):
            head.wait(timeout=5)
        kill_tree(head.pid)
        head.wait()


def _end_those_of(folder: str) -> list[int]:
    """Kill what names the folder: nodes outlive their head by seconds. Return what there was."""
    found = of_folder(folder)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def of_folder(folder: str) -> list[int]:
    """Processes that live and whose command names the folder."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if folder in command(pid) and pid != os.getpid() and alive(pid)]


def _config(address: str, node: dict[str, Any], most: int, idle_minutes: float) -> dict[str, Any]:
    """A whole configuration of the autoscaler; the head's type must have this very name."""
    empty_lists = (
        "cluster_synced_files", "initialization_commands", "setup_commands", "head_setup_commands",
        "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands", "rsync_exclude",
        "rsync_filter",
    )  # fmt: skip
    return {
        "cluster_name": "local",
        "max_workers": most,
        "idle_timeout_minutes": idle_minutes,
        "upscaling_speed": 10,
        "provider": {
            "type": "external",
            "module": "tests.fake_nodes.Nodes",
            "head_node_id": HEAD,
            "launch_multiple": True,
            "gcs_address": address,
        },
        "available_node_types": {
            "ray.head.default": {
                "resources": {"CPU": 0},
                "node_config": {},
                "max_workers": 0,
                "min_workers": 0,
            },
            "worker": {"resources": node, "node_config": {}, "min_workers": 0, "max_workers": most},
        },
        "head_node_type": "ray.head.default",
        "auth": {"ssh_user": "root"},
        "docker": {},
        "file_mounts": {},
        "head_node": {},
        "worker_nodes": {},
        "file_mounts_sync_continuously": False,
        **{name: [] for name in empty_lists},
    }


def _free_address() -> str:
    return f"{ray._private.services.get_node_ip_address()}:{free_port()}"


def free_port() -> int:
    """A port outside those that Ray gives to its workers (10002-19999)."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if not 10002 <= port <= 19999:
                return port
