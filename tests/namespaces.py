"""A network of namespaces on this machine, whose cables can be pulled, and a Ray cluster in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.autoscaling import SHORT, Cluster, _folder, free_port
from tests.processes import descendants, kill_tree, until

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Network:
    """Machines 0, 1, … behind one switch.

    Attributes:
        name: of the switch's namespace; those of the machines begin so.
    """

    name: str

    def address(self, machine: int) -> str:
        """Return a machine's IP address."""
        return f"10.200.0.{machine + 1}"

    def on(self, machine: int) -> list[str]:
        """Return the words before a command that runs it on a machine."""
        return ["ip", "netns", "exec", f"{self.name}{machine}"]

    def cut(self, machine: int) -> None:
        """Pull a machine's cable: packets are lost, nobody is told."""
        _ip("-n", self.name, "link", "set", f"v{machine}", "down")

    def mend(self, machine: int) -> None:
        """Plug it in again."""
        _ip("-n", self.name, "link", "set", f"v{machine}", "up")


@contextmanager
def network(machines: int) -> Iterator[Network]:
    """Make machines; skip where this may not be done."""
    net = Network(f"rc{os.getpid()}")
    with ExitStack() as stack:
        try:
            _namespace(stack, net.name)
            _ip("-n", net.name, "link", "add", "br0", "type", "bridge")
            _ip("-n", net.name, "link", "set", "br0", "up")
            for i in range(machines):
                own = f"{net.name}{i}"
                _namespace(stack, own)
                _ip(
                    "-n",
                    net.name,
                    "link",
                    "add",
                    f"v{i}",
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "eth0",
                    "netns",
                    own,
                )
                _ip("-n", net.name, "link", "set", f"v{i}", "master", "br0")
                _ip("-n", net.name, "link", "set", f"v{i}", "up")
                _ip("-n", own, "link", "set", "lo", "up")
                _ip("-n", own, "addr", "add", f"{net.address(i)}/24", "dev", "eth0")
                _ip("-n", own, "link", "set", "eth0", "up")
                _ip("-n", own, "route", "add", "default", "via", "10.200.0.254")
        except FileNotFoundError:
            pytest.skip("network namespaces need iproute2")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield net


@contextmanager
def cluster_in(net: Network, nodes: int) -> Iterator[Cluster]:
    """Start a head without processors on machine 0, and a node of one CPU on each of the following."""
    address = f"{net.address(0)}:{free_port()}"
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", **SHORT}
    started: list[subprocess.Popen[bytes]] = []

    def start(machine: int, *options: str) -> None:
        path = folder / f"machine-{machine}.log"
        with path.open("wb") as log:
            words = [*net.on(machine), str(BIN / "ray"), "start", f"--node-ip-address={net.address(machine)}"]
            words += ["--block", "--disable-usage-stats", f"--dashboard-agent-listen-port={free_port()}"]
            started.append(
                subprocess.Popen(
                    [*words, *options], env=environment, stdout=log, stderr=log, start_new_session=True
                )
            )
        process = started[-1]
        until(lambda: "Ray runtime started" in path.read_text() or process.poll() is not None, path.read_text)
        assert process.poll() is None, path.read_text()

    with _folder() as folder:
        try:
            port = address.rpartition(":")[2]
            start(0, "--head", "--num-cpus=0", f"--port={port}", f"--temp-dir={folder}",
                  "--include-dashboard=false", f"--ray-client-server-port={free_port()}")  # fmt: skip
            for machine in range(1, nodes + 1):
                start(machine, f"--address={address}", "--num-cpus=1")
            yield Cluster(address, started[0].pid, folder, environment | {"RAY_ADDRESS": address})
        finally:
            for process in started:
                kill_tree(process.pid)
                process.wait()


def _namespace(stack: ExitStack, name: str) -> None:
    _ip("netns", "add", name)
    stack.callback(_remove, name)


def _remove(name: str) -> None:
    """End what is left in a namespace, and remove it."""
    for pid in map(int, _ip("netns", "pids", name).split()):
        for each in [pid, *descendants(pid)]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    until(lambda: not _ip("netns", "pids", name).split(), lambda: _ip("netns", "pids", name))
    _ip("netns", "del", name)


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout
