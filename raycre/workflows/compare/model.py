"""The model of a finished CREME run, loaded again from what run.json says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from raycre.backbones.contract import Backbone
from raycre.backbones.loading import load, ready
from raycre.config import BackboneConfig
from raycre.errors import RunMismatchError
from raycre.workflows.devices import prepare


def load_model(record: Mapping[str, Any], run: Path, *, gpu: bool) -> tuple[Backbone, torch.device]:
    """Load a run's model in float32, whatever the run was in.

    Args:
        record: run.json of the run.
        run: its folder, for the error.
        gpu: onto the GPU.

    Raises:
        RunMismatchError: its weights are not those of the run.
        InputError: as `load`.
    """
    spec = BackboneConfig.model_validate(record["config"]["model"]).spec()
    threads = int(record["config"].get("resources", {}).get("cpus_per_replica", 1))
    device = prepare(threads, 1 if gpu else 0)
    model = ready(load(spec), device=device)
    if model.weights_sha256 != record.get("identity", {}).get("weights_sha256"):
        raise RunMismatchError("model.weights are not the ones that the run used; put them back", path=run)
    return model, device
