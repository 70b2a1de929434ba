"""plan.parquet of a CREME run: a row a unit, step after step, written before any of a step's work begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from raycre.store.files import write_atomic
from raycre.store.parquet import as_table, open_parquet
from raycre.store.schemas import PASS_UNITS
from raycre.workflows.perturb.units import Planned, Stage

PIECE = 10_000  # units in memory, which make a row group
PEAKS = "peaks"  # name of the step whose units are a pass of their own


class StepUnits(NamedTuple):
    """Units of a step: of passes known beforehand, and adaptive searches; and how many of each are to do."""

    units: int
    to_do: int
    searches: int
    searches_to_do: int


@dataclass
class PlanFile:
    """The plan so far: in memory are numbers alone.

    Attributes:
        path: of the file.
        metadata: its key-value metadata.
        row: gene's folder -> its row of inputs/genes.parquet; empty while genes are not chosen.
        units: of all steps.
        to_do: forward passes known beforehand that were to do in this session.
        genes: ids.
    """

    path: Path
    metadata: Mapping[str, str]
    row: dict[str, int] = field(default_factory=dict)
    units: int = 0
    to_do: int = 0
    genes: set[str] = field(default_factory=set)
    _passes: dict[str, int] = field(default_factory=dict)  # of a gene's last step, by its folder
    _peaks: int = 0

    @property
    def passes(self) -> int:
        """Forward passes known beforehand.

        A gene's last step has the passes of its earlier ones too, so it alone counts; of the wild types whose
        peaks are looked for all bins are read, which is a pass of its own.
        """
        return self._peaks + sum(self._passes.values())

    def add(self, stage: Stage, units: Iterable[Planned]) -> StepUnits:
        """Add the units of a step, and write all of the plan, atomically."""
        counted = [0, 0, 0, 0]
        write_atomic(self.path, lambda temporary: self._write(temporary, stage, units, counted))
        step = StepUnits(*counted)
        self.units += step.units + step.searches
        return step

    def _write(self, temporary: Path, stage: Stage, units: Iterable[Planned], counted: list[int]) -> None:
        last: dict[str, int] = {}
        with pq.ParquetWriter(temporary, PASS_UNITS.with_metadata(dict(self.metadata))) as writer:
            for before in self._before():
                writer.write_table(self._with_rows(before))
            planned = iter(units)
            while piece := list(islice(planned, PIECE)):
                self._count(stage, piece, counted, last)
                writer.write_table(self._with_rows(_columns(stage, piece)))
        self._passes |= last

    def _before(self) -> Iterator[dict[str, Sequence[object]]]:
        """Rows of earlier steps, piece by piece."""
        if self.units:
            with open_parquet(self.path) as file:
                for group in range(file.num_row_groups):
                    yield file.read_row_group(group).to_pydict()

    def _with_rows(self, columns: Mapping[str, Sequence[object]]) -> pa.Table:
        folders = (str(unit).rpartition("/")[0] for unit in columns["unit"])
        rows = {**columns, "gene": [self.row.get(folder) for folder in folders]}
        return as_table(rows, PASS_UNITS, self.metadata)

    def _count(
        self, stage: Stage, piece: Sequence[Planned], counted: list[int], last: dict[str, int]
    ) -> None:
        for planned in piece:
            unit, passes = planned.unit, planned.passes
            self.genes.add(unit.gene["gene_id"])
            self.to_do += planned.to_do or 0
            first = 0 if passes is not None else 2
            counted[first] += 1
            counted[first + 1] += planned.to_do != 0
            if stage.name == PEAKS:
                self._peaks += 1
            else:
                folder = unit.name.rpartition("/")[0]
                last[folder] = last.get(folder, 0) + (passes or 0)


def _columns(stage: Stage, piece: Sequence[Planned]) -> dict[str, Sequence[object]]:
    return {
        "unit": [planned.unit.name for planned in piece],
        "stage": [stage.name] * len(piece),
        "kind": ["chain" if planned.unit.passes is None else "passes" for planned in piece],
        "gene_id": [planned.unit.gene["gene_id"] for planned in piece],
        "gene_name": [planned.unit.gene["gene_name"] for planned in piece],
        "passes": [planned.passes for planned in piece],
        "to_do": [planned.to_do for planned in piece],
    }
