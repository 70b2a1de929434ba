"""One frozen model per verb: every key, its kind and its default.

Every key is spelled as in the README. `science()` is what changes results and goes into a run's digest;
`layout()` shapes the plan only; resources, names and folders are in neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from raycre.bounds import Positive
from raycre.config.given import as_taken
from raycre.create.layout import MODALITIES
from raycre.errors import BucketAccessError, BucketError, ConfigError
from raycre.store.location import location


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


class SignalFiles(Frozen):
    fasta: Path
    openness: tuple[Path, ...] = ()  # replicates, bigWig or bedGraph
    loops: Path | None = None  # BEDPE; or bigWig, bedGraph of counts per base
    loops_count_column: int | None = Field(default=None, ge=7)  # of a BEDPE, from 1; else a loop counts 1
    blacklist: Path | None = None
    outside: Literal["error", "drop"] = "error"  # regions and loops off the FASTA: stop, or drop and count

    def signals(self) -> dict[str, Any]:
        """Return the fields that every verb's inputs have, by name."""
        return {name: getattr(self, name) for name in SignalFiles.model_fields}


class Between(Frozen):
    """A number of replicas that may change while a run goes on."""

    min: Positive = 1
    max: Positive | None = None  # null: as many as the cluster may grow to

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"min {self.min} is more than max {self.max}")
        return self


HowMany = Positive | Literal["auto"] | Between
"""Of replicas: so many at most, as many as there is work and room for, or between two numbers."""


class NodeRow(Frozen):
    """A type of node in a table of prices: what `--dry-run` and `raycre status` reckon with."""

    name: str
    price: float = Field(ge=0)  # of an hour, in whatever money
    cpus: float = Field(gt=0)
    gpus: float = Field(default=0, ge=0)
    memory: str | None = None  # of the node, such as 32GiB
    speed: float = Field(default=1, gt=0)  # how many times as fast as where the dry run measures
    start: str = "3m"  # until a node that is asked for works
    most: Positive | None = None  # of such nodes; null for any number

    @model_validator(mode="after")
    def _readable(self) -> Self:
        seconds_of(self.start)
        if self.memory is not None:
            bytes_of(self.memory)
        return self

    def fields(self) -> dict[str, Any]:
        """Return what workflows take of it: bytes and seconds in place of texts."""
        memory = 0 if self.memory is None else bytes_of(self.memory)
        return {**self.model_dump(), "memory": memory, "start": seconds_of(self.start)}


class Resources(Frozen):
    """What every verb's resources have."""

    wait: str = "15m"  # for nodes to come, where nobody can say whether any will
    # Of a replica (train: a worker), such as 6GiB: a node holds no more than fit. auto: as much as the models
    # take (train: none is asked for); null: none is asked for.
    memory: str | None = "auto"
    nodes: tuple[NodeRow, ...] | None = None  # prices of types of nodes; or the YAML file that lists them
    deadline: str | None = None  # such as 4h: --dry-run says how many nodes are done within it

    @model_validator(mode="before")
    @classmethod
    def _table(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("nodes"), str | Path):
            return {**values, "nodes": read_node_rows(values["nodes"])}
        return values

    @field_validator("deadline")
    @classmethod
    def _end(cls, value: str | None) -> str | None:
        if value is not None and not seconds_of(value):
            raise ValueError("takes a time such as 90s, 15m or 4h")
        return value

    def prices(self) -> tuple[list[dict[str, Any]], float | None]:
        """Return the table of nodes, and the seconds until the deadline."""
        return [row.fields() for row in self.nodes or ()], None if self.deadline is None else seconds_of(
            self.deadline
        )

    @field_validator("memory")
    @classmethod
    def _size(cls, value: str | None) -> str | None:
        if value is not None and value != "auto":
            bytes_of(value)
        return value

    @field_validator("wait")
    @classmethod
    def _time(cls, value: str) -> str:
        seconds_of(value)
        return value


def read_node_rows(given: str | Path) -> list[Any]:
    """Read a table of types of nodes: a list in a YAML file, alone or under the key `nodes`.

    Raises:
        ValueError: no path, no such file, or no list in it.
    """
    try:
        path = location(given)
    except ConfigError as error:
        raise ValueError(error.message) from None
    try:
        found = yaml.safe_load(path.read_text())
    except (BucketAccessError, BucketError):
        raise
    except OSError as error:
        raise ValueError(f"cannot read the table of nodes {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ValueError(f"the table of nodes {path} is not YAML") from None
    rows = found.get("nodes") if isinstance(found, Mapping) else found
    if not isinstance(rows, list):
        raise ValueError(f"the table of nodes {path} holds no list of types; see docs/scale.md")
    return rows


def seconds_of(text: str) -> float:
    """Return the seconds of a time such as 90s, 15m or 2h; a number alone counts seconds.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if found is None:
        raise ValueError("takes a time such as 90s, 15m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def bytes_of(text: str) -> int:
    """Return the bytes of a size such as 6GiB, 512MiB or 8GB; a number alone counts bytes.

    Raises:
        ValueError: it is none, or nothing.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*((?:[kmg]i?)?)b?\s*", text, re.IGNORECASE)
    size = 0 if found is None else int(float(found[1]) * _UNITS[found[2].lower()])
    if size < 1:
        raise ValueError("takes a size such as 6GiB or 512MiB")
    return size


def share_fields(
    how_many: int | str | Between, cpus: int, gpus: float, resources: Resources, measured: int = 0
) -> dict[str, Any]:
    """Return what the engine takes of resources: fields of its `Share`.

    `measured` are the bytes that memory: auto stands for; 0 where nobody knows.
    """
    if isinstance(how_many, Between):
        least, most = how_many.min, how_many.max
    else:
        least, most = 1, None if how_many == "auto" else int(how_many)
    auto = resources.memory == "auto"
    memory = measured if auto else 0 if resources.memory is None else bytes_of(resources.memory)
    return {
        "most": most,
        "least": least,
        "cpus": cpus,
        "gpus": gpus,
        "memory": memory,
        "estimated": auto and memory > 0,
        "wait": seconds_of(resources.wait),
    }


class ReplicaResources(Resources):
    """Replicas of a model; results do not depend on how many."""

    replicas: HowMany = "auto"
    cpus_per_replica: Positive = 1
    gpus_per_replica: float = Field(default=0, ge=0)

    def share(self, measured: int = 0) -> dict[str, Any]:
        """Return the fields of the engine's `Share`; `measured` bytes are what memory: auto stands for."""
        return share_fields(self.replicas, self.cpus_per_replica, self.gpus_per_replica, self, measured)


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


def check_signals(inputs: SignalFiles, modalities: Sequence[str]) -> None:
    if "openness" in modalities and not inputs.openness:
        raise ValueError("modality openness needs inputs.openness (bigWig or bedGraph files)")
    if "loops" in modalities and inputs.loops is None:
        raise ValueError("modality loops needs inputs.loops (BEDPE, bigWig or bedGraph)")


def signal_rules(inputs: SignalFiles) -> dict[str, Any]:
    """Settings of the inputs that change what is read from the same files."""
    return {"outside": inputs.outside, "loops_count_column": inputs.loops_count_column}


def signal_files(inputs: SignalFiles, modalities: Sequence[str]) -> dict[str, Path]:
    paths = {"inputs.fasta": inputs.fasta}
    if "openness" in modalities:
        paths |= {f"inputs.openness[{i}]": path for i, path in enumerate(inputs.openness)}
    if "loops" in modalities and inputs.loops is not None:
        paths["inputs.loops"] = inputs.loops
    if inputs.blacklist is not None:
        paths["inputs.blacklist"] = inputs.blacklist
    return paths
