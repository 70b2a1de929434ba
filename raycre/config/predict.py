"""The configuration of 'raycre predict': every key, its kind and its default."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from raycre.bounds import Positive
from raycre.config.models import Frozen, SignalFiles, Verb, signal_files, signal_rules
from raycre.config.resources import ReplicaResources
from raycre.create.layout import MODALITIES


class PredictInputs(SignalFiles):
    """Inputs of `predict`: regions are BED3+, narrowPeak or Parquet."""

    regions: Path


class GivenCutoffs(Frozen):
    """Smallest probability of a call, by class, instead of those that `train` found.

    Every class that the models were trained on needs one, and no other has any.
    """

    silencer: float | None = None
    enhancer: float | None = None
    promoter: float | None = None
    insulator: float | None = None


class PredictModel(Frozen):
    """A folder written by `train` and which of its folds to average; or one file, `train`'s or the authors'.

    registry:NAME is a published file in the cache.

    A file brings no cutoffs: without `cutoffs`, regions get probabilities and no call.
    """

    checkpoint: Path
    folds: Literal["all"] | tuple[int, ...] = "all"
    cutoffs: GivenCutoffs | None = None


class PredictConfig(Verb):
    """`raycre predict`."""

    inputs: PredictInputs
    model: PredictModel
    views: Positive = 10
    codes: bool = False  # also write each fold's codebook features of every region
    shard_size: Positive = 1024
    dtype: Literal["float32"] = "float32"
    resources: ReplicaResources = ReplicaResources()

    @model_validator(mode="after")
    def _views(self) -> Self:
        if self.views > 1 and self.views % 2:
            raise ValueError("views are shifts times two strands: 1 (centre only), or an even number")
        return self

    def science(self) -> dict[str, Any]:
        """Fields that change results."""
        cutoffs = None if self.model.cutoffs is None else self.model.cutoffs.model_dump()
        fields = super().science() | {**signal_rules(self.inputs), "folds": self.model.folds}
        fields |= {} if cutoffs is None else {"cutoffs": cutoffs}
        del fields["model"]  # the checkpoint is known by its hashes
        return fields

    def layout(self) -> dict[str, Any]:
        """The shard size."""
        return {"shard_size": self.shard_size}

    def paths(self) -> dict[str, Path]:
        """Input files by their key; which signals are read depends on the checkpoint."""
        return {**signal_files(self.inputs, MODALITIES), "inputs.regions": self.inputs.regions}

    def _not_science(self) -> set[str]:
        return {"inputs", "shard_size"}
