"""The resources of every verb: replicas, memory, prices of nodes; sizes and times as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, field_validator, model_validator

from raycre.bounds import Positive
from raycre.config.models import Frozen
from raycre.errors import BucketAccessError, BucketError, ConfigError
from raycre.store.location import location


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
