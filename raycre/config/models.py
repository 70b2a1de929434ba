"""One frozen model per verb: every key, its kind and its default. It opens no file.

Every key is spelled as in the README. `science()` is what changes results and goes into a run's digest;
`layout()` shapes the plan only; resources, names and folders are in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from raycre.config.presets import with_preset
from raycre.store.cached import resolve

Modality = Literal["sequence", "openness", "loops"]
Test = Literal["context", "necessity", "sufficiency"]
Positive = Annotated[int, Field(ge=1)]
_ORDER: tuple[Modality, ...] = ("sequence", "openness", "loops")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunConfig(_Model):
    """Where a run lives. `seed` is the root of every random number."""

    name: str = "run"
    out: Path
    seed: int = Field(default=0, ge=0)


class _Signals(_Model):
    fasta: Path
    openness: tuple[Path, ...] = ()  # replicates, bigWig or bedGraph
    loops: Path | None = None  # BEDPE; or bigWig, bedGraph of counts per base
    loops_count_column: int | None = Field(default=None, ge=7)  # of a BEDPE, from 1; else a loop counts 1
    blacklist: Path | None = None
    outside: Literal["error", "drop"] = "error"  # regions and loops off the FASTA: stop, or drop and count


class TrainInputs(_Signals):
    """Inputs of `train`: labels are BED6 (name = class) or Parquet with a label column."""

    labels: Path


class Codebook(_Model):
    """Split quantiser; null takes the value of `size`."""

    K: Positive | None = None
    M: Positive | None = None
    mu: float | None = Field(default=None, gt=0, lt=1)


class ModelConfig(_Model):
    """Model of `train`: CREATE, an ablation of it, or a baseline (`kind`)."""

    kind: Literal["create", "deepsea", "danq", "es-transition", "deepicsh"] = "create"
    size: Literal["paper", "small", "tiny"] = "paper"
    modalities: tuple[Modality, ...] = _ORDER
    codebook: Codebook = Codebook()
    latent: Literal["discrete", "continuous"] = "discrete"  # continuous: CREATE (VAE)
    pointwise: bool = True
    upsample_first: bool = True
    base_norm: bool = True
    smoothing: float = Field(default=1e-5, ge=0)
    log_openness: bool = True
    init: Path | None = None  # weights to start from: of train, or the authors' .pth

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
        return None if path is None else path.resolve()  # workers stand elsewhere


class RecipeConfig(_Model):
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

    @model_validator(mode="after")
    def _has_momentum(self) -> Self:
        if self.momentum and self.optimizer != "sgd":
            raise ValueError(f"momentum is of sgd; {self.optimizer} would take no notice of it")
        return self


class Folds(_Model):
    """Cross-validation: n folds, 8:1:1 at ten; `only` trains some of them."""

    n: int = Field(default=10, ge=3)
    by: Literal["stratified", "chromosome"] = "stratified"
    only: tuple[int, ...] | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.only is not None and not all(0 <= k < self.n for k in self.only):
            raise ValueError(f"folds are numbered 0-{self.n - 1}")
        return self


class TrainResources(_Model):
    """`workers_per_fold` share a fold's batches; as many folds side by side as resources allow."""

    folds_at_once: Positive | Literal["auto"] = "auto"
    workers_per_fold: Positive = 1
    cpus_per_worker: Positive = 1
    gpus_per_worker: float = Field(default=0, ge=0)


class ReplicaResources(_Model):
    """Replicas of a model; results do not depend on how many."""

    replicas: Positive | Literal["auto"] = "auto"
    cpus_per_replica: Positive = 1
    gpus_per_replica: float = Field(default=0, ge=0)


class _Verb(_Model):
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


class TrainConfig(_Verb):
    """`raycre train`."""

    inputs: TrainInputs
    model: ModelConfig = ModelConfig()
    recipe: RecipeConfig = RecipeConfig()
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
        init = {} if self.model.init is None else {"model.init": self.model.init}
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
        if self.recipe.decay and self.recipe.warmup_epochs:
            fields["recipe"]["decay_counts"] = "each phase's steps"  # earlier versions counted all
        return {**fields, **_signal_rules(self.inputs)}


class PredictInputs(_Signals):
    """Inputs of `predict`: regions are BED3+, narrowPeak or Parquet."""

    regions: Path


class Cutoffs(_Model):
    """Smallest probability of a call, by class, instead of those that `train` found."""

    silencer: float
    enhancer: float
    promoter: float
    insulator: float


class PredictModel(_Model):
    """A folder written by `train` and which of its folds to average; or one file, `train`'s or the authors'.

    A file brings no cutoffs: without `cutoffs`, regions get probabilities and no call.
    """

    checkpoint: Path
    folds: Literal["all"] | tuple[int, ...] = "all"
    cutoffs: Cutoffs | None = None


class PredictConfig(_Verb):
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


class PerturbInputs(_Model):
    """Inputs of `creme`: genes by name or id, from a GTF or a TSS table."""

    fasta: Path
    gtf: Path | None = None
    tss_table: Path | None = None
    genes: tuple[str, ...] | Path
    tss: Literal["canonical", "outermost", "all"] = "canonical"
    max_n: int = Field(default=0, ge=0)  # a window with more N than this is refused

    @model_validator(mode="after")
    def _one_annotation(self) -> Self:
        if (self.gtf is None) == (self.tss_table is None):
            raise ValueError("give either gtf or tss_table")
        return self


class BackboneConfig(_Model):
    """A registered backbone and its weights: a path, registry:NAME of `raycre weights list`, or random:SEED.

    A list of weights is an ensemble, whose predictions are averaged. Random weights are not a trained model,
    and every output says so. `gamma` is how Enformer's weights were trained: with TensorFlow's gamma features
    (the published ones, and the default) or the plain formula. Borzoi sums the strands unless told otherwise.
    """

    backbone: str
    weights: str | tuple[str, ...] | None = None
    head: Literal["human", "mouse"] = "human"
    track_table: Path | None = None  # or registry:NAME
    gamma: Literal["tensorflow", "exact"] | None = None
    strands: Literal["summed", "separate"] | None = None
    dtype: Literal["float32", "tf32", "bfloat16"] = "float32"  # of matrix products; tf32 on GPUs only
    incremental: bool = True  # reuse activations that an edit leaves alone; the same up to rounding
    shifts: tuple[int, ...] = Field(default=(0,), min_length=1)  # bp; averaged over shifts of the window …
    reverse_complement: bool = False  # … and over both strands

    def settings(self) -> dict[str, Any]:
        """Settings that only some backbones have, where given."""
        given = {"gamma": self.gamma, "strands": self.strands}
        return {key: value for key, value in given.items() if value is not None}


class CremeConfig(_Model):
    """Settings of the tests (CREME, Methods); a test without its own number takes the paper's."""

    tile_size: int = Field(default=5000, ge=2)
    tiles: Literal["all"] | tuple[int, ...] = "all"  # starts of context tiles in the model's input
    n_shuffles: dict[Test, Positive] = {}
    compat: Literal["fixed", "reference"] = "fixed"
    thresholds: Literal["enformer", "borzoi"] | None = None  # null: the backbone's


class PerturbResources(ReplicaResources):
    """`tiles_per_task`: forward passes of how many tiles make one unit of work.

    `cache_gib`: activations that a replica keeps of wild types and backgrounds, in GiB.
    """

    tiles_per_task: Positive | Literal["auto"] = "auto"
    cache_gib: float = Field(default=2, gt=0)

    @property
    def cache_bytes(self) -> int:
        """The cache's size in bytes."""
        return int(self.cache_gib * 2**30)


class PerturbConfig(_Verb):
    """`raycre creme TEST`."""

    inputs: PerturbInputs
    model: BackboneConfig
    tracks: str | tuple[int | str, ...]
    tests: tuple[Test, ...] = ("context", "necessity", "sufficiency")
    creme: CremeConfig = CremeConfig()
    resources: PerturbResources = PerturbResources()

    @model_validator(mode="after")
    def _precision(self) -> Self:
        if self.model.dtype == "tf32" and not self.resources.gpus_per_replica:
            raise ValueError("model.dtype tf32 is of GPUs; set resources.gpus_per_replica, or take bfloat16")
        return self

    def science(self) -> dict[str, Any]:
        """Fields that change results; weights, tracks and genes go in by what they resolve to."""
        fields = super().science()
        del fields["tracks"], fields["model"]
        reading = {
            "head": self.model.head,
            "dtype": self.model.dtype,
            "incremental": self.model.incremental,
            "shifts": self.model.shifts,
            "reverse_complement": self.model.reverse_complement,
            **self.model.settings(),
        }
        return {**fields, **reading, "tss": self.inputs.tss, "max_n": self.inputs.max_n}

    def layout(self) -> dict[str, Any]:
        """Tiles per task."""
        return {"tiles_per_task": self.resources.tiles_per_task}

    def paths(self) -> dict[str, Path]:
        """Input files by their key; registry:NAME means the cached file."""
        given = {
            "inputs.fasta": self.inputs.fasta,
            "inputs.gtf": self.inputs.gtf,
            "inputs.tss_table": self.inputs.tss_table,
            "inputs.genes": self.inputs.genes if isinstance(self.inputs.genes, Path) else None,
            "model.track_table": self.model.track_table,
        }
        return {key: Path(resolve(str(path))) for key, path in given.items() if path is not None}


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
