"""A backbone as a run uses it: which one, its weights, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import MinLen


@dataclass(frozen=True)
class BackboneSpec:
    """A backbone, its weights, and how it is read; small enough to travel.

    Attributes:
        backbone: its name.
        weights: a path, registry:NAME, or random:SEED; several are an ensemble; None where it has none.
        head: which output head, where there are several.
        track_table: of the head; a path or registry:NAME.
        settings: of this backbone's own (Enformer: gamma; Borzoi: strands).
        dtype: "float32", "tf32" or "bfloat16", of matrix products.
        incremental: reuse activations that an edit leaves alone.
        shifts: bp by which the window is moved; predictions are averaged over them.
        reverse_complement: averaged over both strands, too.
    """

    backbone: str
    weights: str | tuple[str, ...] | None = None
    head: Literal["human", "mouse"] = "human"
    track_table: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    dtype: Literal["float32", "tf32", "bfloat16"] = "float32"
    incremental: bool = True
    shifts: Annotated[tuple[int, ...], MinLen(1)] = (0,)
    reverse_complement: bool = False
