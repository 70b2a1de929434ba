"""One frozen model per verb: every key, its kind and its default.

Every key is spelled as in the README. `science()` is what changes results and goes into a run's digest;
`layout()` shapes the plan only; resources, names and folders are in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from raycre.config.given import as_taken


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
