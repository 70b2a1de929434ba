"""A private head that runs nothing itself, and nodes that a test starts and kills; nobody replaces them."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import ray._private.services

from raycre.engine.head import answers
from tests.autoscaling import BIN, ROOT, SHORT, free_port, of_folder
from tests.processes import kill_tree, until


@dataclass(frozen=True)
class Nodes:
    """Attributes: address of the head, its folder, and the environment of drivers that use it."""

    address: str
    folder: Path
    environment: dict[str, str]

    def start(self, cpus: int = 1) -> subprocess.Popen[bytes]:
        """Start a node and return its process, below which are all others of it."""
        with (self.folder / "nodes.log").open("ab") as log:
            return subprocess.Popen(
                [
                    str(BIN / "ray"), "start", "--block", f"--address={self.address}", f"--num-cpus={cpus}",
                    f"--dashboard-agent-listen-port={free_port()}", "--disable-usage-stats",
                ],
                env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip


@contextmanager
def own_nodes() -> Iterator[Nodes]:
    """Start a head without processors."""
    ip = ray._private.services.get_node_ip_address()
    address = f"{ip}:{free_port()}"
    with tempfile.TemporaryDirectory(prefix="rn", dir="/tmp", ignore_cleanup_errors=True) as folder:
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
        environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", **SHORT}
        environment |= {"PYTHONPATH": str(ROOT)}
        with (Path(folder) / "head.log").open("wb") as log:
            head = subprocess.Popen(
                [
                    str(BIN / "ray"), "start", "--head", "--block", "--num-cpus=0", "--disable-usage-stats",
                    f"--port={address.rpartition(':')[2]}", "--include-dashboard=false",
                    f"--temp-dir={folder}", f"--dashboard-agent-listen-port={free_port()}",
                    f"--ray-client-server-port={free_port()}",
                ],
                env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            until(lambda: answers(address) or head.poll() is not None, lambda: "no head")
            assert head.poll() is None, (Path(folder) / "head.log").read_text()
            yield Nodes(address, Path(folder), environment | {"RAY_ADDRESS": address})
        finally:
            kill_tree(head.pid)
            head.wait()
            for pid in of_folder(folder):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
