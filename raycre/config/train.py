"""The configuration of `raycre train`: every key, its kind and its default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from raycre.bounds import Positive
from raycre.config.from_dataclass import keys
from raycre.config.models import Frozen, SignalFiles, Verb, check_signals, signal_files, signal_rules
from raycre.config.presets import CREATE, with_preset
from raycre.config.resources import HowMany, Resources, share_fields
from raycre.config.words import one_of
from raycre.create import names
from raycre.create.evaluation.settings import Interpretation
from raycre.create.layout import MODALITIES, Modality
from raycre.create.model.loss_weights import LossWeights
from raycre.create.model.sizes import Codebook, Size, Structure
from raycre.create.training.recipe import Folds, Recipe
from raycre.genome.classes import CLASSES, trained_classes
from raycre.published.cache import REGISTRY, resolve
from raycre.store.location import path_of


class TrainInputs(SignalFiles):
    """Inputs of `train`: labels are BED6 (name = class) or Parquet with a label column.

    `classes` are those to train, background and one more at least; null: those that the labels hold.
    `overlaps`: regions of two classes that share bases are dropped, both (the paper), kept, or refused.
    """

    labels: Path
    classes: tuple[str, ...] | None = None
    overlaps: Literal["drop", "keep", "refuse"] = "drop"

    @field_validator("classes", mode="before")
    @classmethod
    def _as_list(cls, classes: Any) -> Any:
        return [c.strip() for c in classes.split(",")] if isinstance(classes, str) else classes  # of --set

    @field_validator("classes")
    @classmethod
    def _known(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if classes is None else trained_classes(classes)


@keys()
class CodebookConfig(Frozen, Codebook):
    """Split quantiser; null takes the value of `size`."""


@keys(first=("kind", "size", "modalities", "codebook", "latent"))
class ModelConfig(Frozen, Structure):
    """Model of `train`: CREATE, an ablation of it, a baseline, or one of an installed package (`kind`)."""

    kind: str = CREATE
    size: Size = "paper"
    modalities: tuple[Modality, ...] = MODALITIES
    codebook: CodebookConfig = CodebookConfig()
    init: Path | None = None  # weights to start from: of train, the authors' .pth, or registry:NAME

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> str:
        return one_of(kind, names.known())

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.modalities or list(self.modalities) != [m for m in MODALITIES if m in self.modalities]:
            raise ValueError(f"give each modality once, in the order {', '.join(MODALITIES)}")
        if self.latent == "continuous" and self.codebook != CodebookConfig():
            raise ValueError("a continuous latent space has no codebook; leave model.codebook out")
        return self

    @field_validator("init")
    @classmethod
    def _whole_path(cls, path: Path | None) -> Path | None:
        if path is None or str(path).startswith(REGISTRY):
            return path
        return path.resolve()  # workers stand elsewhere


@keys(first=("preset",), without=("weights",))
class RecipeConfig(Frozen, LossWeights, Recipe):
    """Training of one fold (CREATE, Methods, "Model training" and "Data augmentation").

    `preset` sets what paper and code have differently, or a baseline's own recipe; a key given wins.
    """

    preset: Literal["reference", "paper", "matched", "original"] = "reference"

    @model_validator(mode="before")
    @classmethod
    def _one_shift(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("balance", "shifts") == "shifts":
            return values
        return {"ratios": (1,) * len(CLASSES), **values}

    @model_validator(mode="after")
    def _one_balance(self) -> Self:
        if self.balance != "shifts" and len(set(self.ratios)) > 1:
            raise ValueError(
                f"ratios {list(self.ratios)} balance the classes by shifts, and balance is {self.balance}; "
                "give one ratio for all, or leave ratios out"
            )
        return self

    @model_validator(mode="after")
    def _has_momentum(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(f"momentum is of sgd; {self.optimizer} would take no notice of it")
        return self


@keys()
class InterpretationConfig(Frozen, Interpretation):
    """What is written of what a fold of CREATE has learnt (Methods, "Feature spectrum"; Fig. 4)."""


@keys()
class FoldsConfig(Frozen, Folds):
    """Cross-validation: n folds, 8:1:1 at ten; `only` trains some of them."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.only is not None and not all(0 <= k < self.n for k in self.only):
            raise ValueError(f"folds are numbered 0-{self.n - 1}")
        return self


class TrainResources(Resources):
    """`workers_per_fold` share a fold's batches; as many folds side by side as resources allow."""

    folds_at_once: HowMany = "auto"
    workers_per_fold: Positive = 1
    cpus_per_worker: Positive = 1
    gpus_per_worker: float = Field(default=0, ge=0)

    def share(self) -> dict[str, Any]:
        """Return the fields of the engine's `Share`: of a worker, and of how many groups of workers."""
        return share_fields(self.folds_at_once, self.cpus_per_worker, self.gpus_per_worker, self)


class TrainConfig(Verb):
    """`raycre train`."""

    inputs: TrainInputs
    model: ModelConfig = ModelConfig()
    recipe: RecipeConfig = RecipeConfig()
    interpretation: InterpretationConfig = InterpretationConfig()
    folds: FoldsConfig = FoldsConfig()
    resources: TrainResources = TrainResources()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return with_preset(values)

    @model_validator(mode="after")
    def _has_signals(self) -> Self:
        check_signals(self.inputs, self.model.modalities)
        return self

    def paths(self) -> dict[str, Path]:
        """Input files by their key."""
        init = {} if self.model.init is None else {"model.init": path_of(resolve(str(self.model.init)))}
        signals = signal_files(self.inputs, self.model.modalities)
        return {**signals, "inputs.labels": self.inputs.labels, **init}

    def science(self) -> dict[str, Any]:
        """Fields that change results; which folds are trained does not change any of them."""
        fields = super().science()
        fields["folds"].pop("only")
        fields["model"].pop("init")  # known by its hash
        for late in ("warmup_rate", "warmup_decay"):  # runs of earlier versions did not have them
            if fields["recipe"][late] is None:
                fields["recipe"].pop(late)
        if self.recipe.balance == "shifts":
            fields["recipe"].pop("balance")  # as above
        if set(self.recipe.keep) == {1.0}:
            fields["recipe"].pop("keep")  # as above
        if self.recipe.decay and self.recipe.warmup_epochs:
            fields["recipe"]["decay_counts"] = "each phase's steps"  # earlier versions counted all
        if self.inputs.classes not in (None, CLASSES):  # runs of earlier versions trained all five
            fields["classes"] = list(self.inputs.classes)
        if self.inputs.overlaps == "keep":  # refused, by earlier versions too, or dropped: none is left
            fields["overlaps"] = "keep"
        if self.model.kind == CREATE:
            fields["model"]["track_heads"] = "start above zero"  # earlier versions left them as torch draws
        else:
            fields.pop("interpretation")  # a baseline has nothing to interpret
        return {**fields, **signal_rules(self.inputs)}
