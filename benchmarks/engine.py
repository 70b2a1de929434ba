"""What the engine costs: the same forward passes in a plain loop, on one replica, and on two.

    python benchmarks/engine.py [--rounds 3]

Planted backbone on the demo genome, one torch thread everywhere. The loop calls the replica's own code in
this process. Each round runs all three in turn; Ray is started once, before the first. Times include starting
the replicas (they import torch and load the model).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from raycre.config import PerturbConfig, make_config
from raycre.demo_genome import DemoGenome, write_demo_genome
from raycre.engine.cluster import connected
from raycre.engine.perturbation import run_creme
from raycre.engine.replica import Order, Replica
from raycre.engine.study import plan_creme
from raycre.store.ledger import Ledger

SHUFFLES = {"context": 100, "necessity": 10, "sufficiency": 10}  # the paper's


def configure(genome: DemoGenome, out: Path, replicas: int) -> PerturbConfig:
    """Return a run of all tests on four genes."""
    return make_config(
        PerturbConfig,
        {
            "run": {"name": "bench", "out": str(out)},
            "inputs": {
                "fasta": str(genome.fasta),
                "gtf": str(genome.gtf),
                "genes": ["ENHA", "SILA", "ENHB", "SILB"],
            },
            "model": {"backbone": "planted"},
            "tracks": [0],
            "creme": {"n_shuffles": SHUFFLES},
            "resources": {"replicas": replicas},
        },
    )


def plain_loop(config: PerturbConfig) -> int:
    """Do every unit here, one after another; return the number of forward passes."""
    study, _ = plan_creme(config)
    order = Order(
        model=config.model,
        fasta=config.inputs.fasta,
        tests=config.tests,
        settings=study.settings,
        tracks=study.tracks,
        seed=config.run.seed,
        ledger=Ledger(config.run.out, "passes/model=planted"),
        metadata={},
        threads=1,
    )
    replica = Replica(order)
    genes = study.genes.to_dict("records")
    for unit in study.units.to_dict("records"):
        outcome = replica.work(unit["unit"], genes[unit["gene"]], unit["first"], unit["last"])
        assert outcome.error is None, outcome
    return study.n_after


def main() -> None:
    """Print seconds of each way and the ratios, round by round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {"loop": [], "one replica": [], "two replicas": []}
    with tempfile.TemporaryDirectory() as scratch, connected():
        folder = Path(scratch)
        genome = write_demo_genome(folder / "genome", n_labelled=5, n_candidates=19)
        for i in range(rounds):
            ways = {
                "loop": lambda out: plain_loop(configure(genome, out, 1)),
                "one replica": lambda out: run_creme(configure(genome, out, 1)),
                "two replicas": lambda out: run_creme(configure(genome, out, 2)),
            }
            for name, work in ways.items():
                out = folder / f"{name}-{i}"
                started = time.perf_counter()
                work(out)
                seconds[name].append(time.perf_counter() - started)
    for name, values in seconds.items():
        print(
            f"{name:13} "
            + "  ".join(f"{v:7.2f}" for v in values)
            + f"   median {statistics.median(values):7.2f} s"
        )
    for over, under in (("one replica", "loop"), ("one replica", "two replicas")):
        ratios = [a / b for a, b in zip(seconds[over], seconds[under], strict=True)]
        print(f"{over} / {under}: " + "  ".join(f"{r:.2f}" for r in ratios))


if __name__ == "__main__":
    main()
