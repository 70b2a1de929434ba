"""What a check of a configuration is handed, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from raycre.config import PrepareConfig
from raycre.create.layout import WIDTH
from raycre.genome.fasta import Fasta
from raycre.genome.regions import read_labels, read_regions, resize
from raycre.workflows.inputs import SignalInputs
from raycre.workflows.prepare.plan import sources_of


class Finding(NamedTuple):
    """One line: of what check, about what (a key, "" for the machine), what is so, and what to do."""

    check: str
    status: Literal["pass", "warn", "fail"]
    about: str
    message: str
    remedy: str = ""


def passed(name: str, about: str, message: str) -> Finding:
    """Return a finding that is good."""
    return Finding(name, "pass", about, message)


def warned(name: str, about: str, message: str, remedy: str) -> Finding:
    """Return a finding that a person should look at; a run would go on."""
    return Finding(name, "warn", about, message, remedy)


def failed(name: str, about: str, message: str, remedy: str) -> Finding:
    """Return a finding that a run would end by."""
    return Finding(name, "fail", about, message, remedy)


@dataclass(frozen=True)
class Case:
    """A configuration, and what several checks read of it."""

    verb: str
    config: Any

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Input files by their key."""
        if isinstance(self.config, PrepareConfig):
            found = sources_of(self.config)
            return {s.key: s.path for s in found if s.path is not None and not s.is_remote}
        paths: dict[str, Path] = self.config.paths()
        return paths

    @cached_property
    def inputs(self) -> SignalInputs:
        """Genome and signals of train and predict."""
        return SignalInputs(**self.config.inputs.signals())

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bp of each chromosome of the FASTA; the errors of `Fasta`."""
        with Fasta(self.config.inputs.fasta) as genome:
            return genome.sizes

    @cached_property
    def regions(self) -> pd.DataFrame:
        """Regions or labels of train and predict, resized as the run resizes them."""
        train = self.verb == "train"
        path, read = (
            (self.config.inputs.labels, read_labels) if train else (self.config.inputs.regions, read_regions)
        )
        found = read(path, sizes=self.sizes, outside=self.inputs.outside)
        return resize(found.table, WIDTH, self.sizes).table

    @cached_property
    def signals(self) -> dict[str, Path]:
        """bigWig and bedGraph of accessibility, by key."""
        return {f"inputs.openness[{i}]": path for i, path in enumerate(self.inputs.openness)}
