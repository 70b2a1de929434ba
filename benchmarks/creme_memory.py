"""What CREME holds in memory as genes grow: all tests of a sample of genes, run by one replica.

    python benchmarks/creme_memory.py [--genes 20 200]

The synthetic genome of creme_plan.py, the planted backbone, every test with one shuffle and two rounds. Each
number of genes runs in a process of its own; printed are the peaks of the driver and of its replica.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from creme_plan import write_inputs

from raycre.config import PerturbConfig, make_config
from raycre.creme.presets import paper_shuffles
from raycre.creme.tests import TESTS
from raycre.workflows.perturb.run import run_creme

EVERY = 0.5  # seconds between looks at the replica


def run(folder: Path, n_genes: int) -> dict[str, float]:
    """Run all tests of the first genes; return what it took."""
    config = make_config(
        PerturbConfig,
        {
            "run": {"name": "memory", "out": str(folder / f"run-{n_genes}")},
            "inputs": {
                "fasta": str(folder / "genome.fa"),
                "tss_table": str(folder / "genes.csv"),
                "genes": [f"G{i:05d}" for i in range(n_genes)],
            },
            "model": {"backbone": "planted"},
            "tracks": [0],
            "tests": [test for test in TESTS if test != "activity"],
            "creme": {
                "n_shuffles": dict.fromkeys(paper_shuffles(), 1),
                "rounds": 2,
                "copies": 2,
                "per_class": 2,
                "elements": "called",
            },
            "resources": {"replicas": 1, "tiles_per_task": 40},
        },
    )
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            peak[0] = max([peak[0], *map(_resident, Path("/proc").glob("[0-9]*"))])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    started = time.perf_counter()
    record = run_creme(config)
    over.set()
    thread.join()
    return {
        "genes": n_genes,
        "rows_of_effects": record["effects"],
        "seconds": time.perf_counter() - started,
        "driver_peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "replica_peak_gib": peak[0],
    }


def _resident(process: Path) -> float:
    """GiB of a process if it is a replica, of whichever run on this machine."""
    try:
        if not (process / "comm").read_text().startswith("ray::Replica"):
            return 0.0
        return int((process / "statm").read_text().split()[1]) * resource.getpagesize() / 2**30
    except OSError:  # it has just ended
        return 0.0


def main() -> None:
    """Print one line for each number of genes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of one number's own process
    given = parser.parse_args()
    if given.folder is not None:
        print(json.dumps(run(given.folder, given.genes[0])))
        return
    with tempfile.TemporaryDirectory() as scratch:
        write_inputs(Path(scratch), max(given.genes))
        for n in given.genes:
            command = [sys.executable, __file__, "--folder", scratch, "--genes", str(n)]
            ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            print(ended.stdout.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
