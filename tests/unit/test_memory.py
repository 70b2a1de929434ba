"""What memory a replica asks for: by its models, its views and what it keeps; what never fits is refused."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import ray
import torch
from torch import nn

from raycre.backbones.declaration import Declaration
from raycre.backbones.planted import Planted
from raycre.backbones.replicates import Replicates
from raycre.backbones.spec import BackboneSpec
from raycre.demo.genome import DemoGenome
from raycre.engine import capacity
from raycre.engine.node_types import NodeType
from raycre.errors import RaycreError
from raycre.workflows import memory
from raycre.workflows import run as start
from raycre.workflows.memory import GIB, ON_A_GPU, PROCESS, memory_of_backbone, weight_bytes
from raycre.workflows.perturb.run import run_creme
from tests.by_hand import write_training
from tests.conftest import perturb_config, predict_config
from tests.in_process import run_creme as run_creme_here
from tests.in_process import run_predict
from tests.toy_borzoi import toy

SPEC = BackboneSpec("borzoi")


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that lays out half of its weights anew and needs them threefold for a pass."""
    found = Declaration("borzoi", "nowhere:none", packed=0.5, working=3.0)
    monkeypatch.setattr(memory, "find_backbone", lambda name: found)


def test_bytes_of_models_count_memory_that_they_share_once() -> None:
    layer = nn.Linear(10, 5)  # 55 numbers of 4 bytes
    twin = nn.Linear(10, 5, bias=False)
    twin.weight = layer.weight
    assert weight_bytes([layer, twin]) == 4 * 55
    layer.register_buffer("more", torch.zeros(3, dtype=torch.float64))
    assert weight_bytes([layer]) == 4 * 55 + 3 * 8


def test_a_replica_takes_its_process_its_weights_a_pass_and_what_it_keeps() -> None:
    model = toy()
    weights = weight_bytes([model])

    def beyond_the_process(spec: BackboneSpec = SPEC) -> float:
        return (memory_of_backbone(model, spec, 7 * weights, gpus=0) - PROCESS) / weights

    assert beyond_the_process() == pytest.approx(0.5 + 3 + 7, abs=0.01)
    assert beyond_the_process(replace(SPEC, incremental=False)) == pytest.approx(0.5 + 3, abs=0.01)
    views = replace(SPEC, shifts=(-1, 0, 1), reverse_complement=True)
    assert beyond_the_process(views) == pytest.approx(0.5 + 6 * 3 + 7, abs=0.01)
    model.shares_weights = False
    assert beyond_the_process() == pytest.approx(1 + 0.5 + 3 + 7, abs=0.01)


def test_an_ensemble_lays_out_all_of_its_weights_and_passes_one_member_at_a_time() -> None:
    members = [toy(), toy()]
    weights = weight_bytes(members[:1])
    for number, member in enumerate(members):
        member.weights_sha256 = f"{number}"
    found = memory_of_backbone(Replicates(members), SPEC, 0, gpus=0) - PROCESS
    assert found / weights == pytest.approx(2 * 0.5 + 3, abs=0.01)


def test_on_a_gpu_activations_are_kept_there() -> None:
    model = toy()
    asked = memory_of_backbone(model, SPEC, 100 * GIB, gpus=0.5)
    assert asked == PROCESS + ON_A_GPU + weight_bytes([model])


def test_a_model_without_a_trunk_keeps_nothing() -> None:
    asked = memory_of_backbone(Planted(), replace(SPEC, backbone="planted"), 100 * GIB, gpus=0)
    assert PROCESS <= asked < PROCESS + GIB


def test_a_dry_run_says_what_a_replica_asks_for(genome: DemoGenome, tmp_path: Path) -> None:
    def said(**resources: object) -> object:
        config = perturb_config(genome, tmp_path / "c", resources={"replicas": 1, **resources})
        return run_creme_here(config, dry_run=True).get("memory_per_replica_gib")

    assert said() == pytest.approx(PROCESS / GIB, abs=0.01)
    assert said(memory="1.5GiB") == 1.5
    assert said(memory=None) is None
    checkpoint = write_training(tmp_path / "train", n=2)
    asked = run_predict(predict_config(genome, checkpoint, tmp_path / "p"), dry_run=True)
    assert asked["memory_per_replica_gib"] == pytest.approx((PROCESS + memory.BATCH) / GIB, abs=0.05)


def test_a_replica_whose_memory_never_fits_is_refused_before_anything_is_written(
    genome: DemoGenome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "connected", nullcontext)
    monkeypatch.setattr(start, "check_room", capacity.check_room)
    monkeypatch.setattr(capacity, "_types", lambda: [NodeType({"CPU": 4.0, "memory": 2.0 * GIB}, 3)])
    monkeypatch.setattr(ray, "nodes", lambda: [])
    monkeypatch.setattr(ray, "cluster_resources", lambda: {})
    config = perturb_config(genome, tmp_path / "run", resources={"memory": "900GiB"})
    with pytest.raises(
        RaycreError, match=r"no replica fits: each asks for 1 CPU and 900\.0 GiB of memory, the cluster has"
    ):
        run_creme(config)
    assert not (tmp_path / "run").exists()
