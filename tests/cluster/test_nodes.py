"""Every node of a cluster is asked: workers, one without processors, one that has another disk at run.out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.cluster.test_jobs import BIN, _free_port
from tests.conftest import ROOT
from tests.processes import kill_tree

# In a process of its own: this session may have a Ray already.
PROGRAM = """
import json, os, subprocess, sys, time
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from raycre.engine.nodes import on_every_node
from raycre.workflows.checkup_machine import ask_nodes
from raycre.workflows.shared import SharedPaths, check_shared
from raycre.genome.fingerprint import fingerprint
from raycre.store.lease import Lease

def answer(given):
    node = ray.get_runtime_context().get_node_id()
    if node == given["bad"]:
        raise ValueError("not here")
    return node

folder = sys.argv[1]
cluster = Cluster(initialize_head=True, connect=False, head_node_args={"num_cpus": 1, "temp_dir": folder})
nodes = {"none": cluster.add_node(num_cpus=0), "one": cluster.add_node(num_cpus=1)}
cluster.wait_for_nodes()
ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
nodes = {name: node.node_id for name, node in nodes.items()}
# All processors are taken: nobody waits for one.
holder = ray.remote(num_cpus=1)(type("Holder", (), {"there": lambda self: True}))
held = [holder.remote() for _ in range(2)]
ray.get([each.there.remote() for each in held])
found = on_every_node(answer, {"bad": nodes["none"]})
lease = Lease(Path(folder) / "run", "raycre predict")
lease.claim()
check_shared(SharedPaths(lease.out.resolve(), lease.epoch, {}))
lease.release()
doctor = {"all": [list(each) for each in ask_nodes(Path(folder) / "later", {})]}
others = {}
if len(sys.argv) > 2:  # a node on which empty disks are mounted over two folders
    hidden = Path(folder) / "hidden"
    for name in ("out", "data"):
        (hidden / name).mkdir(parents=True)
    (hidden / "data" / "genome.fa").write_text("ACGT")
    lease = Lease(hidden / "out" / "run", "raycre predict")
    lease.claim()
    genome = fingerprint(hidden / "data" / "genome.fa")
    known = {node["NodeID"] for node in ray.nodes()}
    folders = [str(hidden / name) for name in ("out", "data")]
    command = [*json.loads(sys.argv[2]), *folders, sys.argv[3], "start", "--block",
               "--num-cpus=1", f"--address={cluster.address}",
               f"--dashboard-agent-listen-port={sys.argv[4]}"]
    with open(os.path.join(folder, "log"), "wb") as log:
        node = subprocess.Popen(command, stdout=log, stderr=log)
    def new():
        return [each["NodeID"] for each in ray.nodes() if each["NodeID"] not in known and each["Alive"]]
    while not new():
        assert node.poll() is None, open(os.path.join(folder, "log")).read()
        time.sleep(0.1)
    for name, epoch in {"out": lease.epoch, "data": ""}.items():
        try:
            check_shared(SharedPaths(lease.out.resolve(), epoch, {"inputs.fasta": genome}))
        except Exception as error:
            others[name] = [type(error).__name__, str(error), new()[0]]
        if name == "out":
            findings = ask_nodes(lease.out.resolve(), {"inputs.fasta": genome})
            doctor["out"] = [each.message for each in findings if each.status == "fail"]
    node.terminate()
    node.wait()
    lease.release()
said = {address: repr(value) for address, value in found.items()}
own = ray.get_runtime_context().get_node_id()
print(json.dumps({"others": others, "nodes": nodes, "found": said, "own": own, "doctor": doctor}))
sys.stdout.flush()
ray.shutdown()
cluster.shutdown()
"""


NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = ["sh", "-c", 'mount -t tmpfs tmpfs "$0" && mount -t tmpfs tmpfs "$1" && shift && exec "$@"']


def may_mount() -> bool:
    """Whether a process here may have a disk of its own."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        try:
            return subprocess.run([*NAMESPACE, *MOUNT, one, other, "true"], check=False).returncode == 0
        except FileNotFoundError:
            return False


def test_every_node_but_the_drivers_own_is_asked_and_one_with_another_disk_is_named() -> None:
    """All processors are taken meanwhile."""
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    mounts = may_mount()
    with tempfile.TemporaryDirectory(prefix="rn", dir="/tmp", ignore_cleanup_errors=True) as folder:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM)
        more = [json.dumps([*NAMESPACE, *MOUNT]), str(BIN / "ray"), str(_free_port())] if mounts else []
        asked = subprocess.Popen(
            [sys.executable, str(program), folder, *more],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, errors = asked.communicate(timeout=600)
        finally:
            if asked.poll() is None:
                kill_tree(asked.pid)
                asked.wait()
    assert asked.returncode == 0, errors
    said = json.loads(out.splitlines()[-1])
    none, one = said["nodes"]["none"], said["nodes"]["one"]
    by_node = {address.partition("(")[2].rstrip(")"): value for address, value in said["found"].items()}
    assert by_node == {none[:8]: "ValueError('not here')", one[:8]: repr(one)}
    assert said["own"] not in (none, one)
    doctor = said["doctor"]
    assert [each[:2] for each in doctor["all"]] == [["nodes", "pass"]] * 2
    assert doctor["all"][0][3] == "these versions, run.out and 0 inputs as here"
    if mounts:
        assert doctor["out"] == [
            f"does not see {folder}/hidden/out/run, where run.out will be",
            f"inputs.fasta: {folder}/hidden/data/genome.fa: no such file there",
        ]
        paths = {"out": "hidden/out/run: on node", "data": "hidden/data/genome.fa: on node"}
        words = {
            "out": "run.out is not the driver's folder",
            "data": "inputs.fasta: no such file on this node",
        }
        assert said["others"].keys() == paths.keys()
        for name, (kind, message, node) in said["others"].items():
            assert kind == "UnsharedPathError"
            assert message.startswith(f"{folder}/{paths[name]} ")
            assert f"({node[:8]}): {words[name]}" in message
