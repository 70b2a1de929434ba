"""What the engine costs: `raycre creme` on one replica and on two, against a plain loop over the same passes.

    python benchmarks/engine.py [--genes 8 24] [--rounds 3]

A backbone of some 10 ms a pass (busy_model.py) on random sequence, context, necessity and sufficiency, one
torch thread everywhere. The loop builds each sequence and predicts it in this process, and writes nothing.
Each round runs all three ways in turn, at two numbers of genes; Ray is started once, before the first. From
the difference of both sizes follows what a further pass costs; the rest is what a run costs before its first
pass: replicas import torch and load the model.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from busy_model import installed

from raycre.backbones.reader import open_reader
from raycre.config import PerturbConfig, make_config
from raycre.creme.perturbation import apply, seeded_source
from raycre.creme.plan import passes
from raycre.engine.cluster import connected
from raycre.genome.fasta import Fasta
from raycre.genome.genes import read_window
from raycre.workflows.perturb.planning import plan_creme
from raycre.workflows.perturb.run import run_creme

SHUFFLES = {"context": 100, "necessity": 10, "sufficiency": 10}  # the paper's
SIZE, SPACING = 8_000_000, 100_000  # bp of the chromosome, and from one TSS to the next


def write_inputs(folder: Path) -> None:
    """A random chromosome and a table of TSSs on alternating strands."""
    letters = np.frombuffer(b"ACGT", np.uint8)[np.random.default_rng(0).integers(0, 4, SIZE)]
    (folder / "genome.fa").write_bytes(b">chr1\n" + letters.tobytes() + b"\n")
    rows = ["chrom,tss,strand,gene_id,gene_name"]
    for i, tss in enumerate(range(SPACING, SIZE - SPACING, SPACING)):
        rows.append(f"chr1,{tss},{'+-'[i % 2]},G{i},G{i}")
    (folder / "genes.csv").write_text("\n".join(rows) + "\n")


def configure(folder: Path, out: Path, genes: int, replicas: int) -> PerturbConfig:
    """Return a run of three tests."""
    return make_config(
        PerturbConfig,
        {
            "run": {"name": "bench", "out": str(out)},
            "inputs": {
                "fasta": str(folder / "genome.fa"),
                "tss_table": str(folder / "genes.csv"),
                "genes": [f"G{i}" for i in range(genes)],
            },
            "model": {"backbone": "busy"},
            "tracks": [0],
            "tests": list(SHUFFLES),
            "creme": {"n_shuffles": SHUFFLES},
            "resources": {"replicas": replicas},
        },
    )


def plain_loop(config: PerturbConfig) -> int:
    """Predict every pass here, one after another; return how many."""
    plan, model = plan_creme(config)
    reader, fasta = open_reader(model, plan.backbone, plan.tracks, 0), Fasta(config.inputs.fasta)
    planned = passes(plan.tests, plan.settings)
    for gene in plan.genes.itertuples():
        wild_type = read_window(fasta, gene.chrom, gene.tss, gene.strand, plan.settings.seq_len)
        # A background serves one pass after another: drawn once, as on a replica.
        source = lru_cache(maxsize=2)(seeded_source(wild_type, config.run.seed))
        for p in planned:
            reader.whole(apply(wild_type, p, gene.gene_id, config.run.seed, source))
    return len(planned) * len(plan.genes)


def main() -> None:
    """Print seconds of each way and what follows from them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, nargs=2, default=[8, 24], help="two sizes")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    ways = ("loop", "one replica", "two replicas")
    seconds: dict[tuple[str, int], list[float]] = {(way, n): [] for n in given.genes for way in ways}
    counted: dict[int, int] = {}
    with installed(), tempfile.TemporaryDirectory() as scratch, connected():
        folder = Path(scratch)
        write_inputs(folder)
        for r in range(given.rounds):
            for way, n in seconds:
                config = configure(folder, folder / f"{way}-{n}-{r}", n, 2 if way == "two replicas" else 1)
                started = time.perf_counter()
                if way == "loop":
                    counted[n] = plain_loop(config)
                else:
                    run_creme(config)
                seconds[way, n].append(time.perf_counter() - started)
    small, large = given.genes
    print(f"{counted[small]:,} and {counted[large]:,} passes")
    further: dict[str, list[float]] = {}
    for way in ways:
        for n in given.genes:
            values = seconds[way, n]
            listed = "  ".join(f"{v:7.2f}" for v in values)
            print(f"{way:13} {n:3} genes {listed}   median {statistics.median(values):7.2f} s")
        pairs = zip(seconds[way, small], seconds[way, large], strict=True)
        further[way] = [(b - a) / (counted[large] - counted[small]) * 1e3 for a, b in pairs]
        listed = "  ".join(f"{v:7.2f}" for v in further[way])
        print(f"{way:13} a further pass {listed}   median {statistics.median(further[way]):7.2f} ms")
    for over, under in (("one replica", "loop"), ("one replica", "two replicas")):
        whole = [a / b for a, b in zip(seconds[over, large], seconds[under, large], strict=True)]
        a_pass = [a / b for a, b in zip(further[over], further[under], strict=True)]
        for what, ratios in ((f"{large} genes", whole), ("a further pass", a_pass)):
            listed = "  ".join(f"{v:.3f}" for v in ratios)
            print(f"{over} / {under}, {what}: {listed}   median {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
