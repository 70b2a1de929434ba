"""What `--dry-run` says of a CREME run, held to what the run then does, and what a second run of the folder
leaves. One replica, no Ray."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raycre.demo.genome import DemoGenome
from raycre.store.parquet import read_table
from tests.conftest import perturb_config
from tests.in_process import n_predicted, run_creme
from tests.unit.test_creme_failures import STARTS

TESTS = ("context", "necessity", "sufficiency", "distance", "interaction", "sets", "multiplicity", "finemap")
GENES = ["ENHA", "ENHB", "SILA", "NEUT"]


def creme(
    genome: DemoGenome, out: Path, genes: Sequence[str] | dict[str, int], dry_run: bool, **changes: Any
) -> dict[str, Any]:
    tiles = changes.pop("tiles", [STARTS[i] for i in (0, 3, 8)])
    settings = {
        "n_shuffles": dict.fromkeys(TESTS, 2),
        "tiles": tiles,
        "rounds": 2,
        "copies": 1,
        "fine": [[2500, 0.9, 1]],
        "per_class": 1,
        "elements": changes.pop("elements", "called"),
    }
    inputs = {"fasta": str(genome.fasta), "gtf": str(genome.gtf), "genes": genes}
    asked = {"inputs": inputs, "tracks": [0], "creme": settings, "resources": {}, **changes}
    return run_creme(perturb_config(genome, out, **asked), dry_run=dry_run)


def test_a_run_about_the_most_active_genes_counts_the_tests_of_these_alone(
    genome: DemoGenome, tmp_path: Path
) -> None:
    before = creme(genome, tmp_path, {"top": 1}, True, tests=["necessity"])
    creme(genome, tmp_path, {"top": 1}, False, tests=["necessity"])
    after = creme(genome, tmp_path, {"top": 1}, True, tests=["necessity"])
    assert before["passes"] == before["passes_to_do"] == n_predicted(tmp_path) == before["genes"] + 3 * 2
    assert before["bases_to_compute"] == before["genes"]  # wild types
    assert after["passes"] == before["passes"]
    assert after["passes_to_do"] == after["bases_to_compute"] == after["flops_to_do"] == 0
    assert after["units_done"] == after["units"]


def test_tiles_of_a_bed_are_counted_as_they_are(genome: DemoGenome, tmp_path: Path) -> None:
    planted = genome.truth_tiles[["chrom", "start", "end"]].itertuples(index=False)
    bed = tmp_path / "peaks.bed"
    bed.write_text("".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in planted))
    asked: dict[str, Any] = {"tests": ["necessity"], "tiles": str(bed)}
    before = creme(genome, tmp_path / "run", GENES, True, **asked)
    creme(genome, tmp_path / "run", GENES, False, **asked)
    assert before["passes"] == before["passes_to_do"] == n_predicted(tmp_path / "run")


def test_every_tile_is_counted_where_all_are_elements(genome: DemoGenome, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"tests": ["distance"], "elements": "all"}
    before = creme(genome, tmp_path, GENES[:1], True, **changes)
    creme(genome, tmp_path, GENES[:1], False, **changes)
    assert before["elements_assumed"] == 3
    assert before["passes"] == n_predicted(tmp_path)


def test_a_finished_pipeline_has_nothing_to_do(genome: DemoGenome, tmp_path: Path) -> None:
    before = creme(genome, tmp_path, GENES, True, tests="pipeline")
    assert before["genes_that_go_on_at_most"] == 3
    assert before["passes"] == before["passes_to_do"]
    # The context test of all genes: a wild type and two backgrounds each, none like another.
    assert before["bases_to_compute"] >= len(GENES) * (1 + 2)
    creme(genome, tmp_path, GENES, False, tests="pipeline")
    after = creme(genome, tmp_path, GENES, True, tests="pipeline")
    assert after["passes_to_do"] == after["bases_to_compute"] == after["flops_to_do"] == 0
    assert after["units_done"] == after["units"] > before["units"]
    # One gene of each class went on, as many as can: the same numbers, which each other confirm.
    for name in ("passes", "passes_before_deduplication", "elements_assumed"):
        assert after[name] == before[name]


def test_effects_of_genes_that_a_pipeline_no_longer_chooses_are_removed(
    genome: DemoGenome, tmp_path: Path
) -> None:
    def going_on(genes: list[str]) -> list[set[str]]:
        """The genes of the plan's second step, and of its effects."""
        creme(genome, tmp_path, genes, False, tests="pipeline")
        plan = read_table(tmp_path / "plan.parquet").to_pandas()
        parts = (tmp_path / "effects" / "test=necessity").rglob("part-*.parquet")
        found = {name for path in parts for name in read_table(path, ["gene_name"])["gene_name"].to_pylist()}
        return [set(plan.loc[plan["stage"] == "tests", "gene_name"]), found]

    few, many = going_on(["ENHB", "SILA"]), going_on(["ENHB", "SILA", "ENHC"])
    assert few == [{"ENHB", "SILA"}] * 2
    assert many == [{"ENHC", "SILA"}] * 2  # one of each class, by hash
    screened = (tmp_path / "effects" / "test=context").rglob("part-*.parquet")
    assert len(list(screened)) == 3
    assert going_on(["ENHB", "SILA"]) == few
