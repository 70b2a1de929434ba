"""Trainings whose inputs are read, without a run folder or Ray."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raycre.config import TrainConfig, make_config
from raycre.genome.features import Signals
from raycre.workflows.inputs import signal_paths
from raycre.workflows.train.materialise import read_labelled, write_inputs
from raycre.workflows.train.plan import TrainPlan, plan_of


def plan_from(values: Mapping[str, Any]) -> TrainPlan:
    """The plan of a configuration's nested values."""
    return plan_of(make_config(TrainConfig, values))


def with_inputs(plan: TrainPlan, folder: Path | None = None) -> TrainPlan:
    """Read the labels and signals of a plan and write them to FOLDER/inputs; return it with its classes."""
    signals = Signals(signal_paths(plan.signals, plan.network.modalities))
    labelled = read_labelled(plan, signals)
    write_inputs((folder or plan.out) / "inputs", labelled.table, signals, plan.recipe.flank)
    return plan.settle(labelled.classes)


def in_folder(plan: TrainPlan, out: Path) -> TrainPlan:
    """The same training in another folder."""
    return replace(plan, out=out)
