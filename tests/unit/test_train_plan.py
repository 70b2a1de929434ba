"""What a training's configuration is resolved to: its identity, and weights that are read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from raycre.config import TrainConfig, make_config
from raycre.create.layout import CLASSES
from raycre.create.model.network import Network
from raycre.create.model.specification import NetworkSpec
from raycre.create.model.weight_files import read_network, write_model
from raycre.errors import ChangedInputError
from raycre.genome.fingerprint import fingerprint
from raycre.workflows.train import fold
from raycre.workflows.train.fold import start_network
from raycre.workflows.train.plan import plan_of

FOUR = ("enhancer", "promoter", "insulator", "background")
TINY = NetworkSpec(size="tiny", modalities=("openness",))
SIGNALS = {"fasta": "g.fa", "labels": "l.bed", "openness": ["o.bw"], "loops": "l.bedpe"}


def config_of(classes: tuple[str, ...] | None, **more: Any) -> TrainConfig:
    inputs = {**SIGNALS, "classes": classes}
    return make_config(TrainConfig, {"run": {"out": "x"}, "inputs": inputs, **more})


@pytest.mark.parametrize("asked", [None, FOUR, CLASSES])
@pytest.mark.parametrize("found", [FOUR, CLASSES])
def test_a_plan_has_the_identity_of_a_configuration_with_the_classes_that_the_labels_hold(
    asked: tuple[str, ...] | None, found: tuple[str, ...]
) -> None:
    plan, expected = plan_of(config_of(asked)).settle(found), config_of(found)
    assert plan.science == expected.science()
    assert plan.record == expected.model_dump(mode="json")
    assert plan.network.classes == found


def test_several_workers_of_a_fold_belong_to_the_layout() -> None:
    alone, pair = (
        plan_of(config_of(None, resources={"workers_per_fold": n})).identity({"a": "b"}, {"c": "d"})
        for n in (1, 2)
    )
    assert (alone["layout"], pair["layout"]) == ({}, {"workers_per_fold": 2})
    assert alone["science"] == pair["science"] == {
        **config_of(None).science(), "c": "d", "sha256": {"a": "b"},
    }  # fmt: skip


def test_weights_to_start_from_are_read_once_by_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    write_model(tmp_path / "start.safetensors", TINY.build())
    init = fingerprint(tmp_path / "start.safetensors")
    read: list[Path] = []
    whole = read_network

    def counted(path: Path) -> Network:
        read.append(path)
        return whole(path)

    monkeypatch.setattr(fold, "read_network", counted)
    first, second = start_network(TINY, init), start_network(TINY, init)
    assert read == [tmp_path / "start.safetensors"]
    name, tensor = next(iter(first.state_dict().items()))
    assert torch.equal(tensor, second.state_dict()[name])
    tensor.zero_()  # training one fold leaves the start of the next as it was
    assert second.state_dict()[name].any()
    assert start_network(TINY, init).state_dict()[name].any()


def test_weights_that_were_replaced_meanwhile_start_no_training(tmp_path: Path) -> None:
    path = tmp_path / "start.safetensors"
    write_model(path, TINY.build())
    init = fingerprint(path)
    write_model(path, TINY.build())
    with pytest.raises(ChangedInputError):
        start_network(TINY, init)
