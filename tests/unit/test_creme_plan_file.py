"""A plan of any length takes the memory of a piece of it, and says the same as one that is held whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raycre.creme.settings import Settings
from raycre.store.parquet import read_table
from raycre.store.passes import PassStore
from raycre.workflows.perturb import plan_file
from raycre.workflows.perturb.cost import UnitTally, tally
from raycre.workflows.perturb.plan_file import PlanFile, StepUnits
from raycre.workflows.perturb.units import Planned, Planner, Stage, Unit, Units, gene_folder, gene_key
from tests.planted_gene import GRID, LENGTH, TILE

SETTINGS = Settings(LENGTH, TILE, GRID, {"context": 100, "necessity": 10})
STAGE = Stage("tests", ("context", "necessity"), SETTINGS, (0,))
GENES = [
    {"gene_id": f"G{i}", "gene_name": f"N{i}", "chrom": "chr1", "tss": 20_000 + i, "strand": "+"}
    for i in range(200)
]


def peak_of(do: Callable[[], object]) -> int:
    """Bytes of Python's at most while something is done, beyond those before it."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_units_of_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_file, "PIECE", 200)
    walked = []

    def plan(shuffles: int) -> None:
        settings = replace(SETTINGS, n_shuffles={"context": shuffles, "necessity": 1})
        planner = Planner(replace(STAGE, settings=settings), GENES, 1, PassStore(tmp_path, (0,)))
        step = PlanFile(tmp_path / f"{shuffles}.parquet", {}).add(STAGE, planner.walk())
        walked.append(sum(1 for _ in Units(planner.walk, step.to_do)))
        assert walked[-1] == step.units == step.to_do

    plan(1)  # what is made once: caches, imports
    few, many = peak_of(lambda: plan(2)), peak_of(lambda: plan(100))
    assert walked[2] > 4 * walked[1]
    # Lists of passes of one gene alone grow; units of all genes would be megabytes.
    assert many - few < 300_000


def test_memory_of_a_dry_run_does_not_grow_with_the_units_that_it_counts(tmp_path: Path) -> None:
    counted = []

    def count(shuffles: int) -> None:
        settings = replace(SETTINGS, n_shuffles={"context": shuffles, "necessity": 1})
        planner = Planner(replace(STAGE, settings=settings), GENES, 1, PassStore(tmp_path, (0,)))
        counted.append(tally(planner.walk()))

    count(1)
    few, many = peak_of(lambda: count(2)), peak_of(lambda: count(100))
    assert counted[2].units > 4 * counted[1].units
    assert many - few < 300_000


def test_units_are_counted_by_what_is_known_of_them() -> None:
    def planned(gene: int, passes: int | None, to_do: int | None) -> Planned:
        return Planned(Unit("u", GENES[gene]), gene, passes, to_do)

    units = [
        planned(0, 4, 4),
        planned(0, 3, 0),
        planned(1, 2, 1),
        planned(1, None, None),
        planned(1, None, 0),
    ]
    assert tally(units) == UnitTally(units=5, done=2, passes=9, to_do=5, searches=2, searches_to_do=1)
    assert tally(units, but={gene_key(GENES[1])}) == UnitTally(units=2, done=1, passes=7, to_do=4)
    assert tally(units[:2]).plus(tally(units[2:])) == tally(units)


def test_a_plan_has_the_rows_of_all_steps_and_counts_each_pass_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_file, "PIECE", 2)

    def planned(stage: str, gene: int, passes: int | None, to_do: int | None) -> Planned:
        folder = gene_folder(GENES[gene])
        unit = Unit(f"{folder}/{stage}-{passes}", GENES[gene], None if passes is None else range(passes))
        return Planned(unit, gene, passes, to_do)

    plan = PlanFile(tmp_path / "plan.parquet", {"model": "m"})
    screened = [planned("activity", gene, 1, 1) for gene in range(3)]
    assert plan.add(replace(STAGE, name="activity"), screened) == StepUnits(3, 3, 0, 0)
    plan.add(replace(STAGE, name="peaks"), [planned("peaks", gene, 1, gene) for gene in range(2)])
    plan.row = {gene_folder(GENES[1]): 0}
    tests = [planned("tests", 1, 4, 4), planned("tests", 1, 3, 0), planned("tests", 1, None, None)]
    assert plan.add(STAGE, tests) == StepUnits(2, 1, 1, 1)
    # Genes 0 and 2 are of the first step alone; the last step of gene 1 has the passes of its first, too.
    assert plan.passes == 1 + 1 + (4 + 3) + 2
    assert plan.to_do == 3 + 1 + 4
    assert (plan.units, plan.genes) == (8, {"G0", "G1", "G2"})
    table = read_table(tmp_path / "plan.parquet")
    assert table.schema.metadata[b"model"] == b"m"
    assert table["stage"].to_pylist() == ["activity"] * 3 + ["peaks"] * 2 + ["tests"] * 3
    assert table["gene"].to_pylist() == [None, 0, None, None, 0, 0, 0, 0]
    assert table["to_do"].to_pylist() == [1, 1, 1, 0, 1, 4, 0, None]


def test_units_are_a_sequence() -> None:
    found = [Planned(Unit(f"u{i}", GENES[0], ()), 0, 1, 1) for i in range(3)]
    walks: list[Any] = []
    units = Units(lambda: walks.append(0) or iter(found), 3)
    assert len(units) == 3
    assert not walks
    assert [unit.name for unit in units] == ["u0", "u1", "u2"]
    assert [unit.name for unit in units[::-1]] == ["u2", "u1", "u0"]
    assert units[-1].name == "u2"
    with pytest.raises(IndexError):
        units[3]
