"""What it takes to plan CREME for many genes: seconds and memory before the first pass.

    python benchmarks/creme_plan.py [--genes 10000] [--tests NAME ...] [--tiles-per-task 1] [--rounds 3]

A synthetic genome of 100 Mb with genes at random places and strands, whose windows overlap; the planted
backbone, whose window is 65,536 bp; all tests, with the paper's shuffles and 600 partners of a swap. Each
round plans in a process of its own, which says how much memory it has held; importing and what a run does
before it plans (hashing its inputs) are not in the seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from raycre.config import PerturbConfig, make_config
from raycre.creme.tests import TESTS
from raycre.workflows.perturb.plan_file import PlanFile
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.perturb.stages import first_stage
from raycre.workflows.perturb.units import Planner, Units, as_dicts

N_CHROMS, SIZE, LINE = 4, 25_000_000, 100  # bp of each chromosome, letters of a line
ALL = [test for test in TESTS if test != "activity"]
EDGE = 100_000  # bp from a chromosome's end to the nearest TSS


def write_inputs(folder: Path, n_genes: int) -> None:
    """Write genome.fa and genes.csv."""
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)
    with (folder / "genome.fa").open("wb") as file:
        for c in range(N_CHROMS):
            lines = np.full((SIZE // LINE, LINE + 1), ord("\n"), np.uint8)
            lines[:, :LINE] = letters[rng.integers(0, 4, (SIZE // LINE, LINE), dtype=np.uint8)]
            file.write(b">chr%d\n" % (c + 1) + lines.tobytes())
    chroms, tss = rng.integers(1, N_CHROMS + 1, n_genes), rng.integers(EDGE, SIZE - EDGE, n_genes)
    strands = rng.choice(["+", "-"], n_genes)
    rows = zip(chroms, tss, strands, strict=True)
    lines_of = [f"chr{c},{t},{s},G{i:05d},G{i:05d}" for i, (c, t, s) in enumerate(rows)]
    (folder / "genes.csv").write_text("chrom,tss,strand,gene_id,gene_name\n" + "\n".join(lines_of) + "\n")
    (folder / "genes.txt").write_text("\n".join(f"G{i:05d}" for i in range(n_genes)) + "\n")


def plan(folder: Path, tests: list[str], tiles_per_task: int | str) -> dict[str, float]:
    """Plan, write the plan, and say what that took."""
    config = make_config(
        PerturbConfig,
        {
            "run": {"name": "plan", "out": str(folder / "run")},
            "inputs": {
                "fasta": str(folder / "genome.fa"),
                "tss_table": str(folder / "genes.csv"),
                "genes": str(folder / "genes.txt"),
            },
            "model": {"backbone": "planted"},
            "tracks": [0],
            "tests": tests,
            "resources": {"tiles_per_task": tiles_per_task},
        },
    )
    before = _peak()
    started = time.perf_counter()
    planned, _ = plan_creme(config)
    chosen = time.perf_counter() - started
    genes = as_dicts(planned.genes)
    stage = first_stage(planned, genes)
    planner = Planner(stage, genes, planned.passes_per_unit, planned.store)
    file = PlanFile(folder / "plan.parquet", planned.metadata)
    step = file.add(stage, planner.walk())
    walked = sum(1 for _ in Units(planner.walk, file.units))  # as the replicas are given them
    return {
        "seconds": time.perf_counter() - started,
        "of_which_genes_and_windows": chosen,
        "peak_gib": _peak(),
        "peak_gib_before": before,
        "genes": len(genes),
        "units": walked,
        "chains": step.searches,
        "passes_known_beforehand": file.passes,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print one line a round, then the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--tests", nargs="*", choices=list(TESTS), default=ALL)
    parser.add_argument("--tiles-per-task", type=int, help="1: as many units as can be")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of a round's own process
    given = parser.parse_args()
    if given.folder is not None:
        print(json.dumps(plan(given.folder, given.tests, given.tiles_per_task or "auto")))
        return
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        write_inputs(Path(scratch), given.genes)
        command = [sys.executable, __file__, "--folder", scratch, "--tests", *given.tests]
        if given.tiles_per_task:
            command += ["--tiles-per-task", str(given.tiles_per_task)]
        for _ in range(given.rounds):
            ended = subprocess.run(command, check=True, capture_output=True, text=True)
            found.append(json.loads(ended.stdout))
            print(json.dumps(found[-1]), flush=True)
    medians = {key: statistics.median(one[key] for one in found) for key in ("seconds", "peak_gib")}
    print(f"{given.genes:,} genes, {', '.join(given.tests)}: {json.dumps(medians)}")


if __name__ == "__main__":
    main()
