"""The files that start clusters: Ray's own validation, and that jobs fit on what they offer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from raycre.config import PerturbConfig, PredictConfig, TrainConfig, read_config
from raycre.engine.resources import Share, fits
from tests.conftest import ROOT

ENFORMER = int(3.5 * 2**30)  # bytes that a replica asks for (benchmarks/RESULTS.md, "Memory of replicas")
NODE = {"m7i.xlarge": 16, "m7i.4xlarge": 64, "g6.4xlarge": 64}  # GiB, by AWS's own pages
FOR_REPLICAS = 0.7  # of a node's memory, which Ray gives to replicas
CLUSTER: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text())
GROUPS = {name: group for name, group in CLUSTER["available_node_types"].items() if name != "head"}
RAYJOB: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "kuberay" / "rayjob.yaml").read_text())
PODS = {
    group["groupName"]: group["template"]["spec"]["containers"][0]["resources"]["limits"]
    for group in RAYJOB["spec"]["rayClusterSpec"]["workerGroupSpecs"]
}


def asked_for() -> dict[str, Share]:
    """What the jobs of jobs/ ask for, and one replica on a GPU."""
    kinds: dict[str, Any] = {"train": TrainConfig, "predict": PredictConfig, "perturb": PerturbConfig}
    jobs = {
        name: Share(**read_config(kind, ROOT / "jobs" / f"{name}.yaml").resources.share())
        for name, kind in kinds.items()
    }
    return {**jobs, "gpu": Share(cpus=4, gpus=1, memory=ENFORMER)}


def test_ray_accepts_the_cluster_configuration() -> None:
    config = prepare_config(CLUSTER)
    validate_config(config)
    head = config["available_node_types"]["head"]
    assert (head["resources"]["CPU"], head["max_workers"]) == (0, 0)  # no work on the node that must not die


def test_workers_go_when_idle_and_spot_has_a_group_to_fall_back_on() -> None:
    assert CLUSTER["idle_timeout_minutes"] <= 10
    assert all(group["min_workers"] == 0 for group in GROUPS.values())
    market = {name: "InstanceMarketOptions" in group["node_config"] for name, group in GROUPS.items()}
    assert market == {"cpu_spot": True, "gpu_spot": True, "gpu_on_demand": False}
    assert GROUPS["gpu_spot"]["resources"] == GROUPS["gpu_on_demand"]["resources"]
    assert sum(group["max_workers"] for group in GROUPS.values()) == CLUSTER["max_workers"]


def test_every_node_has_disk_role_and_tags_and_no_public_address() -> None:
    assert CLUSTER["provider"]["use_internal_ips"]
    for group in CLUSTER["available_node_types"].values():
        node = group["node_config"]
        assert node["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] >= 100
        assert node["IamInstanceProfile"]["Name"].startswith("raycre-")
        assert node["TagSpecifications"]
        assert node["SecurityGroupIds"]  # Ray's own group would let SSH in from everywhere
        assert node["MetadataOptions"]["HttpTokens"] == "required"


def test_the_cluster_asks_for_a_token_and_listens_to_no_one_outside() -> None:
    commands = [*CLUSTER["head_start_ray_commands"], *CLUSTER["worker_start_ray_commands"]]
    starting = [command for command in commands if "ray start" in command]
    assert len(starting) == 2
    assert all("RAY_AUTH_MODE=token" in command for command in starting)
    assert "--dashboard-host=127.0.0.1" in starting[0]
    assert "/home/ray/.ray/auth_token" in CLUSTER["file_mounts"]


def test_images_are_of_the_ray_that_is_pinned() -> None:
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    images = [
        CLUSTER["docker"]["image"],
        *(g["docker"]["worker_image"] for g in GROUPS.values() if "docker" in g),
    ]
    found = [re.fullmatch(r"rayproject/ray:(.+)-py3(\d+)(-gpu)?", image) for image in images]
    assert all(each and each[1] == pinned[1] and int(each[2]) >= 11 for each in found)
    assert RAYJOB["spec"]["rayClusterSpec"]["rayVersion"] == pinned[1]
    assert "FROM python:3.12-" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", asked_for())
def test_some_group_offers_what_each_job_asks_for(name: str) -> None:
    share = asked_for()[name]
    assert any(fits(group["resources"], share) for group in GROUPS.values())
    pods = [{"CPU": int(p["cpu"]), "GPU": int(p.get("nvidia.com/gpu", 0))} for p in PODS.values()]
    assert any(fits(pod, share) for pod in pods)


def test_three_of_four_cores_of_a_node_hold_a_replica_each_by_its_memory() -> None:
    share = Share(cpus=1, memory=ENFORMER)
    for group in GROUPS.values():
        gib = NODE[group["node_config"]["InstanceType"]]
        assert group["resources"]["memory"] == int(FOR_REPLICAS * gib * 2**30)
        assert fits(group["resources"], share) >= 0.75 * group["resources"]["CPU"]
    for pod in PODS.values():
        memory = FOR_REPLICAS * int(pod["memory"].removesuffix("Gi")) * 2**30
        assert fits({"CPU": int(pod["cpu"]), "memory": memory}, share) >= 0.75 * int(pod["cpu"])


def test_pods_have_no_root_no_open_service_and_take_the_token_from_a_secret() -> None:
    cluster = RAYJOB["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in groups:
        spec = group["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        environment = {each["name"]: each for each in spec["containers"][0]["env"]}
        assert environment["RAY_AUTH_MODE"]["value"] == "token"
        assert "secretKeyRef" in environment["RAY_AUTH_TOKEN"]["valueFrom"]
    assert all(group["minReplicas"] == 0 for group in cluster["workerGroupSpecs"])


@pytest.mark.slow
def test_the_set_up_commands_work_in_an_empty_folder_and_a_fresh_environment(tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "empty"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    left_out = [name.removeprefix("**/") for name in CLUSTER["rsync_exclude"]]
    shutil.copytree(ROOT, home / "raycre", ignore=shutil.ignore_patterns(*left_out))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HOME": str(home), "PATH": f"{home / 'venv' / 'bin'}:{os.environ['PATH']}"}
    for command in CLUSTER["setup_commands"]:
        subprocess.run(["bash", "-c", command], check=True, cwd=work, env=environment)
    found = subprocess.run(
        ["raycre", "--version"], check=True, cwd=work, env=environment, capture_output=True, text=True
    )
    assert "ray 2.60" in found.stdout
