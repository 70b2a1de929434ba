"""One frozen model per verb: every key, its kind and its default. It opens no file.

Every key is spelled as in the README. `science()` is what changes results and goes into a run's digest;
`layout()` shapes the plan only; resources, names and folders are in neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from raycre.bounds import Positive
from raycre.config.given import as_taken
from raycre.config.presets import CREATE, with_preset
from raycre.config.words import one_of
from raycre.create import names
from raycre.genome.classes import CLASSES, trained_classes
from raycre.published.cache import REGISTRY, resolve

Modality = Literal["sequence", "openness", "loops"]
_ORDER: tuple[Modality, ...] = ("sequence", "openness", "loops")


class Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_taken(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        return as_taken(field.annotation, field.metadata, value)


class RunConfig(Frozen):
    """Where a run lives. `seed` is the root of every random number."""

    name: str = "run"
    out: Path
    seed: int = Field(default=0, ge=0, le=2**63 - 1)


class _Signals(Frozen):
    fasta: Path
    openness: tuple[Path, ...] = ()  # replicates, bigWig or bedGraph
    loops: Path | None = None  # BEDPE; or bigWig, bedGraph of counts per base
    loops_count_column: int | None = Field(default=None, ge=7)  # of a BEDPE, from 1; else a loop counts 1
    blacklist: Path | None = None
    outside: Literal["error", "drop"] = "error"  # regions and loops off the FASTA: stop, or drop and count

    def signals(self) -> dict[str, Any]:
        """Return the fields that every verb's inputs have, by name."""
        return {name: getattr(self, name) for name in _Signals.model_fields}


class TrainInputs(_Signals):
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


class Codebook(Frozen):
    """Split quantiser; null takes the value of `size`."""

    K: Positive | None = None
    M: Positive | None = None
    mu: float | None = Field(default=None, gt=0, lt=1)


class ModelConfig(Frozen):
    """Model of `train`: CREATE, an ablation of it, or a baseline (`kind`)."""

    kind: str = CREATE
    size: Literal["paper", "small", "tiny"] = "paper"
    modalities: tuple[Modality, ...] = _ORDER
    codebook: Codebook = Codebook()
    latent: Literal["discrete", "continuous"] = "discrete"  # continuous: CREATE (VAE)
    pointwise: bool = True
    upsample_first: bool = True
    base_norm: bool = True
    smoothing: float = Field(default=1e-5, ge=0)
    log_openness: bool = True
    init: Path | None = None  # weights to start from: of train, the authors' .pth, or registry:NAME

    @field_validator("kind", mode="before")
    @classmethod
    def _known(cls, kind: Any) -> str:
        return one_of(kind, names.known())

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.modalities or list(self.modalities) != [m for m in _ORDER if m in self.modalities]:
            raise ValueError(f"give each modality once, in the order {', '.join(_ORDER)}")
        if self.latent == "continuous" and self.codebook != Codebook():
            raise ValueError("a continuous latent space has no codebook; leave model.codebook out")
        return self

    @field_validator("init")
    @classmethod
    def _whole_path(cls, path: Path | None) -> Path | None:
        if path is None or str(path).startswith(REGISTRY):
            return path
        return path.resolve()  # workers stand elsewhere


class RecipeConfig(Frozen):
    """Training of one fold (CREATE, Methods, "Model training" and "Data augmentation").

    `preset` sets what paper and code have differently, or a baseline's own recipe; a key given wins.
    """

    preset: Literal["reference", "paper", "matched", "original"] = "reference"
    epochs: Positive = 300
    warmup_epochs: int = Field(default=50, ge=0)
    batch_size: Positive = 1024
    learning_rate: float = Field(default=5e-5, gt=0)
    warmup_rate: float | None = Field(default=None, gt=0)  # learning_rate and decay of warm-up, if others
    warmup_decay: float | None = Field(default=None, ge=0)
    schedule: Literal["constant", "plateau"] = "constant"
    optimizer: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: float = Field(default=0, ge=0, lt=1)
    decay: float = Field(default=0, ge=0)
    weight_decay: float = Field(default=0, ge=0)
    max_norm: float | None = Field(default=None, gt=0)
    patience: Positive = 20
    stop_from: int = Field(default=0, ge=0)
    score_warmup: bool = False
    drop_last: bool = True
    balance: Literal["shifts", "weights", "none"] = "shifts"  # of classes that are not equally many
    ratios: tuple[Positive, Positive, Positive, Positive, Positive] = (5, 5, 3, 3, 1)  # shifts by class
    eval_ratio: Positive = 5  # shifts in validation and test
    stride: Positive = 10  # bp between shifts
    strands: Literal["every", "original"] = "every"
    precision: Literal["float32", "bfloat16"] = "float32"
    openness: float = Field(default=0.01, ge=0)  # β
    loops: float = Field(default=0.1, ge=0)  # γ
    commitment: float = Field(default=0.25, ge=0)  # α
    sum_code_dims: bool = False
    reconstruction: float = Field(default=0.5, ge=0)
    classification: float = Field(default=1, ge=0)
    mean_over_classes: bool = False
    focal_silencer: float = Field(default=1, ge=0)
    norms: float = Field(default=2, ge=0)

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


class InterpretationConfig(Frozen):
    """What is written of what a fold of CREATE has learnt (Methods, "Feature spectrum"; Fig. 4).

    The map reads the codebook features of all positions, as the paper's, or their mean. A cap takes the
    regions whose bases have the smallest hashes.
    """

    embedding: Literal["concatenated", "mean"] = "concatenated"  # what the map reads
    mapped: Positive = 20_000  # test regions on the map at most
    per_class: Positive | None = None  # regions of a class decoded without its major feature; null: all
    base_by_base: int = Field(default=200, ge=0)  # of these, kept base by base, a class


class Folds(Frozen):
    """Cross-validation: n folds, 8:1:1 at ten; `only` trains some of them."""

    n: int = Field(default=10, ge=3)
    by: Literal["stratified", "chromosome"] = "stratified"
    only: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.only is not None and not all(0 <= k < self.n for k in self.only):
            raise ValueError(f"folds are numbered 0-{self.n - 1}")
        return self


class TrainResources(Frozen):
    """`workers_per_fold` share a fold's batches; as many folds side by side as resources allow."""

    folds_at_once: Positive | Literal["auto"] = "auto"
    workers_per_fold: Positive = 1
    cpus_per_worker: Positive = 1
    gpus_per_worker: float = Field(default=0, ge=0)


class ReplicaResources(Frozen):
    """Replicas of a model; results do not depend on how many."""

    replicas: Positive | Literal["auto"] = "auto"
    cpus_per_replica: Positive = 1
    gpus_per_replica: float = Field(default=0, ge=0)


class Verb(Frozen):
    run: RunConfig

    def science(self) -> dict[str, Any]:
        """Fields that change results, without paths: inputs are known by their hashes."""
        fields = self.model_dump(mode="json", exclude={"run", "resources", *self._not_science()})
        return {"seed": self.run.seed, **fields}

    def layout(self) -> dict[str, Any]:
        """Fields that shape the plan of units, not the results."""
        return {}

    def _not_science(self) -> set[str]:
        return {"inputs"}


class TrainConfig(Verb):
    """`raycre train`."""

    inputs: TrainInputs
    model: ModelConfig = ModelConfig()
    recipe: RecipeConfig = RecipeConfig()
    interpretation: InterpretationConfig = InterpretationConfig()
    folds: Folds = Folds()
    resources: TrainResources = TrainResources()

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        return with_preset(values)

    @model_validator(mode="after")
    def _has_signals(self) -> Self:
        _check_signals(self.inputs, self.model.modalities)
        return self

    def paths(self) -> dict[str, Path]:
        """Input files by their key."""
        init = {} if self.model.init is None else {"model.init": Path(resolve(str(self.model.init)))}
        signals = _signal_paths(self.inputs, self.model.modalities)
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
        return {**fields, **_signal_rules(self.inputs)}


class PredictInputs(_Signals):
    """Inputs of `predict`: regions are BED3+, narrowPeak or Parquet."""

    regions: Path


class Cutoffs(Frozen):
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
    cutoffs: Cutoffs | None = None


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
        fields = super().science() | {**_signal_rules(self.inputs), "folds": self.model.folds}
        fields |= {} if cutoffs is None else {"cutoffs": cutoffs}
        del fields["model"]  # the checkpoint is known by its hashes
        return fields

    def layout(self) -> dict[str, Any]:
        """The shard size."""
        return {"shard_size": self.shard_size}

    def paths(self) -> dict[str, Path]:
        """Input files by their key; which signals are read depends on the checkpoint."""
        return {**_signal_paths(self.inputs, _ORDER), "inputs.regions": self.inputs.regions}

    def _not_science(self) -> set[str]:
        return {"inputs", "shard_size"}


def _check_signals(inputs: _Signals, modalities: Sequence[str]) -> None:
    if "openness" in modalities and not inputs.openness:
        raise ValueError("modality openness needs inputs.openness (bigWig or bedGraph files)")
    if "loops" in modalities and inputs.loops is None:
        raise ValueError("modality loops needs inputs.loops (BEDPE, bigWig or bedGraph)")


def _signal_rules(inputs: _Signals) -> dict[str, Any]:
    """Settings of the inputs that change what is read from the same files."""
    return {"outside": inputs.outside, "loops_count_column": inputs.loops_count_column}


def _signal_paths(inputs: _Signals, modalities: Sequence[str]) -> dict[str, Path]:
    paths = {"inputs.fasta": inputs.fasta}
    if "openness" in modalities:
        paths |= {f"inputs.openness[{i}]": path for i, path in enumerate(inputs.openness)}
    if "loops" in modalities and inputs.loops is not None:
        paths["inputs.loops"] = inputs.loops
    if inputs.blacklist is not None:
        paths["inputs.blacklist"] = inputs.blacklist
    return paths
