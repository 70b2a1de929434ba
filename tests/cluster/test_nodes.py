"""Every node of a cluster is asked: the workers, one without processors, and not the driver's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT
from tests.processes import kill_tree

# In a process of its own: this session may have a Ray already.
PROGRAM = """
import json, os, sys
import ray
from ray.cluster_utils import Cluster
from raycre.engine.nodes import on_every_node
from raycre.workflows.shared import SharedPaths, check_shared
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
lease = Lease(__import__("pathlib").Path(folder) / "run", "raycre predict")
lease.claim()
check_shared(SharedPaths(lease.out.resolve(), lease.epoch, {}))
lease.release()
said = {address: repr(value) for address, value in found.items()}
print(json.dumps({"nodes": nodes, "found": said, "own": ray.get_runtime_context().get_node_id()}))
sys.stdout.flush()
ray.shutdown()
cluster.shutdown()
"""


def test_every_node_but_the_drivers_own_is_asked_even_where_all_processors_are_taken() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    environment |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory(prefix="rn", dir="/tmp", ignore_cleanup_errors=True) as folder:
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM)
        asked = subprocess.Popen(
            [sys.executable, str(program), folder],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
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
