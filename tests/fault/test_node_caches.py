"""Two nodes with caches of their own: each brings an object once, and again where its copy is damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raycre.store.location import location
from tests.autoscaling import fixed
from tests.s3_server import BUCKET, bucket_at, serve_s3

# In a process of its own: this session may have a Ray already.
PROGRAM = """
import hashlib, json, os, sys
from pathlib import Path
import ray
from raycre.store.location import location

@ray.remote(num_cpus=1, max_retries=0)
def copy_here(url, damage):
    path = Path(os.fspath(location(url)))
    if damage:
        with path.open("r+b") as file:
            file.seek(1000)
            file.write(b"rot")
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()

ray.init(address=os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="error")
url, rounds = sys.argv[1], []
for damaged in (None, "b", None):
    asked = {
        name: copy_here.options(resources={name: 1}).remote(url, name == damaged) for name in ("a", "b")
    }
    rounds.append({name: ray.get(each) for name, each in asked.items()})
print(json.dumps(rounds))
"""


def test_each_node_brings_an_object_once_and_again_where_its_copy_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(300_000)
    with serve_s3() as s3, bucket_at(s3):
        url = f"s3://{BUCKET}/genome.fa"
        location(url).write_bytes(content)
        s3.requests.clear()
        with fixed(0) as cluster:
            for name in ("a", "b"):
                cluster.start_node(1, json.dumps({name: 1}), RAYCRE_CACHE=str(tmp_path / name))
            asked = subprocess.run(
                [sys.executable, "-c", PROGRAM, url], env=cluster.environment, capture_output=True, text=True,
                timeout=300, check=False,
            )  # fmt: skip
        assert asked.returncode == 0, asked.stderr
        first, damaged, last = json.loads(asked.stdout.splitlines()[-1])
        assert s3.requests["GET"] == 3  # each node's own, and the damaged one's again
    paths = {name: path for name, (path, _) in first.items()}
    assert paths["a"] != paths["b"]
    assert all(path.startswith(str(tmp_path / name)) for name, path in paths.items())
    assert paths == {name: path for name, (path, _) in last.items()}
    whole = first["a"][1]
    assert first["b"][1] == whole != damaged["b"][1]
    assert {sha256 for _, sha256 in last.values()} == {whole}
    assert [Path(path).read_bytes() == content for path in paths.values()] == [True, True]
