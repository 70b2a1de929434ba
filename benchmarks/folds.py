"""Two folds side by side against one after the other: what a second core brings to training.

    python benchmarks/folds.py [--rounds 3] [--epochs 40] [--size small] [--regions 500]

Demo genome, one torch thread a worker, the same two folds each time; choose epochs so that a fold takes a
minute or more. Each round runs both ways in turn, in a Ray of its own. "with start-up" is all of `train`,
reading inputs and starting Ray included; "without" is from the begin of the first fold's first epoch to the
end of the last fold. The folds' weights must be the same bit for bit.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from raycre.config import TrainConfig, make_config
from raycre.create.inference.checkpoints import CUTOFFS, WEIGHTS, fold_folder
from raycre.demo.genome import DemoGenome, write_demo_genome
from raycre.store.files import read_json
from raycre.workflows.train.fold import PROGRESS
from raycre.workflows.train.run import run_train

FOLDS = (0, 1)


class Times(NamedTuple):
    """Seconds of one training: all of it, and without what comes before the first epoch."""

    whole: float
    training: float


def configure(genome: DemoGenome, out: Path, at_once: int, size: str, epochs: int) -> TrainConfig:
    """Return a training of two folds, `at_once` of them side by side, that never stops early."""
    return make_config(
        TrainConfig,
        {
            "run": {"out": str(out)},
            "inputs": {
                "fasta": str(genome.fasta),
                "openness": [str(path) for path in genome.openness],
                "loops": str(genome.loops),
                "labels": str(genome.labels),
            },
            "model": {"size": size},
            "recipe": {"epochs": epochs, "warmup_epochs": 1, "batch_size": 64, "patience": epochs},
            "folds": {"n": 5, "only": list(FOLDS)},
            "resources": {"folds_at_once": at_once},
        },
    )


def measure(config: TrainConfig) -> Times:
    """Train; a thread sees when the first epoch was over, and so when it began."""
    began: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not began and not over.wait(0.02):
            for fold in FOLDS:
                path = fold_folder(config.run.out, fold) / PROGRESS
                if path.is_file():
                    began.append(path.stat().st_mtime - read_json(path)["seconds"])

    thread = threading.Thread(target=watch)
    started = time.time()
    thread.start()
    run_train(config)
    ended = time.time()
    over.set()
    thread.join()
    written = [fold_folder(config.run.out, fold) / CUTOFFS for fold in FOLDS]
    return Times(ended - started, max(path.stat().st_mtime for path in written) - min(began))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--size", default="small")
    parser.add_argument("--regions", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        genome = write_demo_genome(folder / "genome", n_labelled=given.regions, n_candidates=60)
        found: dict[int, list[Times]] = {1: [], 2: []}
        weights: set[bytes] = set()
        for number in range(given.rounds):
            for at_once, times in found.items():
                config = configure(genome, folder / f"{number}-{at_once}", at_once, given.size, given.epochs)
                times.append(measure(config))
                files = (fold_folder(config.run.out, fold) / WEIGHTS for fold in FOLDS)
                weights.add(b"".join(path.read_bytes() for path in files))
                print(f"round {number}, {at_once} at once: {times[-1]}", flush=True)
    assert len(weights) == 1, "the folds' weights depend on how many are trained at once"
    for name in Times._fields:
        one, two = (min(getattr(times, name) for times in found[n]) for n in (1, 2))
        what = "with" if name == "whole" else "without"
        print(f"{what} start-up: {one:.1f} s one after the other, {two:.1f} s side by side: {one / two:.2f}x")


if __name__ == "__main__":
    main()
